"""Training elsewhere: packed here, run there within a time limit, adopted here only if it fits."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from pipeline import offload
from pipeline.config import params
from pipeline.config.composition import composed
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json, write_json
from tests.conftest import PROSE, ROOT, prepare
from tests.processes import PATIENCE, assert_child_ends_with

NOT_THERE = ("dvc", "kenlm", "pydivsufsort", "numba", "scipy", "matplotlib", "jinja2")
JOBS = ["names", "small"]


def machine(folder: Path, minutes_of_training: bool = False) -> DictConfig:
    """A configuration of two small jobs in folders of a machine's own."""
    config = params.load(ROOT / "params.yaml")
    run = config.experiments.names
    run.model.update({"layers": 1, "hidden": 8})
    run.train.update({"batch": 4, "bptt": 16, "epochs": 3000 if minutes_of_training else 1})
    config.sweeps.small = {
        "title": "",
        "of": "names",
        "corpus": "names",
        "set": {},
        "grid": {"seed": [1, 2]},
    }
    config.offload.update({"jobs": JOBS, "chunk_mb": 0.002, "processes": 1, "reserve_seconds": 0})
    for name in ("text", "models", "results", "checkpoints"):
        config.paths[name] = name
    folder.mkdir(exist_ok=True)
    (folder / "params.yaml").write_text(OmegaConf.to_yaml(config))
    return config


@pytest.fixture
def here(tmp_path, monkeypatch) -> tuple[Path, DictConfig]:
    """This machine, with the text and both jobs packed."""
    config = machine(tmp_path / "here")
    prepare(tmp_path / "here/text/names", PROSE)
    monkeypatch.chdir(tmp_path / "here")
    offload.pack(config, tmp_path / "packed")
    return tmp_path, config


def start_there(folder: Path, minutes: float = 60) -> subprocess.Popen[str]:
    """The other machine: a directory where only what travelled is."""
    words = ["-m", "pipeline.offload", "run", str(folder / "packed"), "--out", str(folder / "out")]
    return subprocess.Popen(
        [sys.executable, *words, "--minutes", str(minutes), "--params", "params.yaml"],
        cwd=folder / "there", env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run_there(folder: Path, minutes: float = 60) -> str:
    """What a run there prints."""
    with start_there(folder, minutes) as process:
        printed, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return printed


def test_what_ran_elsewhere_is_adopted_here(here, capsys):
    folder, config = here
    machine(folder / "there")
    assert "names: done\nsmall: done" in run_there(folder)
    assert len(list((folder / "out").glob("results.tar.*"))) > 1
    offload.adopt(config, folder / "out")
    assert "names: dvc commit -f train@names" in capsys.readouterr().out
    for path in ("models/names/weights.safetensors", "results/names/history.tsv",
                 "results/sweeps/small/runs.tsv"):  # fmt: skip
        there, adopted = folder / "there" / path, folder / "here" / path
        assert adopted.read_bytes() == there.read_bytes()
    again = run_there(folder)
    assert "0 files in 0 chunks" in again


def test_the_time_limit_stops_a_job_and_the_next_call_goes_on(here):
    folder, _ = here
    machine(folder / "there", minutes_of_training=True)
    assert "names: stopped\nsmall: not begun" in run_there(folder, minutes=0.15)


def test_a_training_ends_with_the_run_that_started_it(here):
    folder, _ = here
    machine(folder / "there", minutes_of_training=True)
    with start_there(folder) as process:
        assert_child_ends_with(process, "pipeline.train")


@pytest.mark.parametrize("tampering", ["settings", "text", "chunk", "path"])
def test_what_does_not_fit_is_not_adopted(here, tampering):
    folder, config = here
    machine(folder / "there")
    run_there(folder)
    out, said = folder / "out", "other settings"
    if tampering == "settings":
        config.experiments.names.train.learning_rate = 0.5
    elif tampering == "text":
        shutil.rmtree(folder / "here/text/names")
        prepare(folder / "here/text/names", PROSE + b"more")
        said = "other text"
    elif tampering == "chunk":
        (out / "results.tar.00").write_bytes(b"something else")
        said = "results.tar.00 is missing or not what"
    else:
        config.paths.models = "elsewhere"
        said = "which no job writes"
    with pytest.raises(InputError, match=said):
        offload.adopt(config, out)


def test_training_elsewhere_needs_nothing_that_is_not_there():
    program = f"""
import sys
for name in {NOT_THERE}:
    sys.modules[name] = None
import pipeline.offload, pipeline.sweep, pipeline.train
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=PATIENCE)


def test_the_jobs_of_the_plan_exist():
    for scale in ("full", "laptop"):
        names = [job.name for job in offload.jobs(OmegaConf.create(composed(scale)))]
        assert len(set(names)) == len(names) >= 8


def test_a_manifest_lists_every_file(here):
    folder, config = here
    write_json(folder / "here/results/names/train.json", {})
    offload.write_results(offload.jobs(config), {"names": "done"}, folder / "out", 1000)
    assert list(read_json(folder / "out/manifest.json")["files"]) == ["results/names/train.json"]
