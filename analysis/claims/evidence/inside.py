"""Figures of what goes on inside networks: cells, confidence, gates, errors."""

from typing import Any

import numpy as np

from analysis.claims.evidence.figure import Figure
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from analysis.statistics import mean_interval, rate_difference
from pipeline.lm.sources import TRAINED


def cell_share(results: Results, run: str, what: str, network: str) -> Figure:
    """Share of the cells of a network, trained, untrained or `rotated` (random directions in the
    space of the trained one's cells), that are `interpretable` or `above_threshold`."""
    found, features = _cells(results.run(run), what, network)
    return Figure(found["estimate"], found["low"], found["high"], f"features: {features}")


def cell_difference(results: Results, run: str, what: str, network: str, other: str) -> Figure:
    """That share of one network less the one of another; cells resampled in each."""
    sides = []
    for name in (network, other):
        found, _ = _cells(results.run(run), what, name)
        flags = np.arange(found["n"]) < round(found["estimate"] * found["n"])
        sides.append((flags, np.ones(found["n"])))
    return Figure.of(rate_difference(*sides, **results.settings.bootstrap()))


def _cells(run: RunResults, what: str, network: str) -> tuple[dict[str, Any], str]:
    """A share in cells.json, and the features looked for."""
    cells = run.cells()
    if network not in cells["shares"]:
        raise NotRunError(f"waits for the cells of {run.name}, {network}")
    return cells["shares"][network][what], ", ".join(cells.get("occurrences", {}))


def sureness_difference(results: Results, run: str, source: str, after: str, than: str) -> Figure:
    """Mean probability of a model's likeliest symbol after one class of symbols less that after
    another; paired by window."""
    table = results.run(run).own_table("confidence")
    sides = []
    for name in (after, than):
        rows = table[(table["source"] == source) & (table["class"] == name)]
        if rows.empty:
            raise NotRunError(f"{run}: no symbols {name}")
        sides.append(rows.groupby("window")[["probability", "symbols"]].sum())
    windows = sides[0].index.union(sides[1].index)
    whole = [side.reindex(windows, fill_value=0) for side in sides]
    ratios = [(side["probability"], side["symbols"]) for side in whole]
    return Figure.of(rate_difference(*ratios, paired=True, **results.settings.bootstrap()))


def gate_difference(
    results: Results, run: str, gate: str, side: str, other_gate: str, other_side: str
) -> Figure:
    """Mean share of the time that the units of one gate are saturated at a side, less that of
    another gate or side; an interval over units."""
    shares = inside.gate_shares(results.run(run))
    shares = shares[shares["network"] == TRAINED]
    columns = [
        shares[shares["gate"] == name].set_index(["layer", "unit"])[at]
        for name, at in ((gate, side), (other_gate, other_side))
    ]
    return Figure.of(mean_interval(columns[0] - columns[1], **results.settings.bootstrap()))


def first_layer_saturation(results: Results, run: str) -> Figure:
    """Share of the time that gates of the first layer are saturated at either side, less that of
    the other layers' gates; units resampled."""
    shares = inside.gate_shares(results.run(run))
    shares = shares[shares["network"] == TRAINED]
    both = shares["left"] + shares["right"]
    sides = [both[shares["layer"] == 1].to_numpy(), both[shares["layer"] > 1].to_numpy()]
    if not all(map(len, sides)):
        raise NotRunError(f"{run}: needs a network of several layers")
    ratios = [(side, np.ones(len(side))) for side in sides]
    return Figure.of(rate_difference(*ratios, **results.settings.bootstrap()))


def saturated_units(
    results: Results, run: str, network: str, gate: str, side: str, least: float
) -> Figure:
    """Share of the units of a gate that are saturated at a side for `least` of the time or more."""
    shares = inside.gate_shares(results.run(run))
    mine = shares[(shares["network"] == network) & (shares["gate"] == gate)]
    if mine.empty:
        raise NotRunError(f"{run}: no gate {gate} of the {network} network")
    return Figure.of(
        mean_interval((mine[side] >= least).astype(float), **results.settings.bootstrap())
    )


def error_share(results: Results, run: str, source: str, kind: str) -> Figure:
    """Share of a model's errors that are of one kind."""
    shares = inside.error_shares(results.run(run))
    rows = shares[(shares["source"] == source) & (shares["kind"] == kind)]
    if rows.empty:
        raise NotRunError(f"{run}: no errors of kind {kind}")
    return Figure(*rows.iloc[0][["estimate", "low", "high"]])


FIGURES = (cell_share, cell_difference, sureness_difference, gate_difference,
           first_layer_saturation, saturated_units, error_share)  # fmt: skip
