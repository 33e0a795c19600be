"""Whether two sources differ: permutation tests, Holm's adjustment, overdispersion."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.statistics import Floats, blocks, pair


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
    a, b = pair(events_a, exposures_a), pair(events_b, exposures_b)
    events, exposures = (np.concatenate(both) for both in zip(a, b, strict=True))
    n = len(a[0])
    if not 0 < n < len(events):
        return np.nan
    rng = np.random.default_rng(seed)
    extreme, count = 0, 0
    observed = _rate_gap(events[None], exposures[None], n)[0]
    for rows in blocks(resamples, len(events)):
        order = rng.permuted(np.tile(np.arange(len(events)), (rows, 1)), axis=1)
        gaps = _rate_gap(events[order], exposures[order], n)
        extreme += int((gaps >= observed * (1 - 1e-12)).sum())
        count += int(np.isfinite(gaps).sum())
    return float((1 + extreme) / (1 + count)) if np.isfinite(observed) else np.nan


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
    top, bottom = pair(events, exposures)
    total, n = top.sum(), len(top)
    rate = total / bottom.sum() if bottom.sum() > 0 else np.nan
    independent = total * (1 - rate) if share else total
    if n < 2 or not independent > 0:
        return np.nan
    return float(n / (n - 1) * ((top - rate * bottom) ** 2).sum() / independent)


def _rate_gap(events: Floats, exposures: Floats, n: int) -> Floats:
    """|rate of the first n - rate of the rest| of each row, (rows,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first = events[:, :n].sum(1) / exposures[:, :n].sum(1)
        rest = events[:, n:].sum(1) / exposures[:, n:].sum(1)
        return np.abs(first - rest)
