"""Tab-separated tables as results keep them, read with suspicion."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pandas as pd

from pipeline.lm.errors import InputError


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
