"""One protocol: steps and whole sequences agree, distributions sum to 1, for every model."""

import numpy as np
import pytest

from pipeline.lm.ngram.kenlm import KenLM, train
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.rnn.architecture import BLOCKS, parameter_count
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import RecurrentNetwork
from tests.conftest import random_ids, small_network

FAMILIES = ["lstm", "gru", "rnn", "ngram", "kenlm"]


@pytest.fixture(params=FAMILIES)
def model(request, prose, tmp_path):
    text, size = prose.part("train"), prose.vocabulary.size
    if request.param == "ngram":
        return SuffixIndex.build(text, size).ngram(4)
    if request.param == "kenlm":
        path = tmp_path / "kenlm.binary"
        train(text, size, 5, path, memory="200M", prune=[], quantise=False)
        return KenLM(path, size)
    return RecurrentLM(small_network(size, request.param))


def stepped(model, sequence):
    state, rows = model.start(1), []
    for symbol in sequence:
        log_probs, state = model.step(state, np.array([symbol]))
        rows.append(log_probs[0])
    return np.stack(rows)


def test_whole_sequence_equals_steps(model, prose):
    sequence = np.asarray(prose.part("test"))[:200]
    steps = stepped(model, sequence)
    np.testing.assert_allclose(model.log_probs(sequence), steps, atol=1e-5)
    if hasattr(model, "symbol_log_probs"):
        chosen = steps[np.arange(len(sequence) - 1), sequence[1:]]
        np.testing.assert_allclose(model.symbol_log_probs(sequence), chosen, atol=1e-5)


def test_distributions_sum_to_one(model, prose):
    sequence = random_ids(prose.vocabulary.size, 100)
    np.testing.assert_allclose(np.exp(stepped(model, sequence)).sum(1), 1, atol=1e-5)


def test_streams_do_not_mix(model, prose):
    sequences = np.stack([random_ids(prose.vocabulary.size, 30, seed) for seed in range(3)])
    state = model.start(3)
    for column in sequences.T:
        together, state = model.step(state, column)
    alone = [stepped(model, sequence)[-1] for sequence in sequences]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_step_leaves_the_state_it_was_given(model, prose):
    _, state = model.step(model.start(1), np.array([1]))
    first, _ = model.step(state, np.array([2]))
    model.step(state, np.array([3]))
    again, _ = model.step(state, np.array([2]))
    np.testing.assert_array_equal(first, again)


def test_a_symbol_outside_the_vocabulary_is_read(model, prose):
    log_probs, _ = model.step(model.start(1), np.array([prose.vocabulary.size + 1]))
    np.testing.assert_allclose(np.exp(log_probs).sum(), 1, atol=1e-5)


def test_parameters_of_the_post():
    """Claim P1: 4 H (V + H + 2) + 4 H (2 H + 2) + H V + V, about 3.5 million."""
    v, h = 96, 512
    expected = 4 * h * (v + h + 2) + 4 * h * (2 * h + 2) + h * v + v
    assert parameter_count(v, "lstm", 2, h) == expected
    assert 3.3e6 < expected < 3.7e6


@pytest.mark.parametrize("cell", BLOCKS)
def test_parameters_are_counted_without_a_network(cell):
    assert parameter_count(7, cell, 3, 5) == RecurrentNetwork(7, cell, 3, 5).parameter_count()
