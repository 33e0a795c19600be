"""Parts of a long stage, kept as they are found: one that is stopped goes on where it was."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline.lm.io.files import atomic_write, file_sha256, read_json, sole_writer


class Journal:
    """What the parts found so far, JSON values by the name of the part, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[str, Any] = read_json(path) if path.exists() else {}

    def add(self, part: str, value: Any) -> None:
        """Keep what a part found."""
        self.done[part] = value
        with atomic_write(self.path, "w") as file:
            json.dump(self.done, file)

    def found(self, part: str, find: Callable[[], Any]) -> Any:
        """What a part found, now or before it was stopped."""
        if part not in self.done:
            self.add(part, find())
        return self.done[part]


@contextmanager
def journal(folder: Path, stage: str, code: list[Path], given: Any) -> Iterator[Journal]:
    """The journal of a stage, in `folder`, until the block has succeeded.

    It is named after all that its values depend on, the files of the code and what is `given`
    (settings and digests of texts, as JSON): nothing is taken up under others. InputError if
    another process is at it.
    """
    key = json.dumps([given, [file_sha256(path) for path in code]], sort_keys=True)
    path = folder / f"{stage}-{sha256(key.encode()).hexdigest()[:12]}.json"
    with sole_writer(path.with_suffix("")):
        yield Journal(path)
        path.unlink(missing_ok=True)
