"""Figures of sampled text: rates of events, their differences, ratios and trends."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from analysis.claims.evidence.figure import Figure, pooled, resampled_rates
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from analysis.statistics import log_rate_ratio
from pipeline.lm.sources import HELD_OUT, iteration_source, temperature_source

LEAST_SAMPLES = 10
"""One sample that loops says little about a model."""


def rate(results: Results, run: str, metric: str, source: str) -> Figure:
    """One structural metric of one source."""
    return Figure.of(results.rate(run, metric, source))


def rate_difference(
    results: Results,
    run: str,
    metric: str,
    source: str,
    other: str | None = None,
    other_run: str | None = None,
    other_metric: str | None = None,
) -> Figure:
    """A metric of one source less that of another source, run or metric; windows resampled in
    each."""
    sides = (
        results.windows(run, metric, source),
        results.windows(other_run or run, other_metric or metric, other or source),
    )
    return _difference(results, *sides)


def rate_ratio(
    results: Results, run: str, metric: str, source: str, other: str, other_run: str | None = None
) -> Figure:
    """A metric of one source over that of another."""
    a = results.windows(run, metric, source)
    b = results.windows(other_run or run, metric, other)
    logs = log_rate_ratio(
        a["events"], a["exposure"], b["events"], b["exposure"], **results.bootstrap()
    )
    return Figure(*(float(np.exp(value)) for value in logs[:3]))


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
        rates = [resampled_rates(table, random, settings.resamples) for table in tables]
        estimates.append(_spearman(np.array([[pooled(table)] for table in tables]))[0])
        resampled.append(_spearman(np.stack(rates)))
    return Figure.from_resampled(min(estimates), np.min(resampled, axis=0), settings.level)


def looping_share(results: Results, run: str, source: str) -> Figure:
    """Share of the samples of a source that end in a loop."""
    rates = inside.loop_rates(results, run)
    rows = rates[rates["source"] == source]
    number = 0 if rows.empty else int(rows.iloc[0]["n"])
    if number < LEAST_SAMPLES:
        raise NotRunError(f"{run}: needs {LEAST_SAMPLES} samples of {source} or more, has {number}")
    return Figure(*rows.iloc[0][["estimate", "low", "high"]])


def evolution_difference(
    results: Results,
    run: str,
    iteration: int | None,
    metric: str,
    other_metric: str | None = None,
    other_iteration: int | None = None,
) -> Figure:
    """A metric of the sample taken after `iteration` steps (None: of held-out text) less another
    metric of it, or less the same after `other_iteration` steps."""
    table = results.own_table(run, "evolution")
    wanted = [
        (iteration, metric),
        (iteration if other_iteration is None else other_iteration, other_metric or metric),
    ]
    sides = []
    for after, name in wanted:
        source = HELD_OUT if after is None else iteration_source(after)
        rows = table[(table["source"] == source) & (table["metric"] == name)]
        sides.append(rows[rows["exposure"] > 0])
        if sides[-1].empty:
            raise NotRunError(f"{run}: no {name} of {source}")
    return _difference(results, *sides)


def evolution_ratio(results: Results, run: str, iteration: int, metric: str) -> Figure:
    """A metric of the sample taken after `iteration` steps over that of held-out text."""
    table = results.own_table(run, "evolution")
    table = table[(table["metric"] == metric) & (table["exposure"] > 0)]
    a, b = (table[table["source"] == source] for source in (iteration_source(iteration), HELD_OUT))
    if a.empty or b.empty:
        raise NotRunError(f"{run}: no {metric} after {iteration} steps")
    logs = log_rate_ratio(
        a["events"], a["exposure"], b["events"], b["exposure"], **results.bootstrap()
    )
    return Figure(*(float(np.exp(value)) for value in logs[:3]))


def _difference(results: Results, a: pd.DataFrame, b: pd.DataFrame) -> Figure:
    settings = results.settings
    random = np.random.default_rng(settings.seed)
    rates = [resampled_rates(side, random, settings.resamples) for side in (a, b)]
    return Figure.from_resampled(pooled(a) - pooled(b), rates[0] - rates[1], settings.level)


def _spearman(values: NDArray) -> NDArray:
    """Rank correlation of rows in order of temperature (k, R) with that order: (R,)."""
    ranks = rankdata(values, axis=0)
    order = np.arange(len(values), dtype=float)[:, None]
    a, b = ranks - ranks.mean(0), order - order.mean()
    spread = np.sqrt((a**2).sum(0) * (b**2).sum())
    return np.where(spread > 0, (a * b).sum(0) / np.where(spread > 0, spread, 1), 0.0)


FIGURES = (rate, rate_difference, rate_ratio, temperature_trend, looping_share,
           evolution_difference, evolution_ratio)  # fmt: skip
