"""From samples on disk to the passages that pages quote."""

import pytest
from omegaconf import OmegaConf

from analysis.claims.reference import REPLY_CORPUS, sample_rows
from analysis.measure import excerpts
from analysis.measure.excerpts import Settings
from analysis.report.blind import puzzles
from analysis.results.reader import NotRunError, Results
from pipeline.config.composition import composed
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.tables import write_table
from pipeline.lm.samples import write_samples
from pipeline.lm.sources import HELD_OUT, family, sample_file
from tests.conftest import prepare

CORPUS = REPLY_CORPUS
SETTINGS = Settings(beginning=8, loop=4, passages=2, passage=5, contexts=["so ", "ca."])
NETWORK, NGRAM = ("temperature:0", "temperature:0.5"), "ngram:4"
GREEDY = b"begun: " + b"again " * 9
STREAMS = 6
TEXT = b"Well, Prince, so Genoa and Lucca.\n"


@pytest.fixture
def results(tmp_path) -> Results:
    """Six samples of each source that say whose they are, and a greedy one that repeats."""
    config = OmegaConf.create(composed("laptop"))
    for name in ("text", "samples", "results"):
        config.paths[name] = str(tmp_path / name)
    config.experiments[CORPUS].sample.update({"temperatures": [0.5]})
    config.baselines[CORPUS].update({"ngram_orders": [4], "streams": STREAMS})
    config.report.excerpts = vars(SETTINGS)
    config.report.blind = {"temperature": 0.5, "ngram_order": 4, "least": 3, "seed": 1}
    found = Results.of(config)
    paths = found.paths
    prepare(paths.text / CORPUS, TEXT * 400)
    samples = {paths.run_samples(CORPUS) / sample_file(NETWORK[0]): [GREEDY]}
    folders = (paths.run_samples(CORPUS), paths.baseline_samples(CORPUS, family(NGRAM)))
    for folder, source in zip(folders, (NETWORK[1], NGRAM), strict=True):
        texts = [f"{source[-1]}{k} {'é' * 9}".encode() for k in range(STREAMS)]
        samples[folder / sample_file(source)] = texts
    for path, texts in samples.items():
        write_samples(path, texts)
    row = {"source": NETWORK[0], "stream": 0, "symbols": len(GREEDY), "start": 7, "period": 6}
    write_table(paths.run_results(CORPUS) / "loops.tsv", [row], list(row))
    return found


def write_all(results: Results) -> None:
    excerpts.of_network(results.config, CORPUS)
    excerpts.of_ngram(results.config, CORPUS)


def test_what_is_quoted_is_the_beginning_of_each_first_sample(results):
    write_all(results)
    found = results.run(CORPUS).excerpts()
    beginnings = {"temperature:0": "begun: a", "temperature:0.5": "50 éé", NGRAM: "40 éé"}
    assert found["beginnings"] == {HELD_OUT: TEXT[:8].decode(), **beginnings}
    assert found["loop"] == "agai…"
    assert found["passages"][NGRAM] == ["42 é", "44 é"]  # neither the first nor side by side


def test_passages_to_guess_have_the_source_they_were_cut_from(results):
    write_all(results)
    (found,) = puzzles(results)
    assert [number for number, _ in found["excerpts"]] == [1, 2, 3, 4, 5, 6]
    answers = {"5": "network, temperature 0.5", "4": "n-gram, context 4"}
    for _, piece in found["excerpts"]:
        assert len(piece["text"]) == 4  # as the shortest
        assert piece["answer"] == answers.get(piece["text"][0], "held-out text")


def test_their_order_depends_on_the_seed_alone(results):
    write_all(results)
    orders = []
    for seed in (1, 2, 1):
        results.config.report.blind.seed = seed
        orders.append(str(puzzles(results)))
    assert orders[0] == orders[2] != orders[1]


@pytest.mark.parametrize("other", [{"ngram_order": 5}, {"least": 5}])
def test_without_one_of_the_sources_or_much_of_it_there_is_nothing_to_guess(results, other):
    write_all(results)
    results.config.report.blind.update(other)
    assert puzzles(results) == []


def test_samples_of_ngrams_stand_beside_the_reply_s_without_a_network(results):
    assert not any(row["ours"] for row in sample_rows(results))
    excerpts.of_ngram(results.config, CORPUS)
    rows = {row["order"]: row for row in sample_rows(results)}
    assert [len(row["theirs"]) > 250 for row in rows.values()] == [True] * 4
    assert rows[4]["ours"] == "40 éé" and rows[2]["ours"] == ""
    with pytest.raises(NotRunError, match=f"waits for excerpts of {CORPUS}"):
        results.run(CORPUS).excerpts()


def test_what_follows_a_context_is_counted_in_all_three_parts(results):
    excerpts.of_ngram(results.config, CORPUS)
    counts = results.baseline_excerpts(CORPUS)["following"]
    assert counts["ca."] == {"\n": 400} and set(counts["so "]) == {"G"}


def test_missing_loops_are_one_clear_error(results):
    (results.paths.run_results(CORPUS) / "loops.tsv").unlink()
    with pytest.raises(InputError, match=f"no excerpts of {CORPUS} yet, waits for loops"):
        excerpts.of_network(results.config, CORPUS)


def test_a_missing_sample_is_one_clear_error(results):
    (results.paths.baseline_samples(CORPUS, family(NGRAM)) / sample_file(NGRAM)).unlink()
    with pytest.raises(InputError, match="run the stage that samples"):
        excerpts.of_ngram(results.config, CORPUS)
