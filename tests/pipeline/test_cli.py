"""The commands by hand: results on stdout, mistakes as one line and status 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, prepare_model


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A trained network by hand, and a text."""
    base = tmp_path_factory.mktemp("cli")
    prepare_model(base)
    (base / "empty.txt").write_bytes(b"")
    return base


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_sampling_prints_the_prompt_and_as_much_as_asked(folder):
    words = ("pipeline.sample", str(folder / "model"), "--length", "50", "--prompt", "The wife")
    first, again = run(*words), run(*words)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("The wife") and len(first.stdout) == 8 + 50 + 1
    assert first.stdout == again.stdout


def test_several_streams(folder):
    result = run("pipeline.sample", str(folder / "model"), "--streams", "3", "--length", "9")
    assert result.stdout.count("---") == 3


def test_scoring_prints_a_line_a_file(folder):
    files = [str(folder / "some.txt")] * 2
    plain = run("pipeline.score", str(folder / "model"), *files)
    assert plain.stdout.count("399 symbols") == 2, plain.stderr
    figures = json.loads(run("pipeline.score", str(folder / "model"), files[0], "--json").stdout)
    assert figures["symbols"] == 399
    assert figures["bits_per_symbol"] == pytest.approx(figures["nats_per_symbol"] * 1.442695)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pipeline.sample", "MODEL", "--prompt", "Zebra!"], "never occurs in the training text"),
        (["pipeline.sample", "MODEL", "--temperature", "-1"], "temperature is -1.0"),
        (["pipeline.sample", "MODEL", "--temperature", "nan"], "temperature is nan"),
        (["pipeline.sample", "MODEL", "--top-k", "0"], "top-k is 0"),
        (["pipeline.sample", "MODEL", "--length", "0"], "1 or more"),
        (["pipeline.sample", "MODEL", "--model", "ngram:3"], "holds a network only"),
        (["pipeline.sample", "MODEL", "--model", "gpt"], "no model 'gpt'"),
        (["pipeline.sample", "nope"], "no 'nope' among the experiments"),
        (["pipeline.sample", "MODEL", "--params", "nope.yaml"], "nope.yaml is missing"),
        (["pipeline.score", "MODEL", "/nope"], "cannot read /nope"),
        (["pipeline.score", "MODEL", "EMPTY"], "nothing to score"),
        (["pipeline.baseline", "ngram", "nope"], "no 'nope' among the baselines"),
        (["pipeline.train", "nope"], "no 'nope' among the experiments"),
        (["analysis.measure", "network", "nope"], "no 'nope' among the experiments"),
        (["analysis.report", "page", "nope"], "no 'nope' among the baselines"),
    ],
)
def test_mistakes_are_one_line_and_status_2(folder, words, said):
    places = {"MODEL": str(folder / "model"), "EMPTY": str(folder / "empty.txt")}
    result = run(*(places.get(word, word) for word in words))
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert said in result.stderr
