"""A measured figure with its interval, and a note on what it was measured on."""

from collections.abc import Callable
from typing import NamedTuple

from numpy.typing import ArrayLike, NDArray

from analysis.statistics import (
    Interval,
    percentile_interval,
    seeds_interval,
    seeds_ratio_interval,
)


class Figure(NamedTuple):
    """A measured figure with its interval; an exact one has low = high = estimate."""

    estimate: float
    low: float
    high: float
    note: str = ""
    """What a reader has to know beside it, as how many runs there were."""
    n: int | None = None
    """How many windows, documents, samples or seeds the interval is from; None: it has none."""

    @classmethod
    def of(cls, interval: Interval, note: str = "") -> "Figure":
        """From a bootstrap."""
        return cls(interval.estimate, interval.low, interval.high, note, interval.n)

    @classmethod
    def through(cls, function: Callable[[float], float], interval: Interval) -> "Figure":
        """Of what an interval is of, an increasing function."""
        estimate, low, high = (float(function(value)) for value in interval[:3])
        return cls(estimate, low, high, n=interval.n)

    @classmethod
    def exact(cls, value: float, note: str = "") -> "Figure":
        """Counted, not sampled."""
        return cls(value, value, value, note)

    @classmethod
    def from_resampled(
        cls, estimate: float, resampled: NDArray, level: float, n: int, note: str = ""
    ) -> "Figure":
        """An estimate, and its values under resampling (R,) of n units."""
        return cls.of(percentile_interval(estimate, resampled, level, n), note)

    @classmethod
    def over_seeds(cls, values: ArrayLike, level: float) -> "Figure":
        """The mean of one value a seed, with Student's interval; unknown bounds of too few."""
        return cls.of(seeds_interval(values, level))

    @classmethod
    def ratio_over_seeds(cls, values: ArrayLike, level: float) -> "Figure":
        """The geometric mean of one ratio a seed, with Student's interval of the logarithms."""
        return cls.of(seeds_ratio_interval(values, level))
