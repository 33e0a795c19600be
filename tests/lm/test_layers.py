"""Layers: columns that are picked come to what one-hot vectors come to."""

import pytest
import torch
from torch.nn import functional

from pipeline.lm.rnn import network
from pipeline.lm.rnn.network import CELLS, RecurrentNetwork

SIZE, STREAMS, SYMBOLS = 40, 3, 12


def learnt(built: RecurrentNetwork, ids: torch.Tensor) -> tuple[list, list]:
    """What one window leaves: logits and states, and the gradients of all weights."""
    built.zero_grad()
    logits, states = built(ids[:-1], built.start(STREAMS))
    targets = torch.where(ids[1:] < SIZE, ids[1:], -100)
    functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
    return [logits, *(part for state in states for part in state)], [
        weight.grad.clone() for weight in built.parameters() if weight.grad is not None
    ]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_many_symbols_are_read_as_few_are(cell, layers, monkeypatch):
    torch.manual_seed(0)
    built = RecurrentNetwork(SIZE, cell, layers, hidden=8)
    built.initialise("uniform", 0.5, 1.0)
    ids = torch.randint(SIZE, (SYMBOLS + 1, STREAMS))
    ids[2, 1] = ids[-1, 0] = SIZE + 2  # outside the vocabulary
    values, gradients = learnt(built, ids)
    monkeypatch.setattr(network, "MANY_SYMBOLS", SIZE)
    monkeypatch.setattr(built.layers[0], "forward", None)  # not called
    picked, through = learnt(built, ids)
    torch.testing.assert_close(picked, values)
    assert len(through) == len(gradients) == len(list(built.parameters()))
    torch.testing.assert_close(through, gradients)
