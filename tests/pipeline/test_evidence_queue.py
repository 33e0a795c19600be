"""The queue of trainings: side by side, in order, and nothing lost when it is killed."""

import signal
import subprocess
import sys
from pathlib import Path

from omegaconf import OmegaConf

from pipeline.config import params
from tests.conftest import PROSE, ROOT, prepare
from tests.processes import PATIENCE, alive, children_of, wait_until

PROGRAM = """
from pipeline import console, evidence
evidence.dvc = lambda *words: print("dvc", *words, flush=True) or 0
evidence.LOOK_SECONDS = 0.05
console.run(evidence.main)
"""
RUNS = ("names", "post-itself", "paulgraham")


def machine(folder: Path, epochs: int) -> Path:
    """A repository's folders with three small trainings to do, the last of a text not there."""
    config = params.load(ROOT / "params.yaml")
    for run in RUNS:
        config.experiments[run].model.update({"layers": 1, "hidden": 8})
        config.experiments[run].train.update(
            {"batch": 4, "bptt": 16, "epochs": epochs, "checkpoint_seconds": 0}
        )
    config.offload.jobs = list(RUNS)
    for name in ("text", "models", "results", "checkpoints"):
        config.paths[name] = name
    for run in RUNS[:2]:
        prepare(folder / "text" / run, PROSE)
    (folder / "params.yaml").write_text(OmegaConf.to_yaml(config))
    return folder


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--params", "params.yaml", "--processes", "1"],
        cwd=folder, env={"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def networks(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob("models/*/weights.*")}


def test_a_killed_queue_goes_on_and_ends_as_if_never_killed(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole, killed = (machine(tmp_path / name, epochs=6) for name in ("whole", "killed"))
    with start(whole) as undisturbed:
        printed, said = undisturbed.communicate(timeout=PATIENCE)
    assert undisturbed.returncode == 0, said
    assert set(networks(whole)) == set(RUNS[:2])
    lines = printed.splitlines()
    told = ["names: trained", "dvc commit --force train@names", "post-itself: trained"]
    assert [line for line in lines if line in told] == told
    assert "paulgraham: its text cannot be had, what needs it is left out" in lines
    assert lines[-1] == "dvc repro --keep-going"

    with start(killed) as queue:
        wait_until(lambda: any((killed / "checkpoints").glob("*/training.safetensors")))
        (child,) = children_of(queue.pid)
        queue.send_signal(signal.SIGKILL)
    wait_until(lambda: not alive(child))
    assert not networks(killed)
    with start(killed) as again:
        said = again.communicate(timeout=PATIENCE)[1]
    assert again.returncode == 0, said
    assert networks(killed) == networks(whole)
    with start(killed) as done:
        assert "started" not in done.communicate(timeout=PATIENCE)[0]


def test_ctrl_c_ends_trainings_too(tmp_path: Path) -> None:
    folder = machine(tmp_path, epochs=3000)
    with start(folder) as queue:
        wait_until(lambda: any((folder / "checkpoints").glob("*/training.safetensors")))
        (child,) = children_of(queue.pid)
        queue.send_signal(signal.SIGINT)
        _, said = queue.communicate(timeout=PATIENCE)
    assert "interrupted: run the same command to go on" in said
    assert queue.returncode == 130
    wait_until(lambda: not alive(child))
