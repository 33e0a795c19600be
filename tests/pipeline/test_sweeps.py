"""Sweeps: the stage of the DAG, and those by hand through Hydra's launchers."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig, OmegaConf

from pipeline.config.composition import composed
from pipeline.lm.io.errors import InputError
from pipeline.sweep import Sweep, variants
from tests.conftest import PROSE, ROOT, prepare
from tests.processes import PATIENCE


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_sweep_through_a_launcher(tmp_path, launcher):
    prepare(tmp_path / "text/tiny", PROSE)
    words = [
        "--multirun", f"hydra/launcher={launcher}", "experiment=names", "experiment.corpus=tiny",
        "experiment.model.hidden=8,12", "experiment.train.epochs=1", "experiment.train.batch=4",
        f"hydra.sweep.dir={tmp_path}/notes",
        *(f"paths.{name}={tmp_path}/{name}" for name in ("text", "checkpoints", "by_hand")),
    ]  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-m", "pipeline.train", *words], cwd=ROOT, text=True, timeout=PATIENCE,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    cards = [
        json.loads(path.read_text()) for path in (tmp_path / "by_hand").glob("tiny-*/train.json")
    ]
    assert sorted(card["experiment"]["model"]["hidden"] for card in cards) == [8, 12]


@pytest.fixture
def config(tmp_path) -> DictConfig:
    """One sweep of a tiny experiment."""
    prepare(tmp_path / "text/tiny", PROSE)
    config = OmegaConf.create(composed("laptop"))
    run = config.experiments.warpeace
    run.train.update({"batch": 4, "bptt": 16, "epochs": 1, "sample_iterations": []})
    grid = {"model.cell": ["lstm", "rnn"], "seed": [1, 2]}
    config.sweeps = {
        "small": {
            "title": "",
            "of": "warpeace",
            "corpus": "tiny",
            "set": {"model.hidden": 8},
            "grid": grid,
        }
    }
    for name in ("text", "results", "checkpoints"):
        config.paths[name] = str(tmp_path / name)
    return config


def test_a_grid_becomes_every_experiment_of_it(config):
    points = variants(config, "small")
    assert [tuple(settings.values()) for settings, _ in points] == [
        ("lstm", 1), ("lstm", 2), ("rnn", 1), ("rnn", 2),
    ]  # fmt: skip
    assert [(e.model.cell, e.model.hidden, e.seed) for _, e in points][2] == ("rnn", 8, 1)


@pytest.mark.parametrize(
    ("key", "said"),
    [("model.cels", "no setting 'model.cels' in"), ("model.hidden", "model.hidden is 0")],
)
def test_a_grid_of_what_there_is_not_is_refused(config, key, said):
    config.sweeps.small.grid = {key: [0]}
    with pytest.raises(InputError, match=said):
        variants(config, "small")


def test_a_setting_that_is_null_can_be_set_and_set_to_null(config):
    for was, now in ((None, 10), (10, None)):
        config.experiments[config.sweeps.small.of].train.symbols = was
        config.sweeps.small.set = {"train.symbols": now}
        assert {e.train.symbols for _, e in variants(config, "small")} == {now}


def test_a_sweep_scores_every_run_and_goes_on_where_it_was(config, tmp_path):
    config.sweeps.small.grid["model.cell"] = ["lstm"]
    Sweep(config, "small").carry_out(processes=1)
    folder = tmp_path / "results/sweeps/small"
    first = pd.read_csv(folder / "runs.tsv", sep="\t")
    assert len(first) == 2
    config.sweeps.small.grid["model.cell"] = ["lstm", "rnn"]
    Sweep(config, "small").carry_out(processes=2)
    runs, scores = (pd.read_csv(folder / f"{name}.tsv", sep="\t") for name in ("runs", "scores"))
    pd.testing.assert_frame_equal(runs.iloc[:2], first)  # their seconds too: not trained again
    assert runs["seed"].tolist() == [1, 2, 1, 2] and runs["digest"].is_unique
    sums = scores.groupby("digest")["symbols"].sum()
    assert set(sums) == {len(PROSE) - len(PROSE) * 9 // 10 - 1}
    assert np.isfinite(scores["nats"]).all()
