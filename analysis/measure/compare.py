"""How the network's samples differ from held-out text and from the n-grams', metric by metric.

Reads the structure.tsv of a run and of its corpus's n-grams, and writes two tables.

comparisons.tsv, a row a metric and other source, against the network at temperature 1:
    metric, unit, source, other
    rate, other_rate    the figure of each
    ratio, low, high    rate / other_rate with its interval: windows are not paired
    p                   of equal rates, two-sided, by shuffling windows between the two
    p_holm              the same, adjusted by Holm for all metrics compared with this other source

precision.tsv, a row a source and metric: how sharp each figure is and what would make it so
    source, metric, unit
    estimate, low, high, windows
    phi         overdispersion: variance over that of independent events; counts and shares only
    half_width  half the interval over the estimate
    text        how many times as much text would give the half-width that conf/measure asks for
"""

import argparse
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.results.reader import COMPARED, NotRunError, Results
from analysis.results.run import RunResults
from analysis.significance import holm, overdispersion, permutation_p
from analysis.statistics import log_rate_ratio, ratio_interval
from analysis.structure.events import CHARACTERS_IN, SHARE, run_length
from pipeline import console
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.tables import write_table
from pipeline.lm.sources import HELD_OUT, kenlm_source, ngram_source

COMPARISON_COLUMNS = [
    "metric", "unit", "source", "other", "rate", "other_rate", "ratio", "low", "high",
    "p", "p_holm",
]  # fmt: skip
PRECISION_COLUMNS = [
    "source", "metric", "unit", "estimate", "low", "high", "windows", "phi", "half_width", "text",
]  # fmt: skip


class Windows(NamedTuple):
    """One metric of one source: events and exposure of each window, (n,)."""

    events: NDArray[np.float64]
    exposure: NDArray[np.float64]


Figures = dict[tuple[str, str], dict[str, Windows]]
"""By metric and unit, then by source."""


def figures(structure: pd.DataFrame) -> Figures:
    """The windows that say anything, of each metric and source."""
    found: Figures = {}
    known = structure[structure["exposure"] > 0]
    for (metric, unit, source), rows in known.groupby(["metric", "unit", "source"], sort=False):
        windows = Windows(rows["events"].to_numpy(float), rows["exposure"].to_numpy(float))
        found.setdefault((metric, unit), {})[source] = windows
    return found


def comparison_rows(found: Figures, other: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of one other source; `options` are resamples, seed and level."""
    rows: list[dict[str, Any]] = []
    for (metric, unit), sources in found.items():
        if not {COMPARED, other} <= set(sources):
            continue
        ours, theirs = sources[COMPARED], sources[other]
        interval = log_rate_ratio(*ours, *theirs, run=run_length(metric), **options)
        p = permutation_p(*ours, *theirs, resamples=options["resamples"], seed=options["seed"])
        ratio = [math.exp(value) for value in interval[:3]]
        values = (metric, unit, COMPARED, other, _rate(ours), _rate(theirs), *ratio, p)
        rows.append(dict(zip(COMPARISON_COLUMNS, values, strict=False)))
    for row, adjusted in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = adjusted
    return rows


def precision_rows(
    found: Figures, half_width: float, options: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """A row a metric and source; `half_width` is the relative one wanted."""
    for (metric, unit), sources in found.items():
        for source, windows in sources.items():
            interval = ratio_interval(*windows, run=run_length(metric), **options)
            counted = unit == SHARE or unit in CHARACTERS_IN
            phi = overdispersion(*windows, unit == SHARE) if counted else math.nan
            relative = math.nan
            if interval.estimate > 0:
                relative = (interval.high - interval.low) / 2 / interval.estimate
            text = (relative / half_width) ** 2
            values = (source, metric, unit, *interval, phi, relative, text)
            yield dict(zip(PRECISION_COLUMNS, values, strict=True))


def _rate(windows: Windows) -> float:
    return float(windows.events.sum() / windows.exposure.sum())


def compare(run: RunResults) -> None:
    """Write both tables of a run."""
    try:
        found = figures(run.table("structure"))
    except NotRunError as reason:
        raise InputError(
            f"nothing to compare of {run.name} yet, {reason}: run dvc repro"
        ) from reason
    options, folder = run.settings.bootstrap(), run.paths.run_results(run.name)
    baseline = params.baseline(run.config, run.corpus)
    others = [HELD_OUT, *(ngram_source(order) for order in baseline.ngram_orders)]
    others.append(kenlm_source(max(baseline.kenlm_orders)))
    rows = [row for other in others for row in comparison_rows(found, other, options)]
    write_table(folder / "comparisons.tsv", rows, COMPARISON_COLUMNS)
    sharp = list(precision_rows(found, run.settings.half_width, options))
    write_table(folder / "precision.tsv", sharp, PRECISION_COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.measure.compare", description=__doc__)
    parser.add_argument("run", help="an experiment")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    compare(Results.of(params.load(params.params_file(arguments))).run(arguments.run))


if __name__ == "__main__":
    console.run(main)
