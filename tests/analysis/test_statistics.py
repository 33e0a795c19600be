"""Intervals and tests against closed forms, scipy and each other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis import significance as t
from analysis import statistics as s

OPTIONS: dict[str, Any] = {"resamples": 2000, "seed": 7, "level": 0.95}
counts = st.lists(st.integers(0, 20), min_size=2, max_size=12)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_ratio_interval_is_scipys_percentile_bootstrap(rng):
    exposures = rng.uniform(1, 5, 60)
    events = rng.poisson(exposures * 2).astype(float)
    ours = s.ratio_interval(events, exposures, **OPTIONS)
    theirs = stats.bootstrap(
        (events, exposures),
        lambda e, x, axis: e.sum(axis) / x.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=5000,
        rng=rng,
    ).confidence_interval
    assert ours.estimate == pytest.approx(events.sum() / exposures.sum())
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.08 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.08 * width)


def test_mean_interval_is_the_normal_one_for_many_values(rng):
    values = rng.normal(3, 2, 4000)
    ours = s.mean_interval(values, **OPTIONS)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert ours.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert ours.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_coverage_of_clustered_counts(rng):
    """Windows of different rates: the interval must widen beyond the Poisson one."""
    covered = 0
    for seed in range(150):
        rates = rng.gamma(2, 1, 50)
        interval = s.ratio_interval(
            rng.poisson(rates * 10), np.full(50, 10), resamples=400, seed=seed, level=0.9
        )
        covered += interval.low <= 2 <= interval.high
    assert 0.8 < covered / 150 < 0.98


def test_no_event_gives_the_rule_of_three():
    interval = s.ratio_interval([0, 0, 0], [100, 150, 50], **OPTIONS)
    assert (interval.estimate, interval.low) == (0, 0)
    assert interval.high == pytest.approx(3 / 300, rel=0.002)


def test_the_bound_of_what_was_never_seen_counts_runs():
    """30,000 symbols have room for 600 copies of 50: that none was seen leaves 3 / 600."""
    options = OPTIONS | {"run": 50}
    assert s.ratio_interval([0] * 6, [5000] * 6, **options).high == pytest.approx(
        3 / 600, rel=0.002
    )
    rare = s.log_rate_ratio([0] * 6, [5000] * 6, [50] * 6, [5000] * 6, **options)
    assert rare.high > np.log(3 / 600 / 0.01)
    nothing = s.rate_difference(([0] * 6, [5000] * 6), ([0] * 4, [5000] * 4), **options)
    assert nothing.low < -2 / 600 and nothing.high > 2 / 600
    assert s.rate_difference(([6] * 6, [6] * 6), ([0] * 4, [6] * 4), **OPTIONS).low < 1


def test_pairs_of_rates_are_drawn_together(rng):
    """What two rates of the same windows share cancels if their windows are drawn together."""
    size = rng.gamma(1, 50, 60)
    a, b = (size * 1.1, np.ones(60)), (size, np.ones(60))
    apart, together = (s.rate_difference(a, b, paired=p, **OPTIONS) for p in (False, True))
    assert apart.estimate == together.estimate
    assert together.low > 0 > apart.low


def test_seeds_have_students_interval():
    theirs = stats.t.interval(0.95, 2, 2.0, stats.sem([1, 2, 3]))
    assert s.seeds_interval([1, 2, 3], 0.95)[1:3] == pytest.approx(theirs)
    assert np.isnan(s.seeds_interval([1, 2], 0.95).low)


def test_what_all_units_agree_on_may_be_otherwise_in_few():
    interval = s.unanimous_interval(-1 / 3, 20, 0.95, lowest=-1, highest=1)
    assert interval.estimate == -1 / 3
    assert interval[1:3] == pytest.approx((-1 / 3 - 0.15 * 2 / 3, -1 / 3 + 0.15 * 4 / 3), abs=1e-3)
    assert s.unanimous_interval(0, 20, 0.95, 0, 1).high == pytest.approx(3 / 20, abs=1e-3)
    assert s.unanimous_interval(0, 2, 0.95, -1, 1)[1:3] == (-1, 1)


def test_a_share_of_one_counts_down_from_one():
    interval = s.ratio_interval([100, 200], [100, 200], **OPTIONS)
    assert (interval.estimate, interval.high) == (1, 1)
    assert interval.low == pytest.approx(1 - 3 / 300, abs=1e-4)


def test_too_little_to_tell():
    assert np.isnan(s.ratio_interval([], [], **OPTIONS).estimate)
    assert np.isnan(s.ratio_interval([0], [0], **OPTIONS).estimate)
    one = s.ratio_interval([3], [10], **OPTIONS)
    assert one.estimate == 0.3
    assert np.isnan(one.low)
    assert np.isnan(s.mean_interval([np.nan], **OPTIONS).estimate)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        s.ratio_interval([1, 2], [1, 2, 3], **OPTIONS)


@given(counts, st.integers(0, 5))
def test_same_seed_same_interval_whatever_the_block(events, seed):
    exposures = np.arange(1, len(events) + 1)
    options = {"resamples": 50, "seed": seed, "level": 0.9}
    first = s.ratio_interval(events, exposures, **options)
    block, s.BLOCK = s.BLOCK, 7
    try:
        second = s.ratio_interval(events, exposures, **options)
    finally:
        s.BLOCK = block
    assert first == second
    if sum(events):
        assert first.low <= first.estimate * 1.0000001 or first.low <= max(
            e / x for e, x in zip(events, exposures, strict=True)
        )
        assert first.low <= first.high


@given(counts, st.floats(-5, 5))
def test_paired_difference_of_a_shift_is_the_shift(values, shift):
    a = np.asarray(values, float)
    interval = s.paired_difference(a + shift, a, resamples=20, seed=0, level=0.9)
    assert interval.estimate == pytest.approx(shift, abs=1e-9)
    assert interval.low == pytest.approx(shift, abs=1e-9)
    assert interval.high == pytest.approx(shift, abs=1e-9)


def test_pairing_removes_what_windows_share(rng):
    window = rng.normal(0, 10, 200)
    a, b = window + rng.normal(0.5, 1, 200), window + rng.normal(0, 1, 200)
    interval = s.paired_difference(a, b, **OPTIONS)
    assert interval.low > 0
    assert interval.high - interval.low < 0.5


def test_paired_difference_of_ratios_weighs_by_exposure():
    interval = s.paired_difference([10, 0], [0, 0], [10, 90], **OPTIONS)
    assert interval.estimate == pytest.approx(0.1)


def test_log_rate_ratio_has_the_delta_methods_width(rng):
    a, b = rng.poisson(4, 300), rng.poisson(2, 200)
    interval = s.log_rate_ratio(a, np.ones(300), b, np.ones(200), **OPTIONS)
    half = 1.96 * np.sqrt(1 / a.sum() + 1 / b.sum())
    assert interval.estimate == pytest.approx(np.log(a.mean() / b.mean()))
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.15)
    assert interval.n == 200


def test_log_rate_ratio_without_events_on_a_side(rng):
    b = rng.poisson(5, 400)
    interval = s.log_rate_ratio(np.zeros(100), np.ones(100), b, np.ones(400), **OPTIONS)
    assert interval.estimate == -np.inf
    # The 97.5 % point of a Poisson rate with none seen in 100 is 3.69 / 100.
    assert interval.high == pytest.approx(np.log(3.69 / 100 / b.mean()), abs=0.12)
    nothing = s.log_rate_ratio([0, 0], [1, 1], [0, 0], [1, 1], **OPTIONS)
    assert np.isnan(nothing.estimate)
    assert nothing.low < 0 < nothing.high


def test_log_rate_ratio_with_a_single_event_is_open_below():
    interval = s.log_rate_ratio([1, 0, 0], [5, 5, 5], [9, 9, 9], [5, 5, 5], **OPTIONS)
    assert interval.low == -np.inf
    assert np.isfinite(interval.high)


def test_permutation_p_is_exact_on_a_small_case():
    # Of the 20 splits of six windows 3 + 3, the observed one and its mirror are as extreme.
    p = t.permutation_p([9, 9, 9], [1, 1, 1], [0, 0, 0], [1, 1, 1], resamples=20000, seed=0)
    assert p == pytest.approx(0.1, abs=0.01)


def test_permutation_p_is_uniform_under_equality(rng):
    p = [
        t.permutation_p(
            rng.poisson(3, 20), np.ones(20), rng.poisson(3, 30), np.ones(30), resamples=99, seed=i
        )
        for i in range(200)
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_holm_on_the_textbook_case():
    assert t.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    adjusted = t.holm([0.5, np.nan, 0.01])
    assert np.isnan(adjusted[1])
    assert adjusted[[0, 2]] == pytest.approx([0.5, 0.02])


@given(st.lists(st.floats(0, 1), max_size=10))
def test_holm_rejects_what_the_step_down_procedure_rejects(p):
    adjusted = t.holm(p)
    assert ((adjusted >= p) & (adjusted <= 1)).all()
    alpha, rejected = 0.05, set()
    for step, i in enumerate(np.argsort(p, kind="stable")):
        if p[i] * (len(p) - step) > alpha:
            break
        rejected.add(i)
    assert rejected == set(np.flatnonzero(adjusted <= alpha))
