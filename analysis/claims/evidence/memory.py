"""Figures of what networks remember: gradients, memory tasks, delayed copying, canaries."""

import math

import numpy as np
import pandas as pd

from analysis.claims.evidence.figure import Figure
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from analysis.statistics import ratio_interval


def gradient_share(results: Results, cell: str, network: str, state: str, distance: int) -> Figure:
    """Norm of the gradient that arrives `distance` symbols back, of that at the nearest; over
    seeds."""
    shares = _gradient_shares(results, cell, network, state, distance)
    return Figure.ratio_over_seeds(shares, results.settings.level)


def gradient_ratio(
    results: Results, network: str, distance: int, numerator: list[str], denominator: list[str]
) -> Figure:
    """The share of the gradient that arrives `distance` symbols back (`gradient_share`) of one cell
    over that of another, seed by seed; each as [cell, state]."""
    above, below = (
        _gradient_shares(results, cell, network, state, distance)
        for cell, state in (numerator, denominator)
    )
    return Figure.ratio_over_seeds((above / below).dropna(), results.settings.level)


def _gradient_shares(
    results: Results, cell: str, network: str, state: str, distance: int
) -> pd.Series:
    """Of each seed: the mean norm over windows at a distance, over that at the smallest."""
    shares = inside.gradient_shares(results)
    if (cell, network, state) not in shares.index or distance not in shares:
        raise NotRunError(f"gradients: nothing of {cell}, {network}, at {distance}")
    return shares.loc[(cell, network, state), distance]


def memory_error(results: Results, task: str, cell: str, lengths: list[int], worst: bool) -> Figure:
    """Error of a memory task relative to guessing, at the length where it is largest, or
    smallest; an interval over seeds."""
    table = results.common_table("memory_tasks")
    table = table[(table["task"] == task) & (table["cell"] == cell) & table["length"].isin(lengths)]
    if table.empty:
        raise NotRunError(f"memory_tasks: nothing of {cell} on {task}")
    return _at_the_extreme(table, "length", worst, results)


def delayed_error(results: Results, within: bool, carried: bool, worst: bool) -> Figure:
    """Error of repeating a bit after a lag, relative to guessing, at the lag within the window of
    training, or beyond it, where it is largest, or smallest; an interval over seeds."""
    table = results.common_table("delayed_copy")
    table = table[((table["lag"] < table["window"]) == within) & (table["carried"] == carried)]
    if table.empty:
        raise NotRunError("delayed_copy: no such lag")
    return _at_the_extreme(table, "lag", worst, results)


def _at_the_extreme(table: pd.DataFrame, column: str, worst: bool, results: Results) -> Figure:
    """error / guessing over seeds, where its mean is largest or smallest over a column's values."""
    relative = table["error"] / table["guessing"]
    means = relative.groupby(table[column]).mean()
    place = means.idxmax() if worst else means.idxmin()
    figure = Figure.over_seeds(relative[table[column] == place], results.settings.level)
    return figure._replace(note=f"{column} {place}")


def recital(results: Results, model: str, times: int) -> Figure:
    """Share of the strings planted so many times that a model, given half of one, recites."""
    rows = _canaries(results, model)
    rows = rows[rows["times"] == times]
    if rows.empty:
        raise NotRunError(f"canaries: none was planted {times} times")
    return Figure.of(
        ratio_interval(rows["recited"], np.ones(len(rows)), **results.settings.bootstrap())
    )


def recital_from(results: Results, model: str, share: float) -> Figure:
    """The fewest times from which on a model recites more than a share of the strings planted as
    often; none if it does not at the most times."""
    rows = _canaries(results, model)
    shares = rows.groupby("times")["recited"].mean()
    short = shares.index[shares <= share]
    enough = shares.index[shares.index > max(short, default=-1)]
    return Figure.exact(float(enough[0]) if len(enough) else math.inf)


def _canaries(results: Results, model: str) -> pd.DataFrame:
    table = results.common_table("canaries")
    rows = table[table["model"] == model]
    if rows.empty:
        raise NotRunError(f"canaries: nothing of {model}")
    return rows


FIGURES = (gradient_share, gradient_ratio, memory_error, delayed_error, recital, recital_from)
