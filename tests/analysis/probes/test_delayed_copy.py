"""Repeating a bit after a lag: streams by hand, and what a window of training lets be learnt."""

from itertools import islice

import pytest
import torch

from analysis.probes.delayed_copy import GUESSING, REST, Job, Settings, train, windows

SETTINGS = Settings(
    window=8, lags=[3, 20], seeds=[1], hidden=16, forget_bias=1.0, batch=32, steps=300,
    learning_rate=0.02, clip_at=1.0, tests=30,
)  # fmt: skip


def test_what_is_asked_for_was_shown_so_many_steps_before():
    lag = 11
    parts = list(islice(windows(Job(lag, True, 1), SETTINGS), 20))
    inputs, asked, wanted = (torch.cat(each) for each in zip(*parts, strict=True))
    steps, streams = torch.nonzero(asked[lag:], as_tuple=True)
    assert len(steps) > 100
    shown = inputs[steps, streams, 0]
    assert ((shown + 1) / 2 == wanted[lag:][steps, streams]).all()
    assert (inputs[..., 1] == asked).all()
    assert (inputs[..., 0] != 0).float().mean() == pytest.approx(1 / (lag + REST), rel=0.2)
    assert 0.3 < wanted.mean() < 0.7


@pytest.mark.parametrize(("lag", "learnt"), [(3, True), (20, False)])
def test_a_lag_within_the_window_is_learnt_and_none_beyond(lag, learnt):
    row = train(Job(lag, True, 1), SETTINGS)
    assert (row["error"] < 0.1 * GUESSING) == learnt
    assert row["error"] < 1.1 * GUESSING
