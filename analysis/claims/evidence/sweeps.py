"""Figures of sweeps: trainings that differ in one setting, matched in all others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results
from analysis.statistics import mean_interval, ratio_interval
from pipeline.config.params import ROOT, load_yaml

REFERENCE = ROOT / "conf" / "reference.yaml"
SEED = "seed"
TABLE_AXES = ("model.cell", "model.hidden", "model.layers")
NEAR = 0.05
"""Steps and parameters can be matched within so much of themselves only."""


def sweep_difference(
    results: Results,
    sweep: str,
    value: Mapping[str, Any],
    other: Mapping[str, Any],
    equal: str | Sequence[str] = (),
) -> Figure:
    """Test bits per symbol of the runs with some settings less those of the runs with others,
    paired by seed. `equal`: columns of runs.tsv in which runs of the two have to agree."""
    columns = [equal] if isinstance(equal, str) else list(equal)
    runs = results.sweep(sweep, SEED, *value, *other, *columns)
    sides = [_with(runs, settings) for settings in (value, other)]
    for wanted, side in zip((value, other), sides, strict=True):
        if side.empty:
            raise NotRunError(f"waits for {sweep} with {_words(wanted)}")
    pairs = sides[0].merge(sides[1], on=SEED, suffixes=("", "_other"))
    for column in columns:
        pairs = pairs[_agree(pairs[column], pairs[f"{column}_other"])]
    if pairs.empty:
        raise NotRunError(f"waits for {sweep} with {_words(value)} at equal {', '.join(columns)}")
    by_seed = (pairs["bits"] - pairs["bits_other"]).groupby(pairs[SEED]).mean()
    return _over_seeds(results, by_seed, sweep)


def _over_seeds(results: Results, by_seed: pd.Series, *sweeps: str) -> Figure:
    """NotRunError before all seeds that the configuration asks of the sweeps are there: one that
    is not done judges nothing."""
    asked = {seed for name in sweeps for seed in results.config.sweeps[name].grid.get(SEED, ())}
    if missing := ", ".join(map(str, sorted(asked - set(by_seed.index)))):
        raise NotRunError(f"waits for {' and '.join(sweeps)} with all seeds: {missing} missing")
    return Figure.over_seeds(by_seed, results.settings.level)


def _with(runs: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    for key, wanted in settings.items():
        runs = runs[runs[key] == wanted]
    return runs


def _agree(a: pd.Series, b: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
        return (a - b).abs() <= NEAR * b
    return a == b


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def code_length_difference(
    results: Results, sweep: str, other: str, where: dict[str, Any]
) -> Figure:
    """Bits that the test part costs the networks of one sweep less those it costs the runs `where`
    of another, whose symbols are bytes, over these bytes, paired by seed; for texts that are the
    same but for their symbols."""
    words, whole = results.sweep(sweep, SEED).set_index(SEED), results.sweep(other, SEED, *where)
    whole = _with(whole, where).set_index(SEED)
    excess = (words["nats"] - whole["nats"]) / whole["symbols"] / np.log(2)
    return _over_seeds(results, excess.dropna(), sweep, other)


def table_share(results: Results, sweep: str, table: str, within: float) -> Figure:
    """Share of a published table's networks whose test nats per symbol ours are near, among those
    that were run; networks resampled."""
    gaps, published = _gaps(results, sweep, table)
    near = np.abs(gaps) <= within
    found = ratio_interval(near, np.ones(len(near)), **results.settings.bootstrap())
    return Figure.of(found, _of(len(gaps), published))


def table_gap(results: Results, sweep: str, table: str) -> Figure:
    """The mean distance of our test nats per symbol from those of a published table, over the
    networks both have; networks resampled. conf/reference.yaml holds the tables."""
    gaps, published = _gaps(results, sweep, table)
    found = mean_interval(np.abs(gaps), **results.settings.bootstrap())
    return Figure.of(found, _of(len(gaps), published))


def _gaps(results: Results, sweep: str, table: str) -> tuple[np.ndarray, int]:
    """Ours less theirs, of each network that both have, and the number of theirs."""
    columns = load_yaml(REFERENCE)[table]["nats"]
    theirs = {
        (cell, hidden, layers): nats
        for cell, by_hidden in columns.items()
        for hidden, by_layers in by_hidden.items()
        for layers, nats in enumerate(by_layers, 1)
    }
    runs = results.sweep(sweep, *TABLE_AXES).groupby(list(TABLE_AXES))["bits"].mean()
    gaps = [runs[key] * np.log(2) - nats for key, nats in theirs.items() if key in runs.index]
    if not gaps:
        raise NotRunError(f"waits for {sweep}: no network of {table} has been run")
    return np.array(gaps), len(theirs)


def _of(some: int, all_of_them: int) -> str:
    return f"{some} of {all_of_them} networks"


FIGURES = (sweep_difference, code_length_difference, table_share, table_gap)
