"""The search for cells: scores against SciPy's, the null against brute force, planted cells."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, spearmanr

from analysis.cells import search as cell_search
from analysis.cells.search import (
    above_threshold,
    best_cells,
    cell_scores,
    centred_ranks,
    factors,
    held_score,
    rarest_half,
    rotated,
    search,
    shifted_maxima,
)

LEVEL, LEAST_SHIFT = 0.95, 0.1


def reference(cell: np.ndarray, values: np.ndarray) -> float:
    if values.dtype == bool:
        u = mannwhitneyu(cell[values], cell[~values]).statistic
        return 2 * u / (values.sum() * (~values).sum()) - 1
    return spearmanr(cell, values).statistic


@pytest.mark.parametrize("of_degree", [False, True])
@given(seed=st.integers(0, 1000))
def test_scores_are_those_of_scipy(of_degree, seed):
    random = np.random.default_rng(seed)
    cells = random.integers(0, 6, (3, 40)).astype(float)  # with ties
    values = random.integers(0, 5, 40).astype(float) if of_degree else random.random(40) < 0.3
    if len(np.unique(values)) < 2:
        values = values.copy()
        values[:2] = [0, 1]
    left, right = factors(centred_ranks(cells), values)
    np.testing.assert_allclose(left @ right, [reference(cell, values) for cell in cells], atol=1e-9)


def test_a_cell_that_never_changes_scores_nothing():
    values = np.arange(10.0)
    for feature in (values, values > 6):
        left, right = factors(centred_ranks(np.ones((1, 10))), feature)
        assert (left @ right).tolist() == [0]


@pytest.mark.parametrize("of_degree", [False, True])
def test_shifts_are_all_of_them(of_degree):
    random = np.random.default_rng(4)
    cells = random.normal(size=(3, 50))
    values = random.normal(size=50) if of_degree else random.random(50) < 0.3
    null = shifted_maxima(*factors(centred_ranks(cells), values), LEAST_SHIFT)
    expected = [
        max(abs(reference(cell, np.roll(values, shift))) for cell in cells)
        for shift in range(5, 46)
    ]
    np.testing.assert_allclose(null, expected, atol=1e-5)


def hanging_together(random: np.random.Generator, length: int, count: int) -> np.ndarray:
    """Noise of which each value is much like the one before: (T, C)."""
    steps = random.normal(size=(length, count))
    for t in range(1, length):
        steps[t] += 0.95 * steps[t - 1]
    return steps


def test_a_planted_cell_is_found_and_noise_is_not():
    random = np.random.default_rng(2)
    cells = hanging_together(random, 8000, 40)
    features = {
        "slow": hanging_together(random, 8000, 1)[:, 0] > 1,
        "place": np.arange(8000) % 60 * 1.0,
    }
    features["place"][::7] = np.nan
    cells[:, 33] = -6.0 * features["slow"] + random.normal(size=8000)
    cells[:, 5] = np.nan_to_num(features["place"]) + random.normal(size=8000)
    table = search(cells, features, LEVEL, LEAST_SHIFT)
    assert len(table) == 80
    found = table[above_threshold(table)]
    assert set(zip(found["cell"], found["feature"], strict=True)) == {(33, "slow"), (5, "place")}
    best = best_cells(table).set_index("feature")
    assert best["cell"].to_dict() == {"slow": 33, "place": 5}
    assert best.loc["slow", "report"] < -0.95 and best.loc["place", "report"] > 0.95
    halves = cell_search.halves(8000)
    for _, row in best.reset_index().iterrows():
        for half, part in zip(halves, ("fit", "report"), strict=True):
            kept = ~np.isnan(features[row["feature"]][half])
            expected = reference(
                cells[half, row["cell"]][kept], features[row["feature"]][half][kept]
            )
            assert row[part] == pytest.approx(expected)


def test_the_threshold_holds_what_it_says():
    """Of texts in which no cell follows the feature, about 5 % have a cell above it."""
    passed = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        both = hanging_together(random, 2000, 6)
        table = search(both[:, 1:], {"slow": both[:, 0] > 1}, LEVEL, LEAST_SHIFT)
        passed.append((table["report"].abs() >= table["threshold"]).any())
    assert np.mean(passed) < 0.15


def table_of(**columns) -> pd.DataFrame:
    return pd.DataFrame({"network": "trained", "layer": 1, "threshold": 0.3, **columns})


def test_a_score_counts_in_both_halves():
    table = table_of(
        cell=[1, 1, 2, 2],
        feature=list("abab"),
        fit=[0.9, 0.2, -0.8, 0.5],
        report=[0.7, 0.9, 0.8, 0.4],
    )
    assert held_score(table).tolist() == [0.7, 0.2, 0.0, 0.4]
    assert above_threshold(table).tolist() == [True, True, False, True]
    assert cell_scores(table)["score"].tolist() == [0.7, 0.4]
    assert best_cells(table)[["cell", "feature"]].to_numpy().tolist() == [[1, "a"], [2, "b"]]


def test_a_feature_must_occur_in_both_halves():
    once = np.zeros(20, bool)
    once[[2, 4, 6]] = True
    assert rarest_half(once) == 0
    assert rarest_half(once | np.roll(once, 10)) == 3
    assert rarest_half(np.where(once, np.nan, 1.0)) == 0
    assert rarest_half(np.arange(20) % 5.0) == 1


def test_random_directions_keep_the_space_and_hide_the_single_cell():
    random = np.random.default_rng(0)
    feature = np.repeat(random.integers(2, size=400), 20).astype(bool)
    cells = random.normal(0, 0.2, (len(feature), 64)).astype(np.float32)
    cells[:, 7] += feature
    turned = rotated(cells, 1e-4, seed=1)
    assert np.allclose(np.cov(turned.T).trace(), np.cov(cells.T).trace(), rtol=1e-2)
    assert np.allclose(turned[:50] @ turned[:50].T, cells[:50] @ cells[:50].T, atol=1e-2)
    best = [
        search(shown, {"f": feature}, 0.95, 0.1)["fit"].abs().max() for shown in (cells, turned)
    ]
    assert best[0] > 0.99 and best[1] < 0.8
