"""Figures of the small course experiments, over seeds."""

import pandas as pd

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results


def course_rows(results: Results, experiment: str, metric: str, setting: str) -> pd.DataFrame:
    """What results/course.tsv has of one metric of one setting."""
    table = results.common_table("course")
    rows = table[
        (table["experiment"] == experiment)
        & (table["metric"] == metric)
        & (table["setting"] == setting)
    ]
    if rows.empty:
        raise NotRunError(f"course has no {metric} of {experiment}, {setting}")
    return rows


def course_mean(
    results: Results,
    experiment: str,
    metric: str,
    setting: str,
    less: str | None = None,
    column: str = "value",
) -> Figure:
    """A metric at the end of training, mean over seeds; less that of another setting, seed by
    seed. `column` floor puts the metric's floor in its place."""
    figures = at_the_end(course_rows(results, experiment, metric, setting))[column]
    if less is not None:
        figures -= at_the_end(course_rows(results, experiment, metric, less))["value"]
    return Figure.over_seeds(figures.dropna(), results.settings.level)


def course_lead(results: Results, experiment: str, metric: str, setting: str) -> Figure:
    """A metric at the end of training less its floor, mean over seeds."""
    rows = at_the_end(course_rows(results, experiment, metric, setting))
    return Figure.over_seeds(rows["value"] - rows["floor"], results.settings.level)


def at_the_end(rows: pd.DataFrame) -> pd.DataFrame:
    """The last row of each seed, by seed."""
    return rows.sort_values("step", kind="stable").groupby("seed").last()


def course_largest(
    results: Results, experiment: str, metric: str, setting: str, column: str = "value"
) -> Figure:
    """The largest value, or floor, of a metric over seeds and steps."""
    return Figure.exact(float(course_rows(results, experiment, metric, setting)[column].max()))


FIGURES = (course_mean, course_lead, course_largest)
