"""Figures of the small course experiments, over seeds."""

import numpy as np
import pandas as pd

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results
from analysis.statistics import ratio_interval, unanimous_interval

ALL = "all"


def course_rows(results: Results, experiment: str, metric: str, setting: str) -> pd.DataFrame:
    """What results/course has of one metric of one setting."""
    table = results.course()
    rows = table[
        (table["experiment"] == experiment)
        & (table["metric"] == metric)
        & (table["setting"] == setting)
    ]
    if rows.empty:
        raise NotRunError(f"course has no {metric} of {experiment}, {setting}")
    return rows


def by_seed(rows: pd.DataFrame, column: str, at: str | list[float] | None) -> pd.Series:
    """A column by seed: its last value, or its mean over some places of the curve, or `all`."""
    if at is None:
        return rows.sort_values("at", kind="stable").groupby("seed")[column].last()
    if at != ALL:
        rows = rows[rows["at"].isin(at)]
    if rows.empty:
        raise NotRunError(f"course has nothing at {at}")
    return rows.groupby("seed")[column].mean()


def course_mean(
    results: Results,
    experiment: str,
    metric: str,
    setting: str,
    less: str | None = None,
    at: str | list[float] | None = None,
    column: str = "value",
) -> Figure:
    """A metric at the end of its curve, or `at` some places of it, mean over seeds; less that of
    another setting, seed by seed. `column` floor puts the metric's floor in its place. That all
    seeds agree on what happens or not leaves the bounds of so many seeds (3 / n)."""
    rows = course_rows(results, experiment, metric, setting)
    figures, happens = by_seed(rows, column, at), rows["value"].isin((0, 1)).all()
    if less is not None:
        figures -= by_seed(course_rows(results, experiment, metric, less), "value", at)
    figures, level = figures.dropna(), results.settings.level
    if column == "value" and happens and (figures == figures.iloc[0]).all():
        same, lowest = float(figures.iloc[0]), 0 if less is None else -1
        return Figure.of(unanimous_interval(same, len(figures), level, lowest, highest=1))
    return Figure.over_seeds(figures, level)


def course_lead(results: Results, experiment: str, metric: str, setting: str) -> Figure:
    """A metric at the end of its curve less its floor, mean over seeds."""
    rows = course_rows(results, experiment, metric, setting)
    figures = by_seed(rows, "value", None) - by_seed(rows, "floor", None)
    return Figure.over_seeds(figures, results.settings.level)


def best_place(results: Results, experiment: str, setting: str, by: str) -> float:
    """Where on its curve a setting has least of a metric, on the mean over seeds; a place where it
    is no number for some seed is none."""
    rows = course_rows(results, experiment, by, setting)
    means = rows.groupby("at")["value"].agg(lambda values: values.mean(skipna=False))
    if means.isna().all():
        raise NotRunError(f"course: no {by} of {experiment}, {setting}, that is a number")
    return float(means.idxmin())


def course_best(
    results: Results,
    experiment: str,
    metric: str,
    setting: str,
    by: str,
    less: str | None = None,
    best_of: str | None = None,
) -> Figure:
    """A metric where the setting, or `best_of`, has least of the metric `by`, mean over seeds; less
    that of another setting at its own best place. Of what a training does or does not, the share
    that does: if none or all do, five seeds still bound it (3 / n)."""

    def at_its_best(name: str, chosen_of: str) -> pd.Series:
        place = best_place(results, experiment, chosen_of, by)
        return by_seed(course_rows(results, experiment, metric, name), "value", [place])

    figures = at_its_best(setting, best_of or setting)
    if less is not None:
        figures -= at_its_best(less, less)
    elif figures.isin((0, 1)).all():
        each = np.ones(len(figures))
        return Figure.of(ratio_interval(figures, each, **results.settings.bootstrap()))
    return Figure.over_seeds(figures, results.settings.level)


def course_largest(
    results: Results, experiment: str, metric: str, setting: str, column: str = "value"
) -> Figure:
    """The largest value, or floor, of a metric over seeds and its curve."""
    return Figure.exact(float(course_rows(results, experiment, metric, setting)[column].max()))


def course_largest_gap(results: Results, experiment: str, metric: str, setting: str) -> Figure:
    """A metric's distance from its floor where on its curve that is largest, mean over seeds."""
    rows = course_rows(results, experiment, metric, setting)
    gaps = (rows["value"] - rows["floor"]).groupby(rows["at"])
    place = gaps.mean().abs().idxmax()
    found = gaps.get_group(place)
    sign = -1 if found.mean() < 0 else 1
    return Figure.over_seeds(sign * found, results.settings.level)


def course_relative(results: Results, experiment: str, metric: str, setting: str) -> Figure:
    """A metric over its floor, where on its curve that is largest, mean over seeds."""
    rows = course_rows(results, experiment, metric, setting)
    shares = (rows["value"] / rows["floor"]).groupby(rows["at"])
    return Figure.over_seeds(shares.get_group(shares.mean().idxmax()), results.settings.level)


def course_longest(
    results: Results, experiment: str, metric: str, setting: str, solved: float
) -> Figure:
    """How far along its curve a metric keeps to a share `solved` of its floor, mean over seeds; 0
    where it never does."""
    rows = course_rows(results, experiment, metric, setting).sort_values("at")
    is_solved = rows["value"] <= solved * rows["floor"]
    reached = is_solved.groupby(rows["seed"]).cummin()
    return Figure.over_seeds(
        rows["at"].where(reached, 0).groupby(rows["seed"]).max(), results.settings.level
    )


FIGURES = (course_mean, course_lead, course_best, course_largest, course_largest_gap,
           course_relative, course_longest)  # fmt: skip
