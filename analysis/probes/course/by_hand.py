"""Whether a hundred lines of NumPy train as PyTorch does (claim V6).

Both start from the same weights and read the same windows of a real text in double precision.
Measured: the largest difference of a gradient, relative to the largest number of its tensor (floor:
the same for PyTorch in single precision), the largest difference of the losses while both train by
themselves (floor: how much the loss varies from step to step), and the cross-entropy of held-out
text (floor: symbol frequencies alone). Shapes: N streams, T symbols, H units, V symbols.
"""

import copy
from dataclasses import astuple
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.probes.course.settings import ByHand, Observation
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.network import LayerState, RecurrentNetwork
from pipeline.lm.rnn.numpy_rnn import NumpyRNN, Parameters
from pipeline.lm.text import PreparedText

UNDER_THE_ROOT = 1e-8
"""What NumPy's Adagrad adds to the sum of squares; PyTorch's can begin its sum with it."""
NUMPY, PYTORCH = "NumPy", "PyTorch"


def as_network(parameters: Parameters) -> RecurrentNetwork:
    """The same network in PyTorch, with one bias in place of its two."""
    size, hidden = parameters.hy.shape
    network = RecurrentNetwork(size, "rnn", 1, hidden).double()
    second: Any = network.layers[0].bias_hh_l0
    second.requires_grad_(False).zero_()
    with torch.no_grad():
        for tensor, value in zip(tensors(network), astuple(parameters), strict=True):
            tensor.copy_(torch.from_numpy(value))
    return network


def tensors(network: RecurrentNetwork) -> list[Tensor]:
    """What is trained, in the order of `Parameters`."""
    layer, decoder = network.layers[0], network.decoder
    return [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, decoder.weight, decoder.bias]  # type: ignore[list-item]


def torch_loss(
    network: RecurrentNetwork, ids: NDArray, states: list[LayerState]
) -> tuple[Tensor, list[LayerState]]:
    """As `NumpyRNN.loss`, in nats per symbol, its gradient left in the network."""
    symbols = torch.from_numpy(ids)
    logits, states = network(symbols[:-1], states)
    loss = functional.cross_entropy(logits.flatten(0, 1), symbols[1:].flatten())
    network.zero_grad(set_to_none=True)
    loss.backward()
    return loss.detach(), [tuple(tensor.detach() for tensor in layer) for layer in states]


def largest_difference(found: list[NDArray], expected: list[NDArray]) -> float:
    """Of all numbers, each relative to the largest of its tensor."""
    return max(
        float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(found, expected, strict=True)
    )


def gradient_differences(model: NumpyRNN, ids: NDArray) -> tuple[float, float]:
    """From PyTorch's in double precision: of NumPy's, and of PyTorch's in single precision."""
    _, gradient, _ = model.loss(ids, model.start(ids.shape[1]))
    double = as_network(model.parameters)
    by_precision = []
    for network in (double, copy.deepcopy(double).float()):
        torch_loss(network, ids, network.start(ids.shape[1]))
        by_precision.append([t.grad.double().numpy() for t in tensors(network)])  # type: ignore[union-attr]
    expected, single = by_precision
    return largest_difference(list(astuple(gradient)), expected), largest_difference(
        single, expected
    )


def trained(model: NumpyRNN, streams: Streams, settings: ByHand) -> NDArray:
    """Train `model`, and by itself the same in PyTorch: losses of both by step, (2, steps)."""
    network, memory = as_network(model.parameters), model.parameters.zeros()
    optimizer = torch.optim.Adagrad(
        tensors(network),
        settings.learning_rate,
        initial_accumulator_value=UNDER_THE_ROOT,
        eps=0,
    )
    losses = np.empty((2, settings.steps))
    for step in range(settings.steps):
        index = step % streams.windows
        if index == 0:
            state, states = model.start(streams.n), network.start(streams.n)
        ids = streams.read(index)
        losses[0, step], gradient, state = model.loss(ids, state)
        model.parameters.descend(gradient, memory, settings.learning_rate)
        loss, states = torch_loss(network, ids, states)
        optimizer.step()
        losses[1, step] = loss.item()
    return losses


def held_out_nats(model: NumpyRNN, streams: Streams) -> float:
    """Mean cross-entropy of a text in nats per symbol, state carried."""
    state, total = model.start(streams.n), 0.0
    for index in range(streams.windows):
        nats, _, state = model.loss(streams.read(index), state)
        total += nats
    return total / streams.windows


def frequency_nats(train: NDArray, streams: Streams, size: int) -> float:
    """The same from how often each symbol stands in a training text, plus one."""
    counts = np.bincount(train, minlength=size) + 1.0
    targets = np.concatenate([streams.read(i)[1:].ravel() for i in range(streams.windows)])
    return float(-np.log(counts / counts.sum())[targets].mean())


def by_hand(text: PreparedText, seed: int, settings: ByHand) -> list[Observation]:
    """Everything measured of one start."""
    size = text.vocabulary.size
    train = text.part("train")[: settings.symbols]
    test = np.asarray(text.part("test")[: settings.tests])
    streams = Streams.fit(train, settings.streams, settings.window)
    held_out = Streams.fit(test[test < size], settings.streams, settings.window)  # known symbols
    model = NumpyRNN(Parameters.random(size, settings.hidden, settings.scale, seed))
    differences = {0: gradient_differences(model, streams.read(0))}
    losses = trained(model, streams, settings)
    differences[settings.steps] = gradient_differences(model, streams.read(0))
    floor = frequency_nats(train, held_out, size)
    nats = held_out_nats(model, held_out)
    variation = float(np.abs(np.diff(losses[1])).mean())
    gap = float(np.abs(losses[0] - losses[1]).max())

    def row(setting: str, step: int, metric: str, value: float, floor: float) -> Observation:
        return Observation("V6", "NumPy by hand", setting, seed, step, metric, value, floor)

    curve = [
        row(name, step, "training loss", values[step - 1], floor)
        for name, values in zip((NUMPY, PYTORCH), losses, strict=True)
        for step in range(settings.record_every, settings.steps + 1, settings.record_every)
    ]
    return [
        *(row(NUMPY, step, "gradient difference", *found) for step, found in differences.items()),
        row(NUMPY, settings.steps, "loss difference", gap, variation),
        row(NUMPY, settings.steps, "held-out nats per symbol", nats, floor),
        *curve,
    ]
