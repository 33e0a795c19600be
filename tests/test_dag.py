"""The real DAG, shrunk, through DVC: from the interpreter's own sources to a page."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import axe_core_python
import pytest
import yaml
from omegaconf import OmegaConf

from pipeline.lm.samples import read_samples
from tests.browser import browser, view
from tests.conftest import ROOT
from tests.processes import PATIENCE

LAPTOP = Path("conf/scale/laptop.yaml")
PIPELINE = "scales/laptop/dvc.yaml"
RESULTS = Path("scales/laptop/results")
LIMIT = 150_000
"""Bytes of each corpus: a few documents for each part."""


ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
}


class Project:
    """A copy of the project in a repository of its own, its laptop scale made tiny."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.split("\0")  # fmt: skip
        for name in filter(None, names):
            if (ROOT / name).is_file() and not name.startswith("results/"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self.run("git", "init", "--quiet")
        self.shrink()
        self.run(sys.executable, "-m", "pipeline.compose")

    def run(
        self, *words: str, check: bool = True, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; fails the test if it fails, unless `check` is off."""
        result = subprocess.run(
            words, cwd=self.folder, env={**ENVIRONMENT, **(environment or {})}, text=True,
            capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def repro(self, *targets: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("dvc", "repro", *(targets or (PIPELINE,)), check=check)

    def edit(self, update: dict) -> None:
        """Merge settings into the laptop scale."""
        path = self.folder / LAPTOP
        head, body = "# @package _global_\n", OmegaConf.load(path)
        path.write_text(head + OmegaConf.to_yaml(OmegaConf.merge(body, update)))

    def shrink(self) -> None:
        config = OmegaConf.load(self.folder / "scales/laptop/params.yaml")
        run = {
            "model": {"layers": 1, "hidden": 24},
            "train": {"epochs": 1, "evaluations": 3},
            "sample": {
                "symbols": 6000,
                "streams": 2,
                "greedy_symbols": 300,
                "temperatures": [0.5, 1.0, 1.5],
            },
        }
        baseline = {"ngram_orders": [4, 10], "kenlm_orders": [2, 4], "symbols": 6000, "streams": 2,
                    "kenlm_memory": "200M"}  # fmt: skip
        self.edit(
            {
                "corpora": {name: {"limit": LIMIT} for name in config.corpora},
                "experiments": dict.fromkeys(config.experiments, run),
                "baselines": dict.fromkeys(config.baselines, baseline),
                "measure": {"closing_symbols": 5000, "window": 2000, "resamples": 100,
                            "structure_window": 1500},
                "cells": {"symbols": 4000, "streams": 4, "page_symbols": 400},
            }
        )  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """The python branch, reproduced once."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.repro(f"{PIPELINE}:page@python")
    return project


def test_the_branch_ends_in_a_page(project):
    page = (project.folder / "scales/laptop/reports/pages/python.html").read_text()
    assert "The Python standard library" in page and page.count("<svg") > 5
    greedy = project.folder / "scales/laptop/data/samples/python/temperature-0.jsonl"
    assert [len(text) for text in read_samples(greedy)] == [300, 300]
    for name in ("gates.tsv", "errors.tsv", "loops.tsv"):
        assert (project.folder / RESULTS / "python" / name).stat().st_size > 100
    for name in ("train.json", "history.tsv", "scores.tsv", "closing.tsv", "structure.tsv"):
        assert (project.folder / RESULTS / "python" / name).stat().st_size > 100


def test_the_branch_has_a_summary(project):
    command = (sys.executable, "-m", "analysis.report", "--scale", "laptop", "summary", "python")
    lines = [re.split("  +", line) for line in project.run(*command).stdout.splitlines() if line]
    rows = {line[0]: line[-1] for line in lines}
    bits = {name: float(rows[name]) for name in ("network", "Kneser-Ney, context 1")}
    assert 1 < min(bits.values()) < max(bits.values()) < 8
    assert rows[""] == "blocks that parse, share" and "held-out text" in rows


def test_pages_are_accessible(project):
    """Neither axe-core nor the browser complains, in either theme; the index names what waits."""
    project.run(sys.executable, "-m", "analysis.report", "--scale", "laptop", "index")
    reports = project.folder / "scales/laptop/reports"
    pages = [*reports.glob("*.html"), *(reports / "pages").glob("*.html")]
    assert {"index.html", "blind.html", "python.html"} <= {page.name for page in pages}
    axe = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
    check = "axe.run().then(arguments[arguments.length - 1])"
    with browser() as driver:
        for page, theme in product(pages, ("light", "dark")):
            view(driver, 1280, theme)
            driver.get(page.as_uri())
            assert driver.get_log("browser") == [], page.name
            driver.execute_script(axe)
            found = driver.execute_async_script(check)["violations"]
            assert not [(v["id"], v["nodes"][0]["html"]) for v in found], (page.name, theme)
            driver.get_log("browser")  # what axe-core's own styles were refused


def test_again_it_is_up_to_date(project):
    assert "up to date" in project.repro(f"{PIPELINE}:page@python").stdout


def test_what_is_unsmoothed_waits_for_no_kenlm():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    both = ("baselines/${key}", "baselines/${item.corpus}")
    for name in ("ngram", "measure_ngram", "excerpts_ngram", "loops"):
        stage = stages[name]["do"]
        assert not [dep for dep in stage["deps"] if dep.endswith(both) or "kenlm" in dep], name
        assert "kenlm" not in str(stage["params"]), name


def test_conf_edited_without_composing_fails_with_the_command_to_run(project):
    path = project.folder / "conf/experiment/names.yaml"
    before = path.read_text()
    path.write_text(before.replace("seed: 1", "seed: 2"))
    result = project.repro(f"{PIPELINE}:page@python", check=False)
    path.write_text(before)
    assert result.returncode
    assert "run python -m pipeline.compose" in result.stderr
    project.repro(f"{PIPELINE}:config")


def test_a_changed_parameter_reruns_only_what_reads_it(project):
    project.edit({"experiments": {"python": {"sample": {"greedy_symbols": 200}}}})
    project.run(sys.executable, "-m", "pipeline.compose")
    said = project.repro(f"{PIPELINE}:page@python").stdout
    assert "Running stage 'scales/laptop/dvc.yaml:sample@python'" in said
    for stage in ("train@python", "ngram@python", "kenlm@python", "preprocess@python"):
        assert f"Running stage '{PIPELINE}:{stage}'" not in said
    project.edit({"experiments": {"names": {"seed": 2}}})
    project.run(sys.executable, "-m", "pipeline.compose")
    said = project.repro(f"{PIPELINE}:page@python").stdout
    assert "Running stage" not in said.replace(f"Running stage '{PIPELINE}:config'", "")


def test_a_missing_corpus_is_one_clear_error_and_the_rest_goes_on(project):
    closed = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    result = project.run("dvc", "repro", "--keep-going", f"{PIPELINE}:download@latex",
                         f"{PIPELINE}:page@python", check=False,
                         environment={**closed, "CORPORA_MIRROR": ""})  # fmt: skip
    assert result.returncode
    assert "error: " in result.stderr and "Traceback" not in result.stderr
    assert "CORPORA_MIRROR" in result.stderr
    assert not (project.folder / "scales/laptop/data/raw/latex").exists()
    said = project.run(sys.executable, "-m", "analysis.report", "--scale", "laptop", "index")
    assert "index.html" in said.stdout
    assert "not run" in (project.folder / "scales/laptop/reports/index.html").read_text()


def test_sampling_and_scoring_every_model_by_hand(project):
    (project.folder / "own.py").write_text("def f(x):\n    return x + 1\n")
    for model in ("lstm", "ngram:4", "kenlm:4"):
        words = ("python", "--scale", "laptop", "--model", model)
        sampled = project.run(sys.executable, "-m", "pipeline.sample", *words, "--length", "40")
        assert len(sampled.stdout) >= 40
        scored = project.run(sys.executable, "-m", "pipeline.score", "python", "own.py", *words[1:])
        assert "bits per symbol" in scored.stdout


def test_killed_in_training_it_goes_on_from_the_checkpoint(project):
    project.edit({"experiments": {"python": {"train": {"epochs": 6, "checkpoint_seconds": 0.2}}}})
    project.run(sys.executable, "-m", "pipeline.compose")
    command = ["dvc", "repro", f"{PIPELINE}:train@python"]
    log = project.folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=project.folder, env=ENVIRONMENT, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
        checkpoints = project.folder / "scales/laptop/checkpoints"
        deadline = time.monotonic() + PATIENCE
        while not list(checkpoints.glob("*/training.safetensors")):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    result = project.repro(f"{PIPELINE}:train@python")
    assert "going on from step" in result.stderr
    assert not list(checkpoints.glob("*/training.safetensors"))


def test_the_full_scale_is_complete_and_valid(project):
    said = project.run("dvc", "repro", "--dry", "--force").stdout
    config = OmegaConf.load(project.folder / "params.yaml")
    for run in config.experiments:
        for stage in ("train", "sample", "measure"):
            assert f"Running stage '{stage}@{run}'" in said
    for stage in ("config", "claims", "report"):
        assert f"Running stage '{stage}'" in said


def test_the_names_branch_from_the_mirror(project, mirror):
    project.repro(f"{PIPELINE}:page@names")
    words = (sys.executable, "-m", "analysis.claims", "--scale", "laptop")
    project.run(*words, "--write")
    listed = project.run(*words, "--list")
    assert "other results or rules" not in listed.stderr
    settled = [line for line in listed.stdout.splitlines() if line.startswith("P12")]
    assert settled and "not run" not in settled[0]
    rules = project.folder / "conf/claims.yaml"
    before = rules.read_text()
    rules.write_text(before + "# another rule\n")
    assert "other results or rules" in project.run(*words, "--list").stderr
    rules.write_text(before)
