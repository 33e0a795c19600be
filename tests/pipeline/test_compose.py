"""One source of configuration: conf/, its committed composition, and the entry by hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from pipeline.config import params
from pipeline.config.composition import budget_at_hand, check, composed, expected_files
from pipeline.config.paths import Paths
from pipeline.config.settings import Experiment
from pipeline.lm.io.errors import InputError
from tests.conftest import ROOT


def test_committed_files_are_what_conf_composes_to():
    check()
    assert {str(path) for path in expected_files()} == {
        "params.yaml",
        "scales/laptop/params.yaml",
        "scales/laptop/dvc.yaml",
    }


@pytest.fixture
def copied(monkeypatch, tmp_path):
    """A folder with copies of conf/ and of what it composes to; gives a function that writes it."""

    def written(files: dict[Path, str]) -> Path:
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        shutil.copytree(ROOT / "conf", tmp_path / "conf")
        shutil.copy(ROOT / "dvc.yaml", tmp_path)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return written


def test_a_gpu_has_a_budget_of_its_own_and_the_check_knows_it(copied):
    files = expected_files("gpu")
    assert (OmegaConf.create(files[Path("params.yaml")])).corpora.linux.limit == 474_000_000
    copied(files)
    assert budget_at_hand() == "gpu"
    check(["full"])


def test_what_was_edited_is_stale_at_its_own_scale(copied):
    paths = [Path("params.yaml"), *map(Path("scales/laptop").joinpath, ("params.yaml", "dvc.yaml"))]
    folder = copied({path: (ROOT / path).read_text() for path in paths})
    for path in paths[1:]:
        (folder / path).write_text((folder / path).read_text() + "edited: true\n")
    with pytest.raises(InputError, match=" and ".join(map(str, paths[1:]))):
        check(["laptop"])
    check(["full"])
    conf = folder / "conf/experiment/names.yaml"
    conf.write_text(conf.read_text().replace("seed: 1", "seed: 2"))
    with pytest.raises(InputError, match=r"^params\.yaml not what conf/"):
        check(["full"])


@pytest.mark.parametrize("scale", ["full", "laptop"])
def test_every_experiment_and_baseline_is_well_typed(scale):
    config = OmegaConf.create(composed(scale))
    experiments = {params.experiment(config, run).corpus for run in config.experiments}
    sweeps = {params.sweep(config, name).corpus for name in config.sweeps}
    assert experiments | sweeps == set(config.corpora)
    assert set(config.baselines) == experiments
    for corpus in config.baselines:
        assert config.experiments[corpus].corpus == corpus  # they share a page
        params.baseline(config, corpus)
    params.measure(config)
    assert Paths.of(config).results.name == "results"


@pytest.mark.parametrize("run", ["shakespeare", "paulgraham", "post-itself"])
def test_by_hand_and_by_dag_give_one_config(run):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        by_hand = compose("by_hand", overrides=[f"experiment={run}"])
    OmegaConf.resolve(by_hand)
    by_dag = params.experiment(OmegaConf.create(composed("full")), run)
    assert params.view(Experiment, by_hand.experiment, "x") == by_dag


def test_the_recipe_of_the_post():
    """The facts of the sources, asserted: char-rnn's defaults and the post's settings."""
    config = OmegaConf.create(composed("full"))
    run = params.experiment(config, "paulgraham")
    assert (run.model.cell, run.model.layers, run.model.hidden) == ("lstm", 2, 512)
    assert run.model.dropout == 0.5
    recipe = run.train
    assert (recipe.batch, recipe.bptt, recipe.epochs) == (100, 100, 50)
    assert (recipe.optimizer, recipe.learning_rate, recipe.rmsprop_decay) == ("rmsprop", 2e-3, 0.95)
    assert (recipe.decay, recipe.decay_after) == (0.97, 10)
    assert (recipe.clip, recipe.clip_at) == ("value", 5)
    assert (recipe.initialisation, recipe.uniform_range, recipe.forget_bias) == ("uniform", 0.08, 1)
    assert recipe.carry_state


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.layers=0", "model.layers is 0"),
        ("model.hidden=0", "model.hidden is 0"),
        ("train.epochs=abc", "could not be converted to Integer"),
        ("train.learning_rate=-1", "train.learning_rate is -1"),
        ("train.optimizer=sgd", "use rmsprop or adam"),
        ("model.cell=transformer", "use lstm, gru or rnn"),
        ("sample.temperatures=[0]", "above 0"),
    ],
)
def test_wrong_values_are_one_clear_line(override, said):
    config = OmegaConf.create(composed("full"))
    config.merge_with_dotlist([f"experiments.python.{override}"])
    with pytest.raises(InputError, match=said) as caught:
        params.experiment(config, "python")
    assert "\n" not in str(caught.value)


def test_unknown_keys_and_experiments_are_refused():
    config = OmegaConf.create(composed("full"))
    with pytest.raises(InputError, match=r"no 'nope' among the experiments: use python, "):
        params.experiment(config, "nope")
    config.experiments.python.train.epohcs = 3
    with pytest.raises(InputError, match="epohcs"):
        params.experiment(config, "python")


@pytest.mark.parametrize("content", ["", "[1]", "a: [", "a: b", "\x00"])
def test_a_damaged_params_file_is_refused(tmp_path, content):
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=r"python -m pipeline\.compose") as caught:
        params.load(path)
    assert "\n" not in str(caught.value)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("experiment.train.epohcs=1", "Key 'epohcs' is not in struct"),
        ("experiment=nope", "Could not find 'experiment/nope'"),
        ("model=nope", "Could not find 'model/nope'"),
    ],
)
def test_hydra_explains_wrong_overrides(override, said):
    result = run("pipeline.train", override)
    assert result.returncode and said in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("pipeline.compose",),
        ("pipeline.download",),
        ("pipeline.preprocess",),
        ("pipeline.train",),
        ("pipeline.sample",),
        ("pipeline.score",),
        ("pipeline.baseline",),
        ("analysis.measure",),
        ("analysis.claims",),
        ("analysis.report",),
    ],
)
def test_every_command_has_help(words):
    result = run(*words, "--help")
    assert result.returncode == 0 and "usage:" in result.stdout
