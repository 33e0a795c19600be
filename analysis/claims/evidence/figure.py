"""A measured figure with its interval, and how one comes from resampled tables."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.statistics import Interval

LEAST_SEEDS = 3
"""A claim that compares models needs as many trainings of each."""


class Figure(NamedTuple):
    """A measured figure with its interval; an exact one has low = high = estimate."""

    estimate: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> "Figure":
        """From a bootstrap."""
        return cls(interval.estimate, interval.low, interval.high)

    @classmethod
    def exact(cls, value: float) -> "Figure":
        """Counted, not sampled."""
        return cls(value, value, value)

    @classmethod
    def from_resampled(cls, estimate: float, resampled: NDArray, level: float) -> "Figure":
        """An estimate, and its values under resampling (R,)."""
        tail = (1 - level) / 2
        low, high = np.quantile(resampled, [tail, 1 - tail])
        return cls(float(estimate), float(low), float(high))

    @classmethod
    def over_seeds(cls, values: ArrayLike, level: float) -> "Figure":
        """The mean of one value a seed, with Student's interval; unknown bounds of too few."""
        kept = np.asarray(values, float)
        if len(kept) < LEAST_SEEDS:
            return cls(float(kept.mean()), math.nan, math.nan)
        half = stats.t.ppf((1 + level) / 2, len(kept) - 1) * stats.sem(kept)
        return cls(float(kept.mean()), float(kept.mean() - half), float(kept.mean() + half))


def pooled(table: pd.DataFrame) -> float:
    """sum(events) / sum(exposure); NaN without any exposure."""
    exposure = float(table["exposure"].sum())
    return table["events"].sum() / exposure if exposure else math.nan


def resampled_rates(
    table: pd.DataFrame, random: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """Pooled rates of windows drawn with replacement: (resamples,); NaN without any window."""
    if table.empty:
        return np.full(resamples, np.nan)
    top, bottom = table["events"].to_numpy(float), table["exposure"].to_numpy(float)
    drawn = random.integers(len(top), size=(resamples, len(top)))
    return top[drawn].sum(1) / bottom[drawn].sum(1)
