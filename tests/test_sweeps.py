"""Sweeps by hand go to Hydra's launchers: here one after the other, at once, or to a cluster."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import PROSE, ROOT, prepare

TIMEOUT = 240


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
        [sys.executable, "-m", "pipeline.train", *words], cwd=ROOT, text=True, timeout=TIMEOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    cards = [
        json.loads(path.read_text()) for path in (tmp_path / "by_hand").glob("tiny-*/train.json")
    ]
    assert sorted(card["experiment"]["model"]["hidden"] for card in cards) == [8, 12]
