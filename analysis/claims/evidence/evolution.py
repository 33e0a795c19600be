"""Figures of samples taken while a network was training: in which order they get better."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from analysis.statistics import Floats, confidence_rates
from pipeline.lm.sources import HELD_OUT, number


class Course(NamedTuple):
    """How a metric goes with the steps: the whole first, then R resamples."""

    steps: NDArray
    """(K,) ascending, 0 for random symbols."""
    rates: Floats
    """(K, 1 + R) of the samples taken then."""
    goal: Floats
    """(1 + R,) of held-out text."""


def course(run: RunResults, metric: str) -> Course:
    """A metric of every sample that can tell it, and of held-out text; resampled in each."""
    settings = run.settings
    random = np.random.default_rng(settings.seed)
    table = run.own_table("evolution")
    table = table[(table["metric"] == metric) & (table["exposure"] > 0)]
    rates: dict[str, Floats] = {}
    for source, rows in table.groupby("source", sort=False):
        events, exposure = (rows[name].to_numpy(float) for name in ("events", "exposure"))
        drawn = confidence_rates(events, exposure, settings.resamples, random)
        rates[str(source)] = np.concatenate([[events.sum() / exposure.sum()], drawn])
    taken = {int(number(name)): r for name, r in rates.items() if name != HELD_OUT}
    if HELD_OUT not in rates or len(taken) < 2:
        raise NotRunError(f"waits for samples of {run.name} in training that tell {metric}")
    steps = sorted(taken)
    return Course(np.array(steps), np.stack([taken[step] for step in steps]), rates[HELD_OUT])


def halfway(steps: NDArray, rates: Floats, goal: Floats) -> Floats:
    """The first step at which rates (K, R) have come half the way from the first to the goal (R,),
    between the steps (K,) along straight lines; the last step where they never do."""
    start = rates[0]
    done = (rates - start) / np.where(goal == start, np.nan, goal - start)
    reached = done >= 0.5
    first = np.where(reached.any(0), reached.argmax(0), len(steps) - 1)
    before = np.maximum(first - 1, 0)
    column = np.arange(rates.shape[1])
    low, high = done[before, column], done[first, column]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip((0.5 - low) / (high - low), 0, 1)
    at = steps[before] + share * (steps[first] - steps[before])
    return np.where(reached.any(0), at, steps[-1])


def halfway_step(results: Results, run: str, metric: str) -> Figure:
    """The step at which a metric of the samples has come half its way from random symbols to
    held-out text."""
    return _figure(halfway(*course(results.run(run), metric)), results)


def halfway_ratio(results: Results, run: str, metric: str, other_metric: str) -> Figure:
    """That step of one metric over that of another."""
    later, sooner = (halfway(*course(results.run(run), name)) for name in (metric, other_metric))
    return _figure(later / sooner, results)


def _figure(values: Floats, results: Results) -> Figure:
    return Figure.from_resampled(values[0], values[1:], results.settings.level, len(values))


FIGURES = (halfway_step, halfway_ratio)
