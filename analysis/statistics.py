"""Intervals and tests for figures counted window by window.

A window (of text, or a function, a page, a name) is the unit of resampling: symbols within one
are not independent. A figure is a ratio of sums, sum(events) / sum(exposures), over n windows.
Intervals are percentile bootstraps; NaN bounds mean that there are too few windows to tell.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BLOCK = 1 << 21  # indices drawn at once, so that memory does not grow with the resamples


class Interval(NamedTuple):
    """An estimate with its interval, from n windows."""

    estimate: float
    low: float
    high: float
    n: int


def ratio_interval(
    events: ArrayLike, exposures: ArrayLike, *, resamples: int, seed: int, level: float
) -> Interval:
    """Interval of sum(events) / sum(exposures), windows resampled together.

    Without any event, the bound is the exact Poisson one, -ln(1 - level) / exposure ("3/N");
    where each exposure is an event (a share of 1) the same bound counts down from 1.

    Args:
        events: (n,) numerator of each window.
        exposures: (n,) denominator of each window, in the same unit as the figure.
        resamples: bootstrap resamples.
        seed: of the resampling.
        level: coverage, as .95.
    """
    top, bottom = _pair(events, exposures)
    total = bottom.sum()
    if total <= 0:
        return Interval(np.nan, np.nan, np.nan, len(top))
    estimate = top.sum() / total
    bound = -np.log1p(-level) / total
    if not top.any():
        return Interval(0.0, 0.0, float(bound), len(top))
    if np.array_equal(top, bottom):
        return Interval(1.0, max(0.0, float(1 - bound)), 1.0, len(top))
    rates = _resampled_rates(top, bottom, resamples, np.random.default_rng(seed))
    return _interval(estimate, rates, level, len(top))


def mean_interval(values: ArrayLike, *, resamples: int, seed: int, level: float) -> Interval:
    """Interval of the mean of (n,) values, one a window; NaN values are left out."""
    kept = np.asarray(values, np.float64)
    kept = kept[~np.isnan(kept)]
    if not len(kept):
        return Interval(np.nan, np.nan, np.nan, 0)
    means = _resampled_rates(kept, np.ones(len(kept)), resamples, np.random.default_rng(seed))
    return _interval(kept.mean(), means, level, len(kept))


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    exposures: ArrayLike | None = None,
    *,
    resamples: int,
    seed: int,
    level: float,
) -> Interval:
    """Interval of the difference a - b of two models measured on the same n windows.

    Args:
        a: (n,) values, or sums, of the first model.
        b: (n,) of the second.
        exposures: (n,) what the sums are to be divided by; None means one a window.
        resamples: bootstrap resamples.
        seed: of the resampling.
        level: coverage.
    """
    first, second = _pair(a, b)
    weights = np.ones(len(first)) if exposures is None else np.asarray(exposures, np.float64)
    difference, weights = _pair(first - second, weights)
    if weights.sum() <= 0:
        return Interval(np.nan, np.nan, np.nan, len(first))
    rates = _resampled_rates(difference, weights, resamples, np.random.default_rng(seed))
    return _interval(difference.sum() / weights.sum(), rates, level, len(first))


def log_rate_ratio(
    events_a: ArrayLike,
    exposures_a: ArrayLike,
    events_b: ArrayLike,
    exposures_b: ArrayLike,
    *,
    resamples: int,
    seed: int,
    level: float,
) -> Interval:
    """Interval of ln(rate a / rate b) for windows that are not paired; n is the smaller number.

    A side without events has the confidence distribution of a Poisson rate with none seen,
    exponential of mean 1 / exposure; the estimate is then infinite and one bound finite.
    """
    sides = [_pair(events_a, exposures_a), _pair(events_b, exposures_b)]
    n = min(len(side[0]) for side in sides)
    if any(exposures.sum() <= 0 for _, exposures in sides):
        return Interval(np.nan, np.nan, np.nan, n)
    rng = np.random.default_rng(seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.log(_confidence_rates(*side, resamples, rng)) for side in sides]
        estimates = [np.log(events.sum() / exposures.sum()) for events, exposures in sides]
        return _interval(estimates[0] - estimates[1], logs[0] - logs[1], level, n)


def permutation_p(
    events_a: ArrayLike,
    exposures_a: ArrayLike,
    events_b: ArrayLike,
    exposures_b: ArrayLike,
    *,
    resamples: int,
    seed: int,
) -> float:
    """Two-sided p of equal rates for unpaired windows, by shuffling windows between the sides."""
    a, b = _pair(events_a, exposures_a), _pair(events_b, exposures_b)
    events, exposures = (np.concatenate(both) for both in zip(a, b, strict=True))
    n = len(a[0])
    if not 0 < n < len(events):
        return np.nan
    rng = np.random.default_rng(seed)
    extreme, count = 0, 0
    observed = _rate_gap(events[None], exposures[None], n)[0]
    for rows in _blocks(resamples, len(events)):
        order = rng.permuted(np.tile(np.arange(len(events)), (rows, 1)), axis=1)
        gaps = _rate_gap(events[order], exposures[order], n)
        extreme += int((gaps >= observed * (1 - 1e-12)).sum())
        count += int(np.isfinite(gaps).sum())
    return float((1 + extreme) / (1 + count)) if np.isfinite(observed) else np.nan


def sign_flip_p(a: ArrayLike, b: ArrayLike, *, resamples: int, seed: int) -> float:
    """Two-sided p of equal means on the same n windows, by flipping the sign of differences."""
    first, second = _pair(a, b)
    difference = first - second
    if not len(difference):
        return np.nan
    rng = np.random.default_rng(seed)
    observed = abs(difference.mean())
    extreme = 0
    for rows in _blocks(resamples, len(difference)):
        signs = rng.integers(2, size=(rows, len(difference))) * 2 - 1
        extreme += int((np.abs((signs * difference).mean(1)) >= observed * (1 - 1e-12)).sum())
    return (1 + extreme) / (1 + resamples)


def holm(p_values: ArrayLike) -> Floats:
    """Holm's adjusted p-values, (n,), in the order given; NaN stays NaN and is not counted.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(len(p), np.nan)
    order = np.flatnonzero(~np.isnan(p))
    order = order[np.argsort(p[order], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return adjusted


def overdispersion(events: ArrayLike, exposures: ArrayLike, share: bool) -> float:
    """phi: how many times the variance of sum(events) / sum(exposures) is that of independent
    events, Poisson ones, or of trials if the figure is a `share`; NaN if that cannot be told.

    Args:
        events: (n,) numerator of each window.
        exposures: (n,) denominator of each window.
        share: whether each unit of exposure is an event or is not.
    """
    top, bottom = _pair(events, exposures)
    total, n = top.sum(), len(top)
    rate = total / bottom.sum() if bottom.sum() > 0 else np.nan
    independent = total * (1 - rate) if share else total
    if n < 2 or not independent > 0:
        return np.nan
    return float(n / (n - 1) * ((top - rate * bottom) ** 2).sum() / independent)


def incidence_intervals(
    durations: ArrayLike,
    causes: ArrayLike,
    windows: ArrayLike,
    count: int,
    at: ArrayLike,
    *,
    resamples: int,
    seed: int,
    level: float,
) -> tuple[list[Interval], list[Interval]]:
    """Aalen-Johansen cumulative incidences of two causes, bootstrapped over windows.

    Args:
        durations: (m,) time to the end of each subject.
        causes: (m,) 1 or 2, or 0 where the end was not seen (censored).
        windows: (m,) window of each subject, 0 to count - 1.
        count: number of windows, those without subjects included.
        at: (k,) times at which to read the incidences.
        resamples: bootstrap resamples.
        seed: of the resampling.
        level: coverage.

    Returns:
        k intervals for cause 1 and k for cause 2. Source: O. Aalen, S. Johansen, 1978.
    """
    times, cause = _pair(durations, causes)
    where, at = np.asarray(windows, np.intp), np.asarray(at, np.float64)
    grid = np.unique(times[(cause > 0) & (times <= at.max(initial=0))])
    upto = np.searchsorted(grid, at, side="right")
    # Of each window and time of the grid (count, k): who was at risk, who ended of which cause.
    last = np.zeros((count, len(grid) + 1))
    np.add.at(last, (where, np.searchsorted(grid, times, side="right")), 1)
    at_risk = np.cumsum(last[:, ::-1], axis=1)[:, ::-1]
    ended = np.zeros((2, count, len(grid)))
    seen = (cause > 0) & (times <= at.max(initial=0))
    place = cause[seen].astype(np.intp) - 1, where[seen], np.searchsorted(grid, times[seen])
    np.add.at(ended, place, 1)
    estimate = _incidences(np.ones((1, count)), at_risk, ended)[:, 0, upto]
    rng = np.random.default_rng(seed)
    resampled = [np.empty((2, 0, len(at)))]
    for rows in _blocks(resamples if count else 0, max(count, len(grid))):
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=rows)
        resampled.append(_incidences(drawn.astype(np.float64), at_risk, ended)[:, :, upto])
    values = np.concatenate(resampled, axis=1)
    first, second = (
        [_interval(estimate[i, j], values[i, :, j], level, count) for j in range(len(at))]
        for i in range(2)
    )
    return first, second


def _incidences(weights: Floats, at_risk: Floats, ended: Floats) -> Floats:
    """Incidences (2, rows, k + 1) before and at each time, of windows counted `weights` (rows, n).

    Args:
        weights: (rows, n) how often each window counts.
        at_risk: (n, k + 1) subjects of each window, and those at risk at each time.
        ended: (2, n, k) those that end then, by cause.
    """
    subjects, risk = np.split(weights @ at_risk, [1], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        hazards = np.where(risk > 0, weights @ ended / risk, 0)
    survival = np.cumprod(1 - hazards.sum(0), axis=1)
    before = np.concatenate([np.ones((len(weights), 1)), survival[:, :-1]], axis=1)
    nothing = np.where(subjects > 0, 0.0, np.nan)
    steps = np.stack([np.concatenate([nothing, before * one], axis=1) for one in hazards])
    return np.cumsum(steps, axis=2)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"expected two arrays (n,), got {first.shape} and {second.shape}")
    return first, second


def _blocks(resamples: int, n: int) -> Iterator[int]:
    """Sizes that sum to `resamples`, each small enough for n columns."""
    size = max(1, BLOCK // max(n, 1))
    for start in range(0, resamples, size):
        yield min(size, resamples - start)


def _resampled_rates(
    events: Floats, exposures: Floats, resamples: int, rng: np.random.Generator
) -> Floats:
    """Ratios of sums of resampled windows, (resamples,); NaN where a resample has no exposure."""
    n = len(events)
    rates = []
    for rows in _blocks(resamples, n):
        index = rng.integers(n, size=(rows, n))
        with np.errstate(divide="ignore", invalid="ignore"):
            rates.append(events[index].sum(1) / exposures[index].sum(1))
    return np.concatenate(rates)


def _confidence_rates(
    events: Floats, exposures: Floats, resamples: int, rng: np.random.Generator
) -> Floats:
    if not events.any():
        return rng.exponential(size=resamples) / exposures.sum()
    return _resampled_rates(events, exposures, resamples, rng)


def _rate_gap(events: Floats, exposures: Floats, n: int) -> Floats:
    """|rate of the first n - rate of the rest| of each row, (rows,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first = events[:, :n].sum(1) / exposures[:, :n].sum(1)
        rest = events[:, n:].sum(1) / exposures[:, n:].sum(1)
        return np.abs(first - rest)


def _interval(estimate: float, resampled: Floats, level: float, n: int) -> Interval:
    usable = resampled[~np.isnan(resampled)]
    if n < 2 or not len(usable):
        return Interval(float(estimate), np.nan, np.nan, n)
    tail = (1 - level) / 2
    # No interpolation: it would make NaN of infinite log ratios.
    low, high = np.quantile(usable, [tail, 1 - tail], method="inverted_cdf")
    return Interval(float(estimate), float(low), float(high), n)
