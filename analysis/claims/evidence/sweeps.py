"""Figures of sweeps: trainings that differ in one setting, matched in all others."""

from pathlib import Path
from typing import Any

import numpy as np

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results
from pipeline.config.params import load_yaml

REFERENCE = Path("conf/reference.yaml")
SEED = "seed"
TABLE_AXES = ("model.cell", "model.hidden", "model.layers")


def sweep_difference(
    results: Results, sweep: str, setting: str, value: Any, other: Any, where: dict[str, Any]
) -> Figure:
    """Test bits per symbol at one value of a setting less those at another, paired by seed."""
    runs = results.sweep(sweep, SEED, setting, *where)
    for key, wanted in where.items():
        runs = runs[runs[key] == wanted]
    table = runs.pivot_table(index=SEED, columns=setting, values="bits")
    if missing := [wanted for wanted in (value, other) if wanted not in table]:
        raise NotRunError(f"waits for {sweep} with {setting} {', '.join(map(str, missing))}")
    return Figure.over_seeds((table[value] - table[other]).dropna(), results.settings.level)


def code_length_difference(
    results: Results, sweep: str, other: str, where: dict[str, Any]
) -> Figure:
    """Bits that the test part costs the networks of one sweep less those it costs the runs `where`
    of another, whose symbols are bytes, over these bytes, paired by seed; for texts that are the
    same but for their symbols."""
    words, whole = results.sweep(sweep, SEED).set_index(SEED), results.sweep(other, SEED, *where)
    for key, value in where.items():
        whole = whole[whole[key] == value]
    whole = whole.set_index(SEED)
    excess = (words["nats"] - whole["nats"]) / whole["symbols"] / np.log(2)
    return Figure.over_seeds(excess.dropna(), results.settings.level)


def table_gap(results: Results, sweep: str, table: str) -> Figure:
    """Our test nats per symbol less those of a published table, the mean over the cells both
    have, with an interval over cells. conf/reference.yaml holds the tables."""
    published = load_yaml(REFERENCE)[table]
    runs = results.sweep(sweep, *TABLE_AXES)
    gaps = []
    for cell, by_hidden in published["nats"].items():
        for hidden, by_layers in by_hidden.items():
            for layers, nats in enumerate(by_layers, 1):
                ours = runs[
                    (runs["model.cell"] == cell)
                    & (runs["model.hidden"] == hidden)
                    & (runs["model.layers"] == layers)
                ]
                gaps += [bits * np.log(2) - nats for bits in ours["bits"]]
    if not gaps:
        raise NotRunError(f"waits for {sweep}: no cell of {table} has been run")
    return Figure.over_seeds(gaps, results.settings.level)


FIGURES = (sweep_difference, code_length_difference, table_gap)
