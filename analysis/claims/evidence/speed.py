"""Figures of speed, from the benchmark of training that the stage `speed` keeps."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results
from analysis.statistics import resampled


def step_ratio(results: Results, network: str, variant: str, other: str) -> Figure:
    """Milliseconds a training step of one variant over those of another: of medians, with the
    measurements of each resampled."""
    settings, rows = results.settings, _rows(results, network, variant, other)
    random = np.random.default_rng(settings.seed)
    times = [np.array(rows[name]["times"]) for name in (variant, other)]
    drawn = [resampled(_median(t), len(t), settings.resamples, random) for t in times]
    ratio = float(np.median(times[0]) / np.median(times[1]))
    n = min(map(len, times))
    return Figure.from_resampled(ratio, drawn[0] / drawn[1], settings.level, n)


def _rows(results: Results, network: str, *variants: str) -> dict[str, dict[str, Any]]:
    """What was measured of a network, by variant."""
    rows = {row["variant"]: row for row in results.speed()["rows"] if row["network"] == network}
    if missing := set(variants) - set(rows):
        raise NotRunError(f"waits for timed steps of “{'” and “'.join(sorted(missing))}”")
    return rows


def _median(times: NDArray) -> Callable[[NDArray], NDArray]:
    return lambda index: np.median(times[index], axis=1)


def work_ratio(results: Results, network: str, variant: str, other: str) -> Figure:
    """Floating-point operations of a step's matrix products, one variant over another."""
    rows = _rows(results, network, variant, other)
    return Figure.exact(rows[variant]["gflops_per_step"] / rows[other]["gflops_per_step"])


FIGURES = (step_ratio, work_ratio)
