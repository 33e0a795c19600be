"""Figures of what goes on inside networks: cells, confidence, gates, errors, gradients, memory."""

import numpy as np
import pandas as pd

from analysis.claims.evidence.figure import Figure
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from analysis.statistics import mean_interval
from pipeline.lm.sources import TRAINED


def cell_share(results: Results, run: str, what: str, network: str) -> Figure:
    """Share of the cells of a network, trained or untrained, that are `interpretable` or
    `above_threshold`."""
    found = results.cells(run)["shares"][network][what]
    return Figure(found["estimate"], found["low"], found["high"])


def sureness_difference(results: Results, run: str, source: str, after: str, than: str) -> Figure:
    """Mean probability of a model's likeliest symbol after one class of symbols less that after
    another; windows resampled in each."""
    settings = results.settings
    table = results.own_table(run, "confidence")
    random = np.random.default_rng(settings.seed)
    means, resampled = [], []
    for name in (after, than):
        rows = table[(table["source"] == source) & (table["class"] == name)]
        if rows.empty:
            raise NotRunError(f"{run}: no symbols {name}")
        sums = rows.groupby("window")[["probability", "symbols"]].sum().to_numpy(float)
        drawn = random.integers(len(sums), size=(settings.resamples, len(sums)))
        totals = sums[drawn].sum(1)
        means.append(sums[:, 0].sum() / sums[:, 1].sum())
        resampled.append(totals[:, 0] / totals[:, 1])
    return Figure.from_resampled(means[0] - means[1], resampled[0] - resampled[1], settings.level)


def gate_difference(
    results: Results, run: str, gate: str, side: str, other_gate: str, other_side: str
) -> Figure:
    """Mean share of the time that the units of one gate are saturated at a side, less that of
    another gate or side; an interval over units."""
    shares = inside.gate_shares(results, run)
    shares = shares[shares["network"] == TRAINED]
    columns = [
        shares[shares["gate"] == name].set_index(["layer", "unit"])[at]
        for name, at in ((gate, side), (other_gate, other_side))
    ]
    return Figure.of(mean_interval(columns[0] - columns[1], **results.bootstrap()))


def first_layer_saturation(results: Results, run: str) -> Figure:
    """Share of the time that gates of the first layer are saturated at either side, less that of
    the other layers' gates; units resampled."""
    settings = results.settings
    shares = inside.gate_shares(results, run)
    shares = shares[shares["network"] == TRAINED]
    both = shares["left"] + shares["right"]
    sides = [both[shares["layer"] == 1].to_numpy(), both[shares["layer"] > 1].to_numpy()]
    if not all(map(len, sides)):
        raise NotRunError(f"{run}: needs a network of several layers")
    random = np.random.default_rng(settings.seed)
    drawn = [random.choice(side, (settings.resamples, len(side))).mean(axis=1) for side in sides]
    estimate = sides[0].mean() - sides[1].mean()
    return Figure.from_resampled(estimate, drawn[0] - drawn[1], settings.level)


def saturated_units(
    results: Results, run: str, network: str, gate: str, side: str, least: float
) -> Figure:
    """Share of the units of a gate that are saturated at a side for `least` of the time or more."""
    shares = inside.gate_shares(results, run)
    mine = shares[(shares["network"] == network) & (shares["gate"] == gate)]
    if mine.empty:
        raise NotRunError(f"{run}: no gate {gate} of the {network} network")
    return Figure.of(mean_interval((mine[side] >= least).astype(float), **results.bootstrap()))


def error_share(results: Results, run: str, source: str, kind: str) -> Figure:
    """Share of a model's errors that are of one kind."""
    shares = inside.error_shares(results, run)
    rows = shares[(shares["source"] == source) & (shares["kind"] == kind)]
    if rows.empty:
        raise NotRunError(f"{run}: no errors of kind {kind}")
    return Figure(*rows.iloc[0][["estimate", "low", "high"]])


def gradient_share(results: Results, cell: str, network: str, state: str, distance: int) -> Figure:
    """Norm of the gradient that arrives `distance` symbols back, of that at the nearest."""
    decay = inside.gradient_decay(results)
    rows = decay[
        (decay["cell"] == cell)
        & (decay["network"] == network)
        & (decay["state"] == state)
        & (decay["distance"] == distance)
    ]
    if rows.empty:
        raise NotRunError(f"gradients: nothing of {cell}, {network}, at {distance}")
    return Figure(*rows.iloc[0][["estimate", "low", "high"]])


def gradient_ratio(
    results: Results, network: str, distance: int, numerator: list[str], denominator: list[str]
) -> Figure:
    """The share of the gradient that arrives `distance` symbols back (`gradient_share`) of one cell
    over that of another; each as [cell, state]. The bounds are the farthest that both intervals
    allow."""
    above, below = (
        gradient_share(results, cell, network, state, distance)
        for cell, state in (numerator, denominator)
    )
    with np.errstate(divide="ignore"):
        return Figure(*map(float, np.divide(above, (below.estimate, below.high, below.low))))


def memory_error(
    results: Results, task: str, cell: str, training: str, lengths: list[int], worst: bool
) -> Figure:
    """Error of a memory task relative to guessing, at the length where it is largest, or
    smallest; an interval over seeds."""
    table = results.common_table("memory_tasks")
    table = table[
        (table["task"] == task)
        & (table["cell"] == cell)
        & (table["training"] == training)
        & table["length"].isin(lengths)
    ]
    if table.empty:
        raise NotRunError(f"memory_tasks: nothing of {cell} on {task}")
    relative = pd.DataFrame(
        {"length": table["length"], "error": table["error"] / table["guessing"]}
    )
    means = relative.groupby("length")["error"].mean()
    length = means.idxmax() if worst else means.idxmin()
    return Figure.over_seeds(
        relative[relative["length"] == length]["error"], results.settings.level
    )


FIGURES = (cell_share, sureness_difference, gate_difference, first_layer_saturation,
           saturated_units, error_share, gradient_share, gradient_ratio, memory_error)  # fmt: skip
