"""The networks a verdict rests on, in words: what they are, what they read, on what machines."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd

from analysis.results.reader import NotRunError, Results

MILLION = 1e6


def networks(results: Results, runs: Sequence[str]) -> list[str]:
    """A line for each of `runs` that is an experiment or a sweep and has been trained."""
    found = []
    for run in runs:
        with suppress(NotRunError):
            if run in results.config.experiments:
                found.append(f"{run}: {of_training(results.run(run).training())}")
            elif run in results.config.sweeps:
                found.append(f"{run}: {of_sweep(results.sweep(run))}")
    return found


def of_training(card: Mapping[str, Any]) -> str:
    """One network, by its train.json."""
    model, read = card["experiment"]["model"], card["steps"] * card["symbols_per_step"]
    machines = card.get("machines") or {f"{card['device']}, {card['precision']}": 1.0}
    return "; ".join([
        f"{model['cell'].upper()} {model['layers']}x{model['hidden']}",
        f"{read / MILLION:.1f} million training symbols", "1 seed",
        *(_on(name, share) for name, share in machines.items()),
    ])  # fmt: skip


def _on(machine: str, share: float) -> str:
    return machine if share == 1 else f"{machine} ({share:.0%} of the steps)"


def of_sweep(table: pd.DataFrame) -> str:
    """All networks of a sweep, by its runs.tsv."""
    read = table["steps"] * table["symbols_per_step"] / MILLION
    seeds = table["seed"].nunique() if "seed" in table else 1
    return "; ".join([
        f"{len(table)} networks", f"{_span(read)} million training symbols each",
        f"{seeds} seed{'s' * (seeds > 1)}",
        *dict.fromkeys(table["device"] + ", " + table["precision"]),
    ])  # fmt: skip


def _span(values: pd.Series) -> str:
    low, high = (f"{value:.1f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
