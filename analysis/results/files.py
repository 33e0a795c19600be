"""Result files as they are read: what they have to hold, and that they are there at all."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json
from pipeline.lm.io.tables import read_table
from pipeline.lm.text import MANIFEST

NEEDED = {
    "scores.tsv": ("nats", "symbols"),
    "closing.tsv": ("closer", "distance", "n", "probability"),
    "structure.tsv": ("metric", "events", "exposure", "unit"),
    "incidence.tsv": ("closer", "distance", "at_risk"),
    "history.tsv": ("epoch", "train_bits", "validation_bits"),
    "gates.tsv": ("gate", "left", "right"),
    "errors.tsv": ("kind", "errors", "near"),
    "loops.tsv": ("stream", "start", "period"),
    "evolution.tsv": ("metric", "events", "exposure", "unit"),
    "comparisons.tsv": ("other", "ratio", "p_holm"),
    "precision.tsv": ("half_width", "phi", "text"),
    "confidence.tsv": ("class", "least", "probability"),
    "gradients.tsv": ("cell", "distance", "norm"),
    "memory_tasks.tsv": ("task", "error", "guessing"),
    "course": ("experiment", "setting", "at", "value", "floor"),
    "runs.tsv": ("digest", "steps", "symbols_per_step", "device", "precision"),
    "sizes.tsv": ("model", "ngrams"),
    "canaries.tsv": ("model", "times", "recited"),
    "delayed_copy.tsv": ("lag", "error", "guessing"),
    "train.json": ("experiment", "parameters"),
    "excerpts.json": ("beginnings", "passages"),
    MANIFEST: ("source", "parts", "vocabulary"),
    "cells.json": ("shares", "settings", "best"),
    "speed.json": ("rows",),
}
"""Columns or keys that readers take for granted, by file or folder: one without is another file."""


class NotRunError(Exception):
    """A result is not there; the message names the run that would make it."""


def json_of(path: Path, run: str, *besides: str) -> dict[str, Any]:
    """A JSON result that `run` makes, with the keys it needs and those `besides`. NotRunError if it
    is not there, InputError if it lacks one."""
    if not path.exists():
        raise NotRunError(f"waits for {run}")
    found = read_json(path)
    if missing := {*NEEDED.get(path.name, ()), *besides} - set(found):
        raise InputError(
            f"{path} is damaged (it has no {min(missing)}): delete it and run its stage again "
            "(dvc repro)"
        )
    return found


def table_of(path: Path, run: str) -> pd.DataFrame:
    """A table that `run` makes, with the columns it needs. NotRunError if it is not there,
    InputError if it lacks one."""
    if not path.exists():
        raise NotRunError(f"waits for {run}")
    return _parsed(path, path.stat().st_mtime_ns)


def tables_of(paths: Iterable[Path], run: str) -> pd.DataFrame:
    """All of some tables that are there, in one; NotRunError if none is."""
    tables = [table_of(path, run) for path in paths if path.exists()]
    if not tables:
        raise NotRunError(f"waits for {run}")
    # Of empty ones the columns have no types, and would take those of the others away.
    return pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)


@cache
def _parsed(path: Path, _modified: int) -> pd.DataFrame:
    return read_table(path, NEEDED.get(path.name) or NEEDED.get(path.parent.name, ()))


def baseline_excerpts(folder: Path, corpus: str) -> dict[str, Any]:
    """What pages quote of a corpus's n-grams and held-out text, whose results are in `folder`: see
    `analysis.measure.excerpts`."""
    run = f"excerpts of the baseline of {corpus}"
    return json_of(folder / "excerpts.json", run, "following")
