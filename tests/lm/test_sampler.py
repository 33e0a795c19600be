"""The fast steps of a network against its exact ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.lm.rnn import sampler as recurrent_sampler
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.sampler import FEW, BatchProduct, SamplingLM
from tests.conftest import random_ids, small_network

CELLS = ["lstm", "gru", "rnn"]
TOLERANCE = 0.02
"""Of log-probabilities, untrained."""
EXACT = 1e-4
NATS = 0.001
"""What sampling may cost."""


def both(network, fast, n, length, seed=0):
    """Log-probabilities (length, n, V) of the exact and the fast steps; some ids are unseen."""
    model = RecurrentLM(network)
    ids = np.random.default_rng(seed).integers(network.size + 2, size=(length, n))
    states, rows = [model.start(n), fast.start(n)], []
    for symbols in ids:
        steps = [m.step(s, symbols) for m, s in zip((model, fast), states, strict=True)]
        rows.append([log_probs for log_probs, _ in steps])
        states = [state for _, state in steps]
    return np.array(rows).swapaxes(0, 1)


@given(
    cell=st.sampled_from(CELLS),
    size=st.integers(1, 40),
    layers=st.integers(1, 3),
    hidden=st.integers(1, 40),
    n=st.integers(1, 9),
    cached=st.sampled_from([0, 2**30]),
)
@settings(max_examples=60)
def test_close_to_the_exact_steps_at_any_size(cell, size, layers, hidden, n, cached):
    torch.manual_seed(size)
    network = RecurrentNetwork(size, cell, layers, hidden).eval()
    network.initialise("scaled", 0.1, 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recurrent_sampler, "CACHED", cached)
        exact, fast = both(network, SamplingLM(network, n), n, 8)
    assert fast.shape == (8, n, size)
    np.testing.assert_allclose(fast, exact, atol=TOLERANCE)


def snapped(network):
    """The same network with weights that bytes with a scale a row hold exactly."""
    for weights in network.parameters():
        if weights.dim() == 2:
            weights.data = (weights.data * 254).round() / 254
            weights.data[:, 0] = 0.5  # the largest of each row
    return network


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n", [1, FEW])
def test_bytes_lose_nothing_but_their_rounding(cell, n, monkeypatch):
    monkeypatch.setattr(recurrent_sampler, "CACHED", 0)
    network = snapped(small_network(31, cell, layers=3))
    fast = SamplingLM(network, n)
    assert all(product.fours.dtype == np.int8 for product, _ in fast.layers)
    np.testing.assert_allclose(*both(network, fast, n, 60), atol=EXACT)


@pytest.mark.parametrize("cell", CELLS)
def test_sixteen_bits_lose_next_to_nothing(cell):
    network = small_network(31, cell)
    fast = SamplingLM(network, 1)
    assert all(product.fours.dtype == np.int16 for product, _ in fast.layers)
    np.testing.assert_allclose(*both(network, fast, 1, 60), atol=1e-3)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n", [FEW + 1, 100])
def test_batches_lose_nothing_but_their_rounding(cell, n, monkeypatch):
    """Also what a processor without bfloat16 gets."""
    monkeypatch.setattr(recurrent_sampler, "chosen_precision", lambda *_: torch.float32)
    network = small_network(31, cell, layers=3)
    fast = SamplingLM(network, n)
    assert all(isinstance(product, BatchProduct) for product, _ in fast.layers)
    np.testing.assert_allclose(*both(network, fast, n, 60), atol=EXACT)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n", [1, 100])
def test_rounding_costs_little(cell, n, monkeypatch):
    """The mean divergence from the exact distributions is what it costs, in nats a symbol, on text
    of the exact model. The benchmark measures it on real text."""
    monkeypatch.setattr(recurrent_sampler, "CACHED", 0)
    # Every processor can multiply matrices in it, if slowly.
    monkeypatch.setattr(recurrent_sampler, "chosen_precision", lambda *_: torch.bfloat16)
    torch.manual_seed(0)
    network = RecurrentNetwork(60, cell, 2, 64).eval()
    network.initialise("uniform", 0.2, 1.0)
    network.decoder.weight.data *= 5
    exact, fast = both(network, SamplingLM(network, n), n, 100)
    assert (exact.max(2) - exact.min(2)).mean() > 3  # distributions far from uniform
    divergence = (np.exp(exact) * (exact - fast)).sum(2)
    assert 0 < divergence.mean() < NATS


@pytest.mark.parametrize("n", [1, 100])
def test_distributions_sum_to_one_and_states_are_left_alone(n):
    fast = SamplingLM(small_network(31), n)
    _, state = fast.step(fast.start(n), random_ids(31, n))
    first, _ = fast.step(state, random_ids(31, n, 1))
    fast.step(state, random_ids(31, n, 2))
    again, _ = fast.step(state, random_ids(31, n, 1))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(np.exp(first).sum(1), 1, atol=1e-5)


def test_idle_input_columns_are_left_out():
    """A symbol outside the vocabulary reads none of them, whatever they hold."""
    torch.manual_seed(0)
    padded = RecurrentNetwork(31, "lstm", 2, 12, inputs=64).eval()
    network = RecurrentNetwork(31, "lstm", 2, 12).eval()
    network.load_weights(padded.weights())
    np.testing.assert_allclose(*both(network, SamplingLM(padded, 1), 1, 20), atol=TOLERANCE)


def test_weights_are_those_of_the_moment():
    network = small_network(31)
    model = RecurrentLM(network)
    before, after = model.for_sampling(1), None
    network.decoder.bias.data[3] += 5
    after = model.for_sampling(1)
    ids = np.array([0])
    rows = [m.step(m.start(1), ids)[0][0] for m in (before, after)]
    assert rows[1].argmax() == 3 and rows[1][3] > rows[0][3] + 1
