"""The sampling loop, the ways of choosing, lines, beam search, and the command that prints them."""

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from pipeline import sample as command
from pipeline.lm.io.errors import InputError
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.rnn.checkpoint import save_network
from pipeline.lm.sampling import LINES_AT_ONCE, Decoding, beam_search, sample, sample_lines
from tests.conftest import PROSE, prepare, small_network

PROBABILITIES = np.array([0.5, 0.3, 0.15, 0.05])
LOGS = np.log(PROBABILITIES)


def drawn(decoding, n=20000):
    uniforms = np.random.default_rng(0).random(n)
    return np.bincount(decoding.choose(np.tile(LOGS, (n, 1)), uniforms), minlength=4)


def test_temperature_one_draws_from_the_distribution():
    counts = drawn(Decoding())
    assert chisquare(counts, PROBABILITIES * counts.sum()).pvalue > 0.001


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_divides_the_log_probabilities(temperature):
    expected = PROBABILITIES ** (1 / temperature)
    counts = drawn(Decoding(temperature))
    assert chisquare(counts, expected / expected.sum() * counts.sum()).pvalue > 0.001


def test_greedy_top_k_and_top_p_leave_out_the_rest():
    assert drawn(Decoding(0)).tolist() == [20000, 0, 0, 0]
    assert (drawn(Decoding(top_k=2)) > 0).tolist() == [True, True, False, False]
    assert (drawn(Decoding(top_p=0.6)) > 0).tolist() == [True, True, False, False]
    assert (drawn(Decoding(top_p=0.5)) > 0).tolist() == [True, False, False, False]


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 3))
def test_impossible_symbols_are_never_drawn(uniform, impossible):
    logs = LOGS.copy()
    logs[impossible] = -np.inf
    for decoding in (Decoding(), Decoding(0.3), Decoding(top_k=3), Decoding(top_p=0.9)):
        assert decoding.choose(logs[None], np.array([uniform]))[0] != impossible


@pytest.mark.parametrize(
    "wrong",
    [
        *({"temperature": value} for value in (-1, math.nan, math.inf)),
        *({"top_k": 0}, {"top_p": 0}, {"top_p": 1.5}),
    ],
)
def test_wrong_decoding_is_refused(wrong):
    with pytest.raises(InputError):
        Decoding(**wrong)


def test_symbols_as_likely_as_the_last_one_kept_stay():
    """Or the outcome would hang on the order of ids."""
    even = np.zeros((1, 4))
    for decoding in (Decoding(top_k=2), Decoding(top_p=0.4)):
        drawn = [decoding.choose(even, np.array([u]))[0] for u in (0.1, 0.3, 0.6, 0.9)]
        assert drawn == [0, 1, 2, 3]


DECODINGS = [Decoding(), Decoding(0.5), Decoding(0), Decoding(top_k=3), Decoding(0.9, None, 0.7)]


@pytest.fixture(params=["network", "ngram"])
def model(request, prose, network_lm):
    if request.param == "network":
        return network_lm
    return SuffixIndex.build(prose.part("train"), prose.vocabulary.size).ngram(2)


def text_of(rows):
    return np.stack(list(rows), 1)


@pytest.mark.parametrize("decoding", DECODINGS, ids=str)
@pytest.mark.parametrize("n", [1, 3, 9])
def test_same_seed_same_text(model, decoding, n):
    first, again, other = (
        text_of(sample(model, np.array([1, 2]), n, 40, decoding, seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (n, 40) and first.min() >= 0 and first.max() < model.size
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() == (decoding.temperature > 0)


@pytest.mark.parametrize("decoding", DECODINGS, ids=str)
def test_only_symbols_that_the_decoding_allows(prose, decoding):
    model = SuffixIndex.build(prose.part("train"), prose.vocabulary.size).ngram(2)
    prompt = prose.vocabulary.encode(b"e ")
    symbols = text_of(sample(model, prompt, 1, 300, decoding, 1))[0]
    rows = np.exp(model.log_probs(np.concatenate((prompt, symbols)))[1:-1])
    chosen = rows[np.arange(300), symbols]
    ahead = (rows > chosen[:, None]).sum(1)
    before = np.where(rows > chosen[:, None], rows ** (1 / (decoding.temperature or 1)), 0).sum(1)
    whole = (rows ** (1 / (decoding.temperature or 1))).sum(1)
    assert chosen.min() > 0
    if decoding.temperature == 0:
        assert ahead.max() == 0
    if decoding.top_k:
        assert ahead.max() < decoding.top_k
    if decoding.top_p:
        assert (before < decoding.top_p * whole).all()


def test_an_empty_prompt_is_refused(network_lm):
    with pytest.raises(InputError, match="prompt"):
        next(sample(network_lm, np.array([], int), 1, 1, Decoding(), 1))


def test_draws_of_an_ngram_have_its_distribution(prose):
    model = SuffixIndex.build(prose.part("train"), prose.vocabulary.size).ngram(2)
    prompt = prose.vocabulary.encode(b"e ")
    counts = np.bincount(next(sample(model, prompt, 20000, 1, Decoding(), 1)), minlength=model.size)
    expected = np.exp(model.log_probs(prompt)[-1]) * counts.sum()
    assert counts[expected == 0].sum() == 0
    assert chisquare(counts[expected > 0], expected[expected > 0]).pvalue > 0.001


@dataclass
class Table:
    """A model whose next symbol depends on the last two, by a table (V, V, V) of logarithms."""

    log_probs: np.ndarray

    @property
    def size(self):
        return len(self.log_probs)

    def start(self, n):
        return np.zeros(n, int)

    def step(self, state, symbols):
        return self.log_probs[state, symbols], symbols

    def total(self, symbols):
        """Of a text after symbol 0, which is the prompt."""
        last = [0, 0, *symbols]
        return sum(
            self.log_probs[a, b, c] for a, b, c in zip(last, last[1:], symbols, strict=False)
        )


@st.composite
def tables(draw):
    size = draw(st.integers(1, 4))
    weights = np.random.default_rng(draw(st.integers(0, 2**32))).dirichlet(
        np.full(size, draw(st.sampled_from([0.3, 1, 10]))), (size, size)
    )
    if draw(st.booleans()):  # some symbols are impossible, never all
        weights[weights < 1 / (2 * size)] = 0
    with np.errstate(divide="ignore"):
        return Table(np.log(weights / weights.sum(2, keepdims=True)))


@given(tables(), st.integers(1, 4))
def test_a_beam_as_wide_as_all_texts_finds_the_likeliest(model, length):
    found, nats = beam_search(model, np.array([0]), model.size**length, length)
    best = max(map(model.total, product(range(model.size), repeat=length)))
    assert nats == pytest.approx(best)
    assert model.total(found) == pytest.approx(best)


@given(tables(), st.integers(1, 6), st.integers(1, 20))
def test_a_beam_finds_a_possible_text_and_its_log_probability(model, width, length):
    found, nats = beam_search(model, np.array([0]), width, length)
    assert len(found) == length
    assert math.isfinite(nats) and nats == pytest.approx(model.total(found))


@given(tables(), st.integers(1, 20))
def test_a_beam_of_one_is_greedy(model, length):
    greedy = text_of(sample(model, np.array([0]), 1, length, Decoding(0), 1))[0]
    np.testing.assert_array_equal(beam_search(model, np.array([0]), 1, length)[0], greedy)


def test_a_beam_scores_exactly_for_every_model(model):
    prompt = np.array([1, 2])
    found, nats = beam_search(model, prompt, 4, 30)
    np.testing.assert_array_equal(beam_search(model, prompt, 4, 30)[0], found)
    rows = model.log_probs(np.concatenate((prompt, found)))[1:-1]
    assert rows[np.arange(30), found].sum() == pytest.approx(nats, abs=1e-4)


def test_a_beam_without_width_length_or_prompt_is_refused(network_lm):
    for prompt, width, length in (([], 1, 1), ([0], 0, 1), ([0], 1, 0)):
        with pytest.raises(InputError):
            beam_search(network_lm, np.array(prompt, int), width, length)


@pytest.mark.parametrize("limit", [1, 5, 400])
def test_lines_are_the_beginnings_of_independent_streams(model, limit):
    end, prompt, n = 4, np.array([4, 1]), LINES_AT_ONCE + 7
    lines = list(sample_lines(model, prompt, n, limit, Decoding(), 3, end))
    assert len(lines) == n
    streams = np.concatenate(
        [
            text_of(sample(model, prompt, LINES_AT_ONCE, limit, Decoding(), [3, 0])),
            text_of(sample(model, prompt, 7, limit, Decoding(), [3, LINES_AT_ONCE])),
        ]
    )
    for line, stream in zip(lines, streams, strict=True):
        ends = np.flatnonzero(stream == end)
        np.testing.assert_array_equal(line, stream[: ends[0] if len(ends) else limit])


def test_lines_come_as_soon_as_they_are_whole(prose):
    """The first line does not wait for the length limit."""
    model = SuffixIndex.build(prose.part("train"), prose.vocabulary.size).ngram(2)
    (newline,) = prose.vocabulary.encode(b"\n")
    lines = sample_lines(model, np.array([newline]), 5, 10**9, Decoding(), 1, newline)
    assert len(list(lines)) == 5


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A network by hand whose vocabulary has a newline and no capital Z."""
    base = tmp_path_factory.mktemp("sampling")
    text = prepare(base / "text", PROSE)
    save_network(base, small_network(text.vocabulary.size), {})
    text.vocabulary.save(base / "vocabulary.json")
    return base


@pytest.fixture
def printed(folder, monkeypatch, capfdbinary):
    """Runs the command in this process; its output as bytes."""

    def run(*words: str):
        monkeypatch.setattr("sys.argv", ["sample", str(folder), *words])
        command.main()
        return capfdbinary.readouterr()

    return run


def test_streams_begin_with_the_prompt_of_a_file(printed, tmp_path):
    (tmp_path / "prompt").write_bytes(b"The house.)\n")
    words = ("--prompt-file", str(tmp_path / "prompt"), "--length", "20", "--streams", "2")
    first, second = printed(*words).out.split(b"--- 2\n")
    assert first.startswith(b"--- 1\nThe house.)\n") and second.startswith(b"The house.)\n")
    assert first != printed(*words, "--seed", "2").out.split(b"--- 2\n")[0]


def test_lines_are_printed_one_a_line(printed):
    out, said = printed("--lines", "6", "--prompt", "The w", "--length", "40")
    lines = out.splitlines()
    assert len(lines) == 6 and all(line.startswith(b"The w") for line in lines)
    cut = sum(len(line) == 45 for line in lines)
    assert (f"{cut} lines did not end".encode() in said) == (cut > 0)


def test_beam_prints_how_likely_its_text_is(printed):
    out, said = printed("--beam", "3", "--length", "12")
    assert len(out) == 13
    assert said.startswith(b"log-probability -") and b"bits per symbol" in said


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--prompt", "Z"], "symbol 1, b'Z', never occurs"),
        (["--lines", "2", "--prompt", "Z"], "symbol 1, b'Z', never occurs"),
        (["--beam", "2", "--prompt", "Z"], "symbol 1, b'Z', never occurs"),
        (["--prompt-file", "/nope"], "cannot read /nope"),
        (["--beam", "2", "--temperature", "0.5"], "nothing to chance"),
        (["--beam", "0"], "--beam is 0: use 1 to 10,000"),
        (["--lines", "0"], "--lines is 0: use 1 or more"),
        (["--seed", "-1"], "--seed is -1: use 0 to 4,294,967,295"),
    ],
)
def test_mistakes_are_said_in_one_line(printed, words, complaint):
    with pytest.raises(InputError, match=complaint) as raised:
        printed(*words)
    assert "\n" not in str(raised.value)


def test_an_unseen_byte_in_a_prompt_file_is_named(printed, tmp_path):
    (tmp_path / "prompt").write_bytes(b"The \xff")
    with pytest.raises(InputError, match=r"symbol 5, b'\\xff', never occurs"):
        printed("--prompt-file", str(tmp_path / "prompt"))
