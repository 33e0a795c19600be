"""The figures that claims rest on: each a function of the results, named in conf/claims.yaml."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from analysis.results import NotRunError, Results
from analysis.statistics import Interval
from pipeline.lm.recurrent import RecurrentNetwork
from pipeline.models import temperature_source

MILLION = 1e6


class Figure(NamedTuple):
    """A measured figure with its interval; an exact one has low = high = estimate."""

    estimate: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> "Figure":
        """From a bootstrap."""
        return cls(interval.estimate, interval.low, interval.high)


def parameters(results: Results, run: str, cell: str, layers: int, hidden: int) -> Figure:
    """Trained numbers, in millions, of an architecture over the vocabulary of a run's corpus."""
    size = results.training(run)["vocabulary"]
    count = RecurrentNetwork(size, cell, layers, hidden).parameter_count() / MILLION
    return Figure(count, count, count)


def rate(results: Results, run: str, metric: str, source: str) -> Figure:
    """One structural metric of one source."""
    return Figure.of(results.rate(run, metric, source))


def rate_difference(results: Results, run: str, metric: str, source: str, other: str) -> Figure:
    """A metric of one source less that of another; windows resampled in each."""
    settings = results.settings
    random = np.random.default_rng(settings.seed)
    sides = [results.windows(run, metric, name) for name in (source, other)]
    rates = [
        _resampled(side["events"], side["exposure"], random, settings.resamples) for side in sides
    ]
    estimate = _pooled(sides[0]) - _pooled(sides[1])
    return _with_interval(estimate, rates[0] - rates[1], settings.level)


def closing_difference(
    results: Results, run: str, closers: list[str], beyond: int, source: str, other: str
) -> Figure:
    """How much likelier one model finds true closers than another, far from their opening."""
    return Figure.of(results.closing_difference(run, closers, beyond, source, other))


def temperature_trend(results: Results, run: str, metrics: list[str]) -> Figure:
    """The smallest Spearman correlation of some metrics with the sampling temperature."""
    settings = results.settings
    random = np.random.default_rng(settings.seed)
    temperatures = sorted(results.config.experiments[run].sample.temperatures)
    if len(temperatures) < 3:
        raise NotRunError(f"{run}: needs 3 temperatures or more, has {len(temperatures)}")
    estimates, resampled = [], []
    for metric in metrics:
        tables = [results.windows(run, metric, temperature_source(t)) for t in temperatures]
        rates = [_resampled(t["events"], t["exposure"], random, settings.resamples) for t in tables]
        estimates.append(_spearman(np.array([[_pooled(table)] for table in tables]))[0])
        resampled.append(_spearman(np.stack(rates)))
    return _with_interval(min(estimates), np.min(resampled, axis=0), settings.level)


def _spearman(values: np.ndarray) -> np.ndarray:
    """Rank correlation of rows in order of temperature (k, R) with that order: (R,)."""
    ranks = rankdata(values, axis=0)
    order = np.arange(len(values), dtype=float)[:, None]
    a, b = ranks - ranks.mean(0), order - order.mean()
    spread = np.sqrt((a**2).sum(0) * (b**2).sum())
    return np.where(spread > 0, (a * b).sum(0) / np.where(spread > 0, spread, 1), 0.0)


def _pooled(table) -> float:
    return table["events"].sum() / table["exposure"].sum()


def _resampled(events, exposures, random: np.random.Generator, resamples: int) -> np.ndarray:
    """Pooled rates of windows drawn with replacement: (resamples,)."""
    top, bottom = np.asarray(events, float), np.asarray(exposures, float)
    drawn = random.integers(len(top), size=(resamples, len(top)))
    return top[drawn].sum(1) / bottom[drawn].sum(1)


def _with_interval(estimate: float, resampled: np.ndarray, level: float) -> Figure:
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Figure(float(estimate), float(low), float(high))


FIGURES: dict[str, Callable[..., Figure]] = {
    function.__name__: function
    for function in (parameters, rate, rate_difference, closing_difference, temperature_trend)
}
