"""The hand-written RNN and PyTorch's: one is the other's reference (claims V6 and P22)."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.numpy_rnn import NumpyRNN, Parameters
from tests.conftest import random_ids

SIZE, HIDDEN, WINDOW, STREAMS = 7, 5, 9, 3


@pytest.fixture
def pair():
    """The same weights in both."""
    reference = NumpyRNN(Parameters.random(SIZE, HIDDEN, 0.4, seed=1))
    network = RecurrentNetwork(SIZE, "rnn", 1, HIDDEN).double()
    layer, p = network.layers[0], reference.parameters
    weights = {"weight_ih_l0": p.xh, "weight_hh_l0": p.hh, "bias_ih_l0": p.h}
    with torch.no_grad():
        for name, value in weights.items():
            getattr(layer, name).copy_(torch.from_numpy(value))
        layer.bias_hh_l0.zero_()
        network.decoder.weight.copy_(torch.from_numpy(p.hy))
        network.decoder.bias.copy_(torch.from_numpy(p.y))
    return reference, network


def test_loss_and_gradients_equal_pytorch(pair):
    reference, network = pair
    ids = random_ids(SIZE, (WINDOW + 1) * STREAMS).reshape(WINDOW + 1, STREAMS)
    nats, gradient, state = reference.loss(ids, reference.start(STREAMS))
    tensor = torch.from_numpy(ids)
    logits, reached = network(tensor[:-1], network.start(STREAMS))
    loss = functional.cross_entropy(logits.flatten(0, 1), tensor[1:].flatten())
    loss.backward()
    layer = network.layers[0]
    assert nats == pytest.approx(loss.item(), abs=1e-9)
    np.testing.assert_allclose(state, reached[0][0][0].detach().numpy(), atol=1e-9)
    for ours, theirs in (
        (gradient.xh, layer.weight_ih_l0),
        (gradient.hh, layer.weight_hh_l0),
        (gradient.h, layer.bias_ih_l0),
        (gradient.hy, network.decoder.weight),
        (gradient.y, network.decoder.bias),
    ):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), atol=1e-6)


def test_gradients_equal_finite_differences():
    model = NumpyRNN(Parameters.random(SIZE, HIDDEN, 0.4, seed=2))
    ids = random_ids(SIZE, WINDOW + 1, seed=3)[:, None]
    _, gradient, _ = model.loss(ids, model.start(1))
    for name in ("xh", "hh", "h", "hy", "y"):
        weights, slope = getattr(model.parameters, name), getattr(gradient, name)
        place = tuple(0 for _ in weights.shape)
        losses = []
        for shift in (1e-5, -2e-5):
            weights[place] += shift
            losses.append(model.loss(ids, model.start(1))[0])
        weights[place] += 1e-5
        assert slope[place] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-7)


def test_hello_needs_recurrence():
    """Claim P22: l and o both come after l; only a state can tell them apart."""
    ids = np.array([0, 1, 2, 2, 3])[:, None]  # h e l l o
    model = NumpyRNN(Parameters.random(4, 8, 0.1, seed=1))
    memory = model.parameters.zeros()
    for _ in range(400):
        nats, gradient, _ = model.loss(ids, model.start(1))
        model.parameters.descend(gradient, memory, rate=0.1)
    assert nats < 0.01
    # The best memoryless predictor is sure of h and e, and halves its bet after l.
    assert 2 * math.log(2) / 4 > 0.3


def test_steps_sum_to_one_and_equal_the_network(pair):
    reference, network = pair
    ids = random_ids(SIZE, 20, seed=4)
    state, rows = reference.start(1), []
    for symbol in ids:
        log_probs, state = reference.step(state, np.array([symbol]))
        rows.append(log_probs[0])
    logits, _ = network(torch.from_numpy(ids)[:, None], network.start(1))
    expected = functional.log_softmax(logits[:, 0], -1).detach().numpy()
    np.testing.assert_allclose(rows, expected, atol=1e-9)
    np.testing.assert_allclose(np.exp(rows).sum(1), 1)
