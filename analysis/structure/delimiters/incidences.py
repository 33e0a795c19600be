"""How soon one of two ends comes, where some are never seen: cumulative incidences."""

import numpy as np
from numpy.typing import ArrayLike

from analysis.statistics import Floats, Interval, blocks, pair, percentile_interval


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
    times, cause = pair(durations, causes)
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
    for rows in blocks(resamples if count else 0, max(count, len(grid))):
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=rows)
        resampled.append(_incidences(drawn.astype(np.float64), at_risk, ended)[:, :, upto])
    values = np.concatenate(resampled, axis=1)
    first, second = (
        [percentile_interval(estimate[i, j], values[i, :, j], level, count) for j in range(len(at))]
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
