"""Intervals and tests for quantities counted unit by unit: the one bootstrap of the project.

A unit (a window or a document of text, a sample, a function, a name) is what is resampled: symbols
within one are not independent. A quantity is a ratio of sums, sum(events) / sum(exposures), over n
units. Intervals are percentile bootstraps, or over few seeds Student's; NaN bounds mean that there
are too few units to tell.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
Ratio = tuple[ArrayLike, ArrayLike]
"""Events and exposures of n units."""

BLOCK = 1 << 21  # indices drawn at once, so that memory does not grow with the resamples
LEAST_SEEDS = 3
"""A comparison of models needs as many trainings of each."""


class Interval(NamedTuple):
    """An estimate with its interval, from n units."""

    estimate: float
    low: float
    high: float
    n: int


def percentile_interval(estimate: float, resampled: Floats, level: float, n: int) -> Interval:
    """The interval that holds the middle `level` of resampled values (R,); NaN values, of which a
    resample had nothing to tell, are left out."""
    usable = resampled[~np.isnan(resampled)]
    if n < 2 or not len(usable):
        return Interval(float(estimate), np.nan, np.nan, n)
    tail = (1 - level) / 2
    # No interpolation: it would make NaN of infinite log ratios.
    low, high = np.quantile(usable, [tail, 1 - tail], method="inverted_cdf")
    return Interval(float(estimate), float(low), float(high), n)


def resampled(
    quantity: Callable[[NDArray[np.int64]], Floats],
    n: int,
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    """A quantity of n units drawn with replacement, (resamples,): given indices (rows, n) it tells
    (rows,)."""
    sizes = blocks(resamples if n else 0, n)
    values = [quantity(rng.integers(n, size=(rows, n))) for rows in sizes]
    return np.concatenate([np.empty(0), *values])


def bootstrap(
    quantity: Callable[[NDArray[np.int64]], Floats],
    n: int,
    *,
    resamples: int,
    seed: int,
    level: float,
) -> Interval:
    """Interval of a quantity of n units: see `resampled`."""
    values = resampled(quantity, n, resamples, np.random.default_rng(seed))
    whole = quantity(np.arange(n)[None])[0] if n else np.nan
    return percentile_interval(whole, values, level, n)


def ratio_interval(
    events: ArrayLike,
    exposures: ArrayLike,
    *,
    resamples: int,
    seed: int,
    level: float,
    run: float = 1,
) -> Interval:
    """Interval of sum(events) / sum(exposures), units resampled together.

    Without any event, the bound is the exact Poisson one, -ln(1 - level) / n ("3 / n"), n being
    the number of events there could have been, sum(exposures) / run; where each exposure is an
    event (a share of 1) the same bound counts down from 1.

    Args:
        events: (n,) numerator of each unit.
        exposures: (n,) denominator of each unit, as the quantity counts them.
        resamples: bootstrap resamples.
        seed: of the resampling.
        level: coverage, as .95.
        run: exposure that one event fills at least: a copy of 50 symbols is one event, not 50.
    """
    top, bottom = pair(events, exposures)
    total = bottom.sum()
    if total <= 0:
        return Interval(np.nan, np.nan, np.nan, len(top))
    bound = float(-np.log1p(-level) * run / total)
    if not top.any():
        return Interval(0.0, 0.0, bound, len(top))
    if np.array_equal(top, bottom):
        return Interval(1.0, max(0.0, 1 - bound), 1.0, len(top))
    return bootstrap(_ratio(top, bottom), len(top), resamples=resamples, seed=seed, level=level)


def mean_interval(values: ArrayLike, *, resamples: int, seed: int, level: float) -> Interval:
    """Interval of the mean of (n,) values, one a unit; NaN values are left out."""
    kept = np.asarray(values, np.float64)
    kept = kept[~np.isnan(kept)]
    mean = _ratio(kept, np.ones(len(kept)))
    return bootstrap(mean, len(kept), resamples=resamples, seed=seed, level=level)


def seeds_interval(values: ArrayLike, level: float) -> Interval:
    """The mean of one value a seed (n,), with Student's interval; NaN bounds of too few."""
    kept = np.asarray(values, np.float64)
    n, mean = len(kept), float(kept.mean())
    if n < LEAST_SEEDS:
        return Interval(mean, np.nan, np.nan, n)
    half = float(stdtrit(n - 1, (1 + level) / 2) * kept.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def seeds_ratio_interval(values: ArrayLike, level: float) -> Interval:
    """The geometric mean of one ratio a seed (n,), with Student's interval of the logarithms."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        logs = seeds_interval(np.log(np.asarray(values, np.float64)), level)
        estimate, low, high = (float(np.exp(value)) for value in logs[:3])
    return Interval(estimate, low, high, logs.n)


def unanimous_interval(
    value: float, n: int, level: float, lowest: float, highest: float
) -> Interval:
    """The mean of n units that all have one value, of such as can have few: it has no variance.

    Units of other values are rarer than -ln(1 - level) / n ("3 / n") and lie anywhere between
    `lowest` and `highest`.
    """
    rare = min(1.0, float(-np.log1p(-level)) / n)
    low, high = ((1 - rare) * value + rare * edge for edge in (lowest, highest))
    return Interval(value, low, high, n)


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    exposures: ArrayLike | None = None,
    *,
    resamples: int,
    seed: int,
    level: float,
) -> Interval:
    """Interval of the difference a - b of two models measured on the same n units.

    Args:
        a: (n,) values, or sums, of the first model.
        b: (n,) of the second.
        exposures: (n,) what the sums are to be divided by; None means one a unit.
        resamples: bootstrap resamples.
        seed: of the resampling.
        level: coverage.
    """
    first, second = pair(a, b)
    weights = np.ones(len(first)) if exposures is None else np.asarray(exposures, np.float64)
    difference, weights = pair(first - second, weights)
    if weights.sum() <= 0:
        return Interval(np.nan, np.nan, np.nan, len(first))
    rate = _ratio(difference, weights)
    return bootstrap(rate, len(first), resamples=resamples, seed=seed, level=level)


def rate_difference(
    a: Ratio,
    b: Ratio,
    *,
    resamples: int,
    seed: int,
    level: float,
    run: float = 1,
    paired: bool = False,
) -> Interval:
    """Interval of rate a - rate b. A side without events, or of nothing else, has the confidence
    distribution of `confidence_rates`; n is the smaller number of units.

    `paired`: both are of the same units, which are drawn together.
    """
    sides = [pair(*a), pair(*b)]
    n = min(len(events) for events, _ in sides)
    if any(exposures.sum() <= 0 for _, exposures in sides):
        return Interval(np.nan, np.nan, np.nan, n)
    rngs = [np.random.default_rng(seed)] * 2
    if paired:
        rngs[1] = np.random.default_rng(seed)  # which draws the same units once more
    values = [
        confidence_rates(*side, resamples, rng, run) for side, rng in zip(sides, rngs, strict=True)
    ]
    estimates = [events.sum() / exposures.sum() for events, exposures in sides]
    return percentile_interval(estimates[0] - estimates[1], values[0] - values[1], level, n)


def log_rate_ratio(
    events_a: ArrayLike,
    exposures_a: ArrayLike,
    events_b: ArrayLike,
    exposures_b: ArrayLike,
    *,
    resamples: int,
    seed: int,
    level: float,
    run: float = 1,
) -> Interval:
    """Interval of ln(rate a / rate b) for units that are not paired; n is the smaller number.

    A side without events has the confidence distribution of `confidence_rates`; the estimate is
    then infinite and one bound finite.
    """
    sides = [pair(events_a, exposures_a), pair(events_b, exposures_b)]
    n = min(len(side[0]) for side in sides)
    if any(exposures.sum() <= 0 for _, exposures in sides):
        return Interval(np.nan, np.nan, np.nan, n)
    rng = np.random.default_rng(seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.log(confidence_rates(*side, resamples, rng, run)) for side in sides]
        estimates = [np.log(events.sum() / exposures.sum()) for events, exposures in sides]
        return percentile_interval(estimates[0] - estimates[1], logs[0] - logs[1], level, n)


def confidence_rates(
    events: Floats, exposures: Floats, resamples: int, rng: np.random.Generator, run: float = 1
) -> Floats:
    """Rates of units drawn with replacement, (resamples,).

    Without any event, those that a Poisson rate with none seen may have: exponential of mean
    run / exposure (see `ratio_interval`); of a share of 1 the same, down from 1.
    """
    unseen = len(events) > 0 and not events.any()
    if unseen or (len(events) and np.array_equal(events, exposures)):
        rates = rng.exponential(size=resamples) * run / exposures.sum()
        return rates if unseen else 1 - rates
    return resampled(_ratio(events, exposures), len(events), resamples, rng)


def pair(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"expected two arrays (n,), got {first.shape} and {second.shape}")
    return first, second


def blocks(resamples: int, n: int) -> Iterator[int]:
    """Sizes that sum to `resamples`, each small enough for n columns."""
    size = max(1, BLOCK // max(n, 1))
    for start in range(0, resamples, size):
        yield min(size, resamples - start)


def _ratio(events: Floats, exposures: Floats) -> Callable[[NDArray[np.int64]], Floats]:
    """Ratios of sums of the units drawn; NaN where they have no exposure."""

    def ratios(index: NDArray[np.int64]) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return events[index].sum(1) / exposures[index].sum(1)

    return ratios
