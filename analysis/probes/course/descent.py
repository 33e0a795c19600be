"""What the experiments on descent share: a small network trained on a text by a given optimiser.

Shapes: N streams, T symbols, H units, V symbols.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from pipeline.config.rules import POSITIVE_FINITE
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.network import LayerState, RecurrentNetwork

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "SGD": torch.optim.SGD,
    "Adagrad": torch.optim.Adagrad,
    "RMSProp": torch.optim.RMSprop,
    "Adam": torch.optim.Adam,
}

Make = Callable[[Iterable[Tensor]], Optimizer]


def check_rates(rates: dict[str, list[float]], name: str) -> None:
    """InputError unless these are learning rates of known optimisers."""
    for optimiser, values in rates.items():
        if optimiser not in OPTIMIZERS:
            raise InputError(f"{name} has {optimiser!r}: use {', '.join(OPTIMIZERS)}")
        if not all(map(POSITIVE_FINITE.holds, values)):
            raise InputError(f"{name}.{optimiser} is {values}: use {POSITIVE_FINITE.words}s")


def window_loss(
    network: RecurrentNetwork, ids: NDArray, states: list[LayerState]
) -> tuple[Tensor, list[LayerState]]:
    """Mean nats of a window (T + 1, N), and the states reached, cut from their past."""
    symbols = torch.from_numpy(ids)
    logits, states = network(symbols[:-1], states)
    loss = functional.cross_entropy(logits.flatten(0, 1), symbols[1:].flatten())
    return loss, [tuple(tensor.detach() for tensor in layer) for layer in states]


def trained(
    network: RecurrentNetwork, streams: Streams, steps: int, make: Make, clip_at: float = math.inf
) -> NDArray:
    """Train; the loss before each step, (steps,), NaN from where it is no number on.

    Args:
        network: changed in place.
        make: an optimiser of some parameters.
        clip_at: the largest norm that a gradient keeps.
    """
    optimizer = make(network.parameters())
    losses = np.full(steps, np.nan)
    for step in range(steps):
        if step % streams.windows == 0:
            states = network.start(streams.n)
        loss, states = window_loss(network, streams.read(step % streams.windows), states)
        if not torch.isfinite(loss):
            break
        losses[step] = loss.item()
        optimizer.zero_grad()
        loss.backward()
        if clip_at < math.inf:
            nn.utils.clip_grad_norm_(network.parameters(), clip_at)
        optimizer.step()
    return losses


def last_loss(losses: NDArray) -> float:
    """Mean of the last tenth of the steps; NaN if one of them is."""
    return float(losses[-max(1, len(losses) // 10) :].mean())


def diverged(losses: NDArray, size: int) -> bool:
    """Whether training ended without a number, or no better than guessing one of V symbols."""
    return not last_loss(losses) < math.log(size)


@torch.no_grad()
def held_out_nats(network: RecurrentNetwork, streams: Streams) -> float:
    """Mean nats per symbol of a text, state carried."""
    states, total = network.start(streams.n), 0.0
    for index in range(streams.windows):
        loss, states = window_loss(network, streams.read(index), states)
        total += loss.item()
    return total / streams.windows
