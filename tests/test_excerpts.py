"""From samples on disk to the passages that pages quote."""

import random
from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from analysis import excerpts
from analysis.excerpts import Settings
from analysis.measure import write_table
from analysis.report import puzzles
from analysis.results import HELD_OUT, Results
from pipeline.compose import composed
from pipeline.lm.errors import InputError
from pipeline.lm.samples import write_samples
from pipeline.models import sample_file
from tests.conftest import prepare

SETTINGS = Settings(
    beginning=7, loop=4, passages=2, passage=5, temperature=0.5, ngram_order=4, seed=1
)
SOURCES = ("temperature:0", "temperature:0.5", "ngram:4")
GREEDY = b"begun: " + b"again " * 9
STREAMS = 6


@pytest.fixture
def results(tmp_path) -> Results:
    """Six samples of each source, each of which says whose it is, and where the first repeats."""
    config = OmegaConf.create(composed("laptop"))
    for name in ("text", "samples", "results"):
        config.paths[name] = str(tmp_path / name)
    config.experiments.warpeace.sample.update({"temperatures": [0.5], "streams": STREAMS})
    config.baselines.warpeace.ngram_orders = [4]
    config.report.excerpts = vars(SETTINGS)
    found = Results.of(config)
    prepare(found.paths.text / "warpeace", b"Well, Prince, so Genoa and Lucca.\n" * 400)
    for source in SOURCES:
        is_network = source.startswith("temperature")
        folder = (found.paths.run_samples if is_network else found.paths.baseline_samples)(
            "warpeace"
        )
        texts = [f"{source[-1]}{k} {'é' * 9}".encode() for k in range(STREAMS)]
        write_samples(folder / sample_file(source), [GREEDY] if source == SOURCES[0] else texts)
    row = {"source": SOURCES[0], "stream": 0, "symbols": len(GREEDY), "start": 7, "period": 6}
    write_table(found.paths.run_results("warpeace") / "loops.tsv", [row], list(row))
    return found


def test_what_is_quoted_is_the_beginning_of_each_first_sample(results):
    excerpts.write_excerpts(results.config, "warpeace")
    found = results.excerpts("warpeace")
    assert set(found["beginnings"]) == {HELD_OUT, *SOURCES}
    assert found["beginnings"]["temperature:0"] == "begun: "
    assert found["beginnings"]["ngram:4"] == "40 éé"
    assert found["beginnings"][HELD_OUT] in "Well, Prince, so Genoa and Lucca.\n" * 2
    assert found["loop"] == "agai…"


def test_passages_to_guess_have_the_source_they_were_cut_from(results):
    excerpts.write_excerpts(results.config, "warpeace")
    (found,) = puzzles(results)
    assert [number for number, _ in found["excerpts"]] == [1, 2, 3, 4, 5, 6]
    answers = {"5": "network, temperature 0.5", "4": "n-gram, context 4"}
    for _, piece in found["excerpts"]:
        assert piece["answer"] == answers.get(piece["text"][0], "held-out text")
    firsts = [piece["text"][:2] for _, piece in found["excerpts"]]
    assert {"52", "54", "42", "44"} <= set(firsts)  # the first of each is on the corpus's page


def test_their_order_depends_on_the_seed_alone():
    streams = {s: [s[-2:].encode()] * 9 for s in (HELD_OUT, "temperature:0.5", "ngram:4")}
    orders = {
        str(excerpts.puzzle(streams, replace(SETTINGS, passages=8), random.Random(seed)))
        for seed in (1, 2, 1)
    }
    assert len(orders) == 2


def test_without_one_of_the_sources_there_is_nothing_to_guess(results):
    results.config.report.excerpts.ngram_order = 5
    excerpts.write_excerpts(results.config, "warpeace")
    assert results.excerpts("warpeace")["puzzle"] == [] and puzzles(results) == []


def test_a_missing_sample_is_one_clear_error(results):
    (results.paths.baseline_samples("warpeace") / sample_file("ngram:4")).unlink()
    with pytest.raises(InputError, match="run the stage that samples"):
        excerpts.write_excerpts(results.config, "warpeace")
