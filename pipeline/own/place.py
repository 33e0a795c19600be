"""Where a text of one's own lies: a file, a folder, an archive; and what is looked at of it."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, Protocol
from urllib.parse import urlsplit

from pipeline.corpora.archives import members
from pipeline.corpora.fetch import Network, SourceError, download
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write
from pipeline.own.writing import Writing, plain, writing

BLOCK = 1 << 20
HEAD = 1 << 20
"""Bytes of each file that are looked at."""
SAMPLE = 1 << 22
"""Bytes of all files together that are looked at."""


MOST = 4_000_000_000
"""Bytes of a text."""


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes."""
        ...


class File(NamedTuple):
    """A file of a text, as it was found."""

    name: str
    size: int
    head: bytes
    writing: Writing
    ends_a_line: bool


@dataclass(frozen=True)
class Place:
    """A file, a folder or an archive, looked at: files that hold text, and those that do not."""

    path: Path
    files: list[File]
    others: list[str]

    @property
    def size(self) -> int:
        """Bytes of the files that hold text."""
        return sum(file.size for file in self.files)

    @property
    def is_plain(self) -> bool:
        """Whether it can be learnt as it lies there: no two documents share a line either."""
        alone = len(self.files) == 1
        return all(f.writing.is_plain and (alone or f.ends_a_line) for f in self.files)

    def sample(self, as_is: bool) -> bytes:
        """The beginnings of the files, some megabytes at most, as they are or made plain."""
        text = b""
        for file in self.files:
            encoding = file.writing.encoding
            text += file.head if as_is or not encoding else b"".join(plain([file.head], encoding))
            if len(text) > SAMPLE:
                break
        return text[:SAMPLE]

    def copy(self, target: Path, as_is: bool) -> None:
        """The files that hold text in the folder `target`, or the only one as it: made plain, with
        an end of line at the end of each, or as they are."""
        alone = len(self.files) == 1
        encodings = {file.name: file.writing.encoding for file in self.files}
        for name, stream in contents(self.path):
            if name in encodings:
                encoding = "" if as_is else encodings[name]
                _write(target if alone else target / name, stream, encoding)


def _write(path: Path, stream: Readable, encoding: str) -> None:
    blocks = iter(lambda: stream.read(BLOCK), b"")
    last = b""
    with atomic_write(path) as file:
        for block in plain(blocks, encoding) if encoding else blocks:
            file.write(block)
            last = block[-1:] or last
        if encoding and last != b"\n":
            file.write(b"\n")


def fetched(place: str, scratch: Path) -> Path:
    """The path of a place: standard input and the web are read into `scratch`."""
    if place == "-":
        path = scratch / "standard-input.txt"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return path
    if place.startswith(("http://", "https://")):
        path = scratch / (PurePosixPath(urlsplit(place).path).name or "page")
        try:
            download(place, path, MOST, Network())
        except SourceError as error:
            raise InputError(f"{place}: {error}") from error
        return path
    return Path(place).expanduser().absolute()


def look(path: Path) -> Place:
    """Look at what lies at `path`, InputError if there is no text."""
    files = [_file(name, stream) for name, stream in contents(path)]
    texts = [file for file in files if file.size and file.writing.encoding]
    if not texts and len(files) == 1 and files[0].size:
        texts = files  # bytes of whatever kind: any can be learnt
    if not texts:
        raise InputError(f"{path} holds no text: name a file, a folder or an archive that does")
    names = {file.name for file in texts}
    return Place(path, texts, [file.name for file in files if file.name not in names])


def contents(path: Path) -> Iterator[tuple[str, Readable]]:
    """(name, stream) of every file of a folder (no links, nothing hidden) or of an archive; a file
    is one by itself. InputError if it cannot be read, or expands to more than `MOST` bytes."""
    if not path.exists():
        raise InputError(f"{path} is not there: name a file, a folder, an archive, a URL or -")
    try:
        if path.is_dir():
            for name in sorted(_names(path)):
                with (path / name).open("rb") as stream:
                    yield name, stream
        else:
            yield from members(path, MOST)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _names(folder: Path) -> Iterator[str]:
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = Path(base, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def _file(name: str, stream: Readable | IO[bytes]) -> File:
    head, size, last = b"", 0, b""
    while block := stream.read(BLOCK):
        head += block[: HEAD - len(head)]
        size, last = size + len(block), block[-1:]
    return File(name, size, head, writing(head), last == b"\n")
