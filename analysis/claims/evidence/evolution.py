"""Figures of samples taken while a network was training: in which order they get better."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from analysis.statistics import Floats
from pipeline.lm.sources import HELD_OUT, number

COUNTS = ["events", "exposure"]


class Course(NamedTuple):
    """How a metric goes with the steps: the whole first, then R resamples."""

    steps: NDArray
    """(K,) ascending, 0 for random symbols."""
    rates: Floats
    """(K, 1 + R) of the samples taken then."""
    goal: Floats
    """(1 + R,) of held-out text."""
    n: int
    """Streams of each sample, which are what is resampled."""


def course(run: RunResults, metric: str, least: int) -> Course:
    """A metric of every sample that has `least` words, marks or whatever it is a share of, and of
    held-out text; resampled in each. The same streams are drawn for every metric, so that two of
    them are compared in the same samples."""
    settings = run.settings
    table = run.own_table("evolution")
    windows = range(int(table["window"].max()) + 1)
    table = table[table["metric"] == metric]
    rates: dict[str, Floats] = {}
    for source, rows in table.groupby("source", sort=False):
        events, exposure = (
            rows.set_index("window").reindex(windows, fill_value=0)[COUNTS].T.to_numpy(float)
        )
        if exposure.sum() < least:
            continue
        random = np.random.default_rng([settings.seed, *str(source).encode()])
        drawn = random.integers(len(windows), size=(settings.resamples, len(windows)))
        seen = np.concatenate([np.arange(len(windows))[None], drawn])
        with np.errstate(invalid="ignore"):
            rates[str(source)] = events[seen].sum(1) / exposure[seen].sum(1)
    taken = {int(number(name)): r for name, r in rates.items() if name != HELD_OUT}
    if HELD_OUT not in rates or len(taken) < 2:
        raise NotRunError(f"waits for samples of {run.name} in training that tell {metric}")
    steps = sorted(taken)
    return Course(
        np.array(steps), np.stack([taken[step] for step in steps]), rates[HELD_OUT], len(windows)
    )


def halfway(steps: NDArray, rates: Floats, goal: Floats) -> Floats:
    """The step from which on rates (K, R) stay nearer to the goal (R,) than half of what they were
    at first, between the steps (K,) along straight lines; the last step where they never do."""
    far = np.abs(rates - goal)
    half = far[0] / 2
    last = len(steps) - 1 - (far > half)[::-1].argmax(0)  # the first is, unless it is the goal
    after = np.minimum(last + 1, len(steps) - 1)
    column = np.arange(rates.shape[1])
    begin, end = far[last, column], far[after, column]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(after > last, (begin - half) / (begin - end), 0)
    found = steps[last] + share * (steps[after] - steps[last])
    return np.where(np.isnan(rates).any(0) | np.isnan(goal) | (half == 0), np.nan, found)


def halfway_step(results: Results, run: str, metric: str, least: int) -> Figure:
    """The step from which on a metric of the samples is nearer to held-out text than half way from
    random symbols."""
    told = course(results.run(run), metric, least)
    return _figure(halfway(*told[:3]), results, told.n)


def halfway_ratio(results: Results, run: str, metric: str, other_metric: str, least: int) -> Figure:
    """That step of one metric over that of another."""
    told = [course(results.run(run), name, least) for name in (metric, other_metric)]
    later, sooner = (halfway(*each[:3]) for each in told)
    return _figure(later / sooner, results, told[0].n)


def _figure(values: Floats, results: Results, n: int) -> Figure:
    return Figure.from_resampled(values[0], values[1:], results.settings.level, n)


FIGURES = (halfway_step, halfway_ratio)
