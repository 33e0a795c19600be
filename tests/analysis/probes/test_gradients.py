"""Gradients by distance, against finite differences and the product of Jacobians."""

import copy

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from analysis.probes import gradients
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.network import RecurrentNetwork
from tests.conftest import ROOT, random_ids

SYMBOLS, HIDDEN, WINDOWS, LENGTH = 5, 4, 3, 14
DISTANCES = [1, 2, 5]


def network(cell: str, layers: int) -> RecurrentNetwork:
    torch.manual_seed(2)
    built = RecurrentNetwork(SYMBOLS, cell, layers, HIDDEN)
    built.initialise("uniform", 0.6, 1.0)
    return built


def by_differences(built: RecurrentNetwork, ids: np.ndarray, k: int, state: int) -> np.ndarray:
    """Norms of the gradient by the last layer's state k symbols before, by central differences."""
    built, symbols, step = copy.deepcopy(built).double(), torch.from_numpy(ids), 1e-5
    _, reached = built(symbols[: len(ids) - 1 - k], built.start(ids.shape[1]))

    def loss(moved: torch.Tensor) -> torch.Tensor:
        last = list(reached[-1])
        last[state] = moved
        logits, _ = built(symbols[len(ids) - 1 - k : -1], [*reached[:-1], tuple(last)])
        return torch.nn.functional.cross_entropy(logits[-1], symbols[-1], reduction="none")

    slopes = []
    for unit in range(HIDDEN):
        nudge = torch.zeros_like(reached[-1][state])
        nudge[..., unit] = step
        base = reached[-1][state]
        slopes.append((loss(base + nudge) - loss(base - nudge)) / (2 * step))
    return torch.stack(slopes).norm(dim=0).detach().numpy()


@pytest.mark.parametrize(("cell", "layers"), [("rnn", 1), ("gru", 1), ("lstm", 1), ("lstm", 2)])
def test_norms_agree_with_finite_differences(cell, layers):
    built = network(cell, layers)
    ids = random_ids(SYMBOLS, LENGTH * WINDOWS).reshape(LENGTH, WINDOWS)
    found = gradients.gradient_norms(built, ids, DISTANCES)
    assert list(found) == (["h", "c"] if cell == "lstm" else ["h"])
    for place, values in enumerate(found.values()):
        assert values.shape == (len(DISTANCES), WINDOWS)
        for k, norms in zip(DISTANCES, values, strict=True):
            np.testing.assert_allclose(norms, by_differences(built, ids, k, place), rtol=1e-5)
    assert built.decoder.weight.dtype == torch.float32


def test_norms_of_a_vanilla_rnn_are_the_product_of_jacobians():
    built = network("rnn", 1)
    ids = random_ids(SYMBOLS, LENGTH)[:, None]
    w_ih, w_hh, b_ih, b_hh = (p.detach().double().numpy() for p in built.layers[0].parameters())
    w, b = (p.detach().double().numpy() for p in built.decoder.parameters())
    states, h = [], np.zeros(HIDDEN)
    for symbol in ids[:-1, 0]:
        h = np.tanh(w_ih[:, symbol] + b_ih + w_hh @ h + b_hh)
        states.append(h)
    probabilities = np.exp(w @ h + b) / np.exp(w @ h + b).sum()
    gradient = w.T @ (probabilities - np.eye(SYMBOLS)[ids[-1, 0]])
    expected = {}
    for k in range(1, max(DISTANCES) + 1):
        gradient = w_hh.T @ ((1 - states[-k] ** 2) * gradient)
        expected[k] = np.linalg.norm(gradient)
    found = gradients.gradient_norms(built, ids, DISTANCES)["h"][:, 0]
    np.testing.assert_allclose(found, [expected[k] for k in DISTANCES], rtol=1e-8)


def test_windows_too_long_for_the_text_are_one_clear_error():
    windows = gradients.held_out_windows(np.arange(50), 20, 3)
    assert windows[:, 0].tolist() == list(range(20)) and windows[-1, -1] == 49
    with pytest.raises(InputError, match=r"lower inside\.gradients"):
        gradients.held_out_windows(np.arange(10), 20, 3)


def test_trained_from_where_the_initial_network_starts(prose):
    node = OmegaConf.load(ROOT / "scales/laptop/params.yaml").inside.gradients
    settings = params.view(gradients.Settings, node, "inside.gradients")
    settings.hidden, settings.train.epochs, settings.train.batch = 8, 2, 4
    settings.train.bptt, settings.train.precision = 10, "float32"
    trained, bits = gradients.trained_network("gru", prose, 1, settings)
    initial = settings.network("gru", prose, 1)
    assert bits < np.log2(prose.vocabulary.size)
    moved = [
        (a - b).abs().max() for a, b in zip(trained.parameters(), initial.parameters(), strict=True)
    ]
    assert all(0 < shift < 1 for shift in moved)
