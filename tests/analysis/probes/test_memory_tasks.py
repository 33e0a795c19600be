"""The memory tasks: what is asked, and that it can be learnt."""

import pytest
import torch
from omegaconf import OmegaConf

from analysis.probes.memory_tasks import jobs
from analysis.probes.remembering import Job, Settings, sequences, train
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from tests.conftest import ROOT

SETTINGS = Settings(
    tasks=["copy"], cells=["gru"], lengths=[3], seeds=[1], hidden=16, forget_bias=1.0, batch=32,
    steps=600, learning_rate=0.01, clip_at=1.0, tests=200, check_every=50, solved=0.05,
)  # fmt: skip


def test_adding_asks_for_the_sum_of_one_number_in_each_half():
    inputs, wanted = sequences("add", 7, 50, torch.Generator().manual_seed(1))
    values, marks = inputs.unbind(-1)
    assert inputs.shape == (7, 50, 2) and set(marks.unique().tolist()) == {0.0, 1.0}
    assert (marks[:3].sum(0) == 1).all() and (marks[3:].sum(0) == 1).all()
    torch.testing.assert_close(wanted, (values * marks).sum(0))


def test_copying_asks_for_the_first_number():
    inputs, wanted = sequences("copy", 5, 50, torch.Generator().manual_seed(1))
    torch.testing.assert_close(wanted, inputs[0, :, 0])
    assert not inputs[..., 1].any()


def test_a_short_task_is_solved_and_stops_early_the_same_each_time():
    job = Job("copy", "gru", 1, (3,))
    (row,) = train(job, SETTINGS)
    assert row["error"] < 0.1 * row["guessing"] and row["steps"] < SETTINGS.steps
    assert row["guessing"] == pytest.approx(1 / 12, rel=0.2)
    assert train(job, SETTINGS) == [row]


def test_what_cannot_be_solved_in_time_is_told_as_it_is():
    job = Job("add", "rnn", 1, (40, 5))
    rows = train(job, Settings(**{**vars(SETTINGS), "steps": 3}))
    assert [row["length"] for row in rows] == [40, 5]
    assert {row["steps"] for row in rows} == {3}
    assert all(row["error"] > 0.3 * row["guessing"] for row in rows)


def test_lengths_drawn_while_training():
    random = torch.Generator().manual_seed(3)
    mixed = [Job("add", "rnn", 1, (200, 10)).draw(random) for _ in range(2000)]
    assert min(mixed) == 2 and max(mixed) > 190
    assert 18 < sorted(mixed)[1000] < 22  # the geometric mean of 2 and 200


def test_every_network_is_trained_once():
    node = OmegaConf.load(ROOT / "params.yaml").inside.memory_tasks
    settings = params.view(Settings, node, "inside.memory_tasks")
    wanted = list(jobs(settings))
    networks = len(settings.tasks) * len(settings.cells) * len(settings.seeds)
    assert len(set(wanted)) == len(wanted) == networks


@pytest.mark.parametrize(
    "wrong", [{"tasks": ["sort"]}, {"cells": ["cnn"]}, {"lengths": [1]}, {"lengths": []}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        Settings(**{**vars(SETTINGS), **wrong})
