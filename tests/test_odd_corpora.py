"""A page always comes: odd small corpora through their whole branch, in one process."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from omegaconf import DictConfig, OmegaConf

from analysis.cells import __main__ as cells
from analysis.measure import __main__ as measure
from analysis.measure import compare, error_kinds, excerpts, gates, loops
from analysis.report import __main__ as report
from analysis.report import cells_page, play
from analysis.results.reader import Results
from pipeline import baseline, download, preprocess, sample, train
from pipeline.config import params
from pipeline.config.composition import composed
from pipeline.config.paths import Paths
from pipeline.lm.sources import KENLM, NGRAM
from tests.prepared_texts import described

RUN = {
    "title": "Mine",
    "corpus": "mine",
    "model": {"layers": 1, "hidden": 6, "dropout": 0.0},
    "train": {"epochs": 1, "batch": 4, "bptt": 8, "evaluations": 2, "precision": "float32"},
    "sample": {"temperatures": [0.5, 1.0], "symbols": 200, "streams": 2, "greedy_symbols": 60,
               "prime": 20},
}  # fmt: skip
NGRAMS = {"ngram_orders": [3], "kenlm_orders": [2], "kenlm_memory": "50M", "symbols": 200,
          "streams": 2, "prime": 20}  # fmt: skip
SHRUNK = {
    "measure": {"window": 100, "context": 20, "resamples": 20, "structure_window": 100},
    "cells": {"symbols": 400, "streams": 4, "page_symbols": 100, "strip_symbols": 40},
    "inside": {"gates": {"streams": 2, "context": 10}},
}


@pytest.fixture(scope="module")
def config() -> DictConfig:
    """The laptop scale of one tiny experiment; its paths and its corpus are still to be given."""
    whole = OmegaConf.create(composed("laptop"))
    run = OmegaConf.merge(whole.experiments.warpeace, RUN)
    ngrams = OmegaConf.merge(whole.baselines.warpeace, NGRAMS)
    whole.experiments, whole.baselines = {"mine": run}, {"mine": ngrams}
    whole.inside.evolution = []
    return OmegaConf.merge(whole, SHRUNK)


def page_of(config: DictConfig, folder: Path, text: bytes, **corpus: Any) -> str:
    """The page of a text, by every stage of its branch."""
    (folder / "own.txt").write_bytes(text)
    here = config.copy()
    here.paths = {name: str(folder / name) for name in Paths.__dataclass_fields__}
    source = {"variant": "own", "from": [f"file:{folder}/own.txt"]}
    here.corpora = {"mine": described(source, **corpus)}
    paths = Paths.of(here)
    stages: list[Callable[[], Any]] = [
        lambda: download.download(here, "mine"),
        lambda: preprocess.preprocess(here, "mine"),
        lambda: baseline.build(here, NGRAM, "mine"),
        lambda: baseline.build(here, KENLM, "mine"),
        lambda: train.train("mine", params.experiment(here, "mine"), paths,
                            paths.run_model("mine"), paths.run_results("mine")),
        lambda: sample.write_run_samples(here, "mine"),
        lambda: measure.measure_ngram(here, "mine"),
        lambda: measure.measure_kenlm(here, "mine"),
        lambda: measure.measure_network(here, "mine"),
        lambda: compare.compare(Results.of(here).run("mine")),
        lambda: gates.measure_gates(here, "mine"),
        lambda: error_kinds.measure_errors(here, "mine"),
        lambda: loops.measure_loops(here, "mine"),
        lambda: excerpts.of_ngram(here, "mine"),
        lambda: excerpts.of_network(here, "mine"),
        lambda: cells.study(here, "mine"),
        lambda: cells_page.write_page(here, "mine"),
        lambda: play.write_play(here, "mine"),
    ]  # fmt: skip
    for stage in stages:
        stage()
    return report.write_page(Results.of(here), "mine").read_text()


def not_rendered(_: Figure, target: IO[bytes], **options: Any) -> None:
    """Instead of `Figure.savefig`: a figure is drawn, but not rendered, which takes the most."""
    target.write(b'<svg viewBox="0 0 1 1"><defs></defs></svg>')


ALPHABETS = ["a", "ab", "A B", "ACGT", "a\n", "(){}\n", "天地玄黄，。", "да не\n", "\r\0\x80"]


@settings(max_examples=6, derandomize=True, deadline=None)
@given(
    text=st.sampled_from(ALPHABETS).flatmap(
        lambda letters: st.text(st.sampled_from(letters), min_size=40, max_size=700)
    ),
    symbols=st.sampled_from(["bytes", "characters", "words"]),
    kind=st.sampled_from(["prose", "names", "python"]),
    dictionary=st.sampled_from(["english", "none"]),
)
@example(text="Hello world!\n" * 20, symbols="bytes", kind="prose", dictionary="english")
@example(text="THE CAT SAT.\n" * 60, symbols="bytes", kind="prose", dictionary="english")
def test_a_page_always_comes(config, text, symbols, kind, dictionary):
    with tempfile.TemporaryDirectory() as folder, patch.object(Figure, "savefig", not_rendered):
        page = page_of(config, Path(folder), text.encode("utf-8"), symbols=symbols, kind=kind,
                       dictionary=dictionary)  # fmt: skip
    assert page.count("<h2") >= 9 and not re.search(r"\bnan\b", page)
