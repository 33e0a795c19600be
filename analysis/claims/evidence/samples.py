"""Figures of sampled text: rates of events, their differences, ratios and trends."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from analysis.claims.evidence.figure import Figure
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from analysis.statistics import confidence_rates, log_rate_ratio
from analysis.statistics import rate_difference as difference
from analysis.structure.events import run_length
from pipeline.lm.sources import temperature_source

LEAST_SAMPLES = 10
"""One sample that loops says little about a model."""


def rate(results: Results, run: str, metric: str, source: str) -> Figure:
    """One structural metric of one source."""
    return Figure.of(results.run(run).rate(metric, source))


def rate_difference(
    results: Results,
    run: str,
    metric: str,
    source: str,
    other: str | None = None,
    other_run: str | None = None,
) -> Figure:
    """A metric of one source less that of another source or run; each resampled."""
    a = results.run(run).windows(metric, source)
    b = results.run(other_run or run).windows(metric, other or source)
    options = results.settings.bootstrap()
    return Figure.of(difference(_ratio(a), _ratio(b), run=run_length(metric), **options))


def fault_difference(
    results: Results, run: str, metric: str, source: str, other_metric: str
) -> Figure:
    """The rate of one kind of fault less that of another in the same text, paired by window."""
    mine = results.run(run)
    tables = [mine.windows(name, source).set_index("window") for name in (metric, other_metric)]
    windows = tables[0].index.union(tables[1].index)
    sides = [_ratio(table.reindex(windows).fillna(0)) for table in tables]
    return Figure.of(difference(*sides, paired=True, **results.settings.bootstrap()))


def rate_ratio(
    results: Results, run: str, metric: str, source: str, other: str, other_run: str | None = None
) -> Figure:
    """A metric of one source over that of another."""
    a = results.run(run).windows(metric, source)
    b = results.run(other_run or run).windows(metric, other)
    logs = log_rate_ratio(
        *_ratio(a), *_ratio(b), run=run_length(metric), **results.settings.bootstrap()
    )
    return Figure.through(np.exp, logs)


def temperature_trend(results: Results, run: str, metrics: list[str]) -> Figure:
    """The smallest Spearman correlation of some metrics with the sampling temperature."""
    mine, settings = results.run(run), results.settings
    random = np.random.default_rng(settings.seed)
    temperatures = sorted(results.config.experiments[run].sample.temperatures)
    if len(temperatures) < 3:
        raise NotRunError(f"{run}: needs 3 temperatures or more, has {len(temperatures)}")
    estimates, resampled, units = [], [], []
    for metric in metrics:
        tables = [mine.windows(metric, temperature_source(t)) for t in temperatures]
        sides = [_ratio(table) for table in tables]
        rates = [confidence_rates(*side, settings.resamples, random) for side in sides]
        whole = np.array([[events.sum() / exposure.sum()] for events, exposure in sides])
        estimates.append(_spearman(whole)[0])
        resampled.append(_spearman(np.stack(rates)))
        units.append(min(map(len, tables)))
    return Figure.from_resampled(
        min(estimates), np.min(resampled, axis=0), settings.level, min(units)
    )


def _ratio(table: pd.DataFrame) -> tuple[NDArray, NDArray]:
    """Events and exposures of a table with a row a unit."""
    return table["events"].to_numpy(float), table["exposure"].to_numpy(float)


def looping_share(results: Results, run: str, source: str) -> Figure:
    """Share of the samples of a source that end in a loop."""
    rates = inside.loop_rates(results.run(run))
    rows = rates[rates["source"] == source]
    number = 0 if rows.empty else int(rows.iloc[0]["n"])
    if number < LEAST_SAMPLES:
        raise NotRunError(f"{run}: needs {LEAST_SAMPLES} samples of {source} or more, has {number}")
    return Figure(*rows.iloc[0][["estimate", "low", "high"]])


def _spearman(values: NDArray) -> NDArray:
    """Rank correlation of rows in order of temperature (k, R) with that order: (R,)."""
    ranks = rankdata(values, axis=0)
    order = np.arange(len(values), dtype=float)[:, None]
    a, b = ranks - ranks.mean(0), order - order.mean()
    spread = np.sqrt((a**2).sum(0) * (b**2).sum())
    return np.where(spread > 0, (a * b).sum(0) / np.where(spread > 0, spread, 1), 0.0)


FIGURES = (rate, rate_difference, fault_difference, rate_ratio, temperature_trend, looping_share)
