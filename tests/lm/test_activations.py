"""The inside of a network, step by step, against the library's own cells."""

import numpy as np
import pytest
import torch

from pipeline.lm.rnn.activations import GATES, LayerActivations, activation_chunks, present
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import RecurrentNetwork

CELLS = ["lstm", "gru", "rnn"]
SYMBOLS, HIDDEN = 7, 5


def activations(built: RecurrentNetwork, ids: np.ndarray) -> list[LayerActivations]:
    """Every layer while a network reads ids (T,) from zero states: arrays (T, H)."""
    chunks = list(activation_chunks(built, np.asarray(ids)[:, None]))
    return [
        LayerActivations(
            **{
                name: np.concatenate([getattr(chunk[layer], name)[:, 0] for chunk in chunks])
                for name in present(chunks[0][layer])
            }
        )
        for layer in range(len(built.layers))
    ]


def network(cell: str) -> RecurrentNetwork:
    torch.manual_seed(3)
    built = RecurrentNetwork(SYMBOLS, cell, layers=2, hidden=HIDDEN)
    built.initialise("uniform", uniform_range=0.9, forget_bias=1.0)
    return built.eval()


@pytest.fixture(scope="module")
def ids():
    # One id lies outside the vocabulary.
    return np.random.default_rng(1).integers(0, SYMBOLS + 1, 40)


@pytest.mark.parametrize("cell", CELLS)
def test_states_are_those_of_the_steps(cell, ids):
    built = network(cell)
    model = RecurrentLM(built)
    found = activations(built, ids)
    state = model.start(1)
    for t, symbol in enumerate(ids):
        _, state = model.step(state, np.array([symbol]))
        for layer, parts in zip(found, state, strict=True):
            np.testing.assert_allclose(layer.h[t], parts[0][0, 0], atol=1e-6)
            if cell == "lstm":
                np.testing.assert_allclose(layer.c[t], parts[1][0, 0], atol=1e-6)


def test_lstm_gates_make_the_states(ids):
    """h = o tanh(c) and c = f c' + i g with |g| < 1 hold for every unit and step."""
    for layer in activations(network("lstm"), ids):
        np.testing.assert_allclose(layer.h, layer.o * np.tanh(layer.c), atol=1e-6)
        added = layer.c[1:] - layer.f[1:] * layer.c[:-1]
        assert (np.abs(added) <= layer.i[1:] + 1e-6).all()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gates_are_those_of_the_single_cell(cell, ids):
    """The equations in NumPy, from the weights as PyTorch stacks them."""
    built = network(cell)
    layer, found = built.layers[0], activations(built, ids)[0]
    h = np.concatenate([np.zeros((1, HIDDEN), np.float32), found.h[:-1]])
    x = (ids[:, None] == np.arange(SYMBOLS)).astype(np.float32)
    w_ih, w_hh, b_ih, b_hh = (p.detach().numpy() for p in layer.parameters())
    rows = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh
    order = {"lstm": {"i": 0, "f": 1, "o": 3}, "gru": {"r": 0, "z": 1}}[cell]
    for name, block in order.items():
        logits = rows[:, block * HIDDEN : (block + 1) * HIDDEN]
        np.testing.assert_allclose(getattr(found, name), 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_gru_update_gate_mixes(ids):
    """h lies between the h before and a candidate in (-1, 1), as far as z says."""
    for layer in activations(network("gru"), ids):
        candidate = (layer.h[1:] - layer.z[1:] * layer.h[:-1]) / (1 - layer.z[1:])
        assert (np.abs(candidate) <= 1 + 1e-4).all()


@pytest.mark.parametrize("cell", CELLS)
def test_chunks_and_streams_change_nothing(cell, ids):
    built = network(cell)
    both = np.stack([ids, ids[::-1]], axis=1)
    whole = activations(built, ids)
    chunks = list(activation_chunks(built, both, chunk=7))
    for index, layer in enumerate(whole):
        assert present(layer) == ["h", *(["c"] if cell == "lstm" else []), *GATES[cell]]
        for name in present(layer):
            joined = np.concatenate([getattr(chunk[index], name) for chunk in chunks])
            np.testing.assert_allclose(joined[:, 0], getattr(layer, name), atol=1e-6)
