"""Tab-separated tables as results keep them: written atomically, read with suspicion."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write


def read_table(path: Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """A table; InputError if it is no table, cut short, or without one of `columns`."""
    try:
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            raise ValueError("it is cut short")
        # A digest that happens to have no letters is no number.
        table = pd.read_csv(BytesIO(content), sep="\t", dtype={"digest": str})
        if missing := set(columns) - set(table.columns):
            raise ValueError(f"it has no column {min(missing)}")
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} is damaged ({reason}): delete it and run its stage again (dvc repro)"
        ) from error
    return table


def write_table(path: Path, rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Write a tab-separated table, atomically."""
    with atomic_write(path, "w") as file:
        pd.DataFrame(rows, columns=columns).to_csv(
            file, sep="\t", index=False, float_format="%.7g", lineterminator="\n"
        )
