"""Comparisons and sample sizes of windows whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.measure.compare import comparison_rows, figures, precision_rows
from analysis.report.corpus_page import comparison_table
from analysis.results.reader import COMPARED
from analysis.significance import overdispersion
from analysis.structure.events import CHARACTERS, PER_THOUSAND, SHARE

OPTIONS = {"resamples": 400, "seed": 0, "level": 0.95}


def rows(source, metric, events, exposure, unit):
    return [
        {"source": source, "window": i, "metric": metric, "unit": unit, "events": e, "exposure": x}
        for i, (e, x) in enumerate(zip(events, exposure, strict=True))
    ]


@pytest.fixture
def structure():
    rng = np.random.default_rng(0)
    ones = np.ones(40)
    return pd.DataFrame(
        rows(COMPARED, "errors", rng.poisson(8, 40), ones, PER_THOUSAND)
        + rows("held-out", "errors", rng.poisson(2, 40), ones, PER_THOUSAND)
        + rows(COMPARED, "same", rng.binomial(50, 0.5, 40), 50 * ones, SHARE)
        + rows("held-out", "same", rng.binomial(50, 0.5, 40), 50 * ones, SHARE)
        + rows(COMPARED, "alone", 5 * ones, ones, CHARACTERS)
        + rows("held-out", "nothing", ones, 0 * ones, SHARE)
    )


def test_what_differs_is_told_from_what_does_not(structure):
    found = comparison_rows(figures(structure), "held-out", OPTIONS)
    assert [row["metric"] for row in found] == ["errors", "same"]
    differs, same = found
    assert differs["low"] < differs["ratio"] < differs["high"]
    assert 3 < differs["ratio"] < 5
    assert differs["ratio"] == pytest.approx(differs["rate"] / differs["other_rate"])
    assert differs["p"] == pytest.approx(1 / 401)
    assert differs["p_holm"] == pytest.approx(2 / 401)
    assert same["p_holm"] == same["p"] > 0.05


def test_overdispersion_is_one_for_independent_events_and_grows_with_clusters():
    rng = np.random.default_rng(0)
    exposure = rng.uniform(1, 3, 4000)
    poisson = rng.poisson(2 * exposure)
    assert overdispersion(poisson, exposure, share=False) == pytest.approx(1, abs=0.1)
    trials = rng.integers(5, 50, 4000)
    assert overdispersion(rng.binomial(trials, 0.3), trials, share=True) == pytest.approx(
        1, abs=0.1
    )
    assert overdispersion(5 * poisson, exposure, share=False) == pytest.approx(5, abs=0.5)
    assert math.isnan(overdispersion([0, 0], [1, 1], share=False))
    assert math.isnan(overdispersion([1], [1], share=False))
    assert math.isnan(overdispersion([2, 3], [2, 3], share=True))


def test_the_text_needed_gives_the_half_width_wanted():
    """So much more text of the same kind, and the interval is as narrow as asked."""
    rng = np.random.default_rng(0)
    few = pd.DataFrame(rows("s", "m", rng.poisson(5, 60), np.ones(60), PER_THOUSAND))
    (row,) = precision_rows(figures(few), 0.05, OPTIONS)
    many = round(60 * row["text"])
    assert 60 < many < 400
    more = pd.DataFrame(rows("s", "m", rng.poisson(5, many), np.ones(many), PER_THOUSAND))
    (sharp,) = precision_rows(figures(more), 0.05, OPTIONS)
    assert sharp["half_width"] == pytest.approx(0.05, rel=0.25)
    # 384 phi events for a tenth: four times as many for a twentieth.
    assert row["phi"] == pytest.approx(1, abs=0.5)
    assert many * 5 == pytest.approx(4 * 384 * row["phi"], rel=0.3)


def test_the_table_for_readers_has_a_cell_for_each_other(structure):
    found = figures(structure)
    compared = pd.DataFrame(comparison_rows(found, "held-out", OPTIONS))
    precise = pd.DataFrame(precision_rows(found, 0.1, OPTIONS))
    shown = comparison_table(compared, precise, 0.95)
    assert shown["others"] == ["held-out"]
    errors, same = shown["rows"]
    assert errors["cells"][0]["sure"] and not same["cells"][0]["sure"]
    assert errors["half_width"] > 0 and errors["text"] == pytest.approx(
        (errors["half_width"] / 0.1) ** 2
    )
