"""The sampling loop and the ways of choosing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from pipeline.lm.errors import InputError
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.suffix_index import SuffixIndex

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


def text_of(rows):
    return np.stack(list(rows), 1)


def test_same_seed_same_text(network_lm):
    prompt = np.array([1, 2])
    first, again, other = (
        text_of(sample(network_lm, prompt, 3, 40, Decoding(), seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (3, 40)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


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
