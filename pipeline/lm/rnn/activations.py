"""What goes on inside a network while it reads: the state and the gates of every unit, by step.

Shapes: T symbols, N streams, H units.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.lm.rnn.network import RecurrentNetwork

GATES = {"lstm": ("i", "f", "o"), "gru": ("r", "z"), "rnn": ()}
"""The gates of each kind of cell: input, forget, output; reset, update."""

CHUNK = 4000
"""Symbols of all streams computed at once: bounds the memory, changes no figure."""


@dataclass(frozen=True)
class LayerActivations:
    """One layer over time, float32: each (T, H), or (T, N, H); None where the cell has none."""

    h: NDArray[np.float32]
    c: NDArray[np.float32] | None = None
    i: NDArray[np.float32] | None = None
    f: NDArray[np.float32] | None = None
    o: NDArray[np.float32] | None = None
    r: NDArray[np.float32] | None = None
    z: NDArray[np.float32] | None = None


def present(layer: LayerActivations) -> list[str]:
    """The names of the arrays that this kind of cell has."""
    return [field.name for field in fields(layer) if getattr(layer, field.name) is not None]


@torch.inference_mode()
def activation_chunks(
    network: RecurrentNetwork, ids: NDArray, chunk: int = CHUNK
) -> Iterator[list[LayerActivations]]:
    """The layers over some `chunk` symbols at a time, state carried: ids (T, N), arrays (T', N, H).

    N streams read side by side; ids outside the vocabulary enter as the zero vector.
    """
    states = network.start(ids.shape[1])
    steps = max(1, chunk // ids.shape[1])
    for first in range(0, len(ids), steps):
        symbols = torch.from_numpy(np.asarray(ids[first : first + steps], np.int64))
        values = (symbols.unsqueeze(-1) == network.symbols.cpu()).float()
        layers = []
        for index, layer in enumerate(network.layers):
            values, found, states[index] = _layer(network.cell, layer, values, states[index])
            layers.append(found)
        yield layers


def _layer(
    cell: str, layer: Any, values: Tensor, state: tuple[Tensor, ...]
) -> tuple[Tensor, LayerActivations, tuple[Tensor, ...]]:
    """One layer over a chunk (T, N, D): its outputs (T, N, H), what went on, the state reached.

    The library's kernel gives every h; the gates then follow from the h before in one product,
    by the cell's equations (PyTorch stacks i, f, g, o and r, z, n).
    """
    outputs, _ = layer(values, state if cell == "lstm" else state[0])
    before = torch.cat([state[0], outputs[:-1]])
    from_input = functional.linear(values, layer.weight_ih_l0, layer.bias_ih_l0)
    from_state = functional.linear(before, layer.weight_hh_l0, layer.bias_hh_l0)
    last = outputs[-1:].clone()
    if cell == "lstm":
        i, f, g, o = (from_input + from_state).chunk(4, -1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = _cell_states(f, i * g, state[1][0])
        found = LayerActivations(outputs.numpy(), c.numpy(), i.numpy(), f.numpy(), o.numpy())
        return outputs, found, (last, c[-1:].clone())
    if cell == "gru":
        hidden = 2 * layer.hidden_size
        gates = (from_input[..., :hidden] + from_state[..., :hidden]).sigmoid()
        r, z = gates.chunk(2, -1)
        return outputs, LayerActivations(outputs.numpy(), r=r.numpy(), z=z.numpy()), (last,)
    return outputs, LayerActivations(outputs.numpy()), (last,)


def _cell_states(forget: Tensor, added: Tensor, c: Tensor) -> Tensor:
    """c_t = f_t c_(t-1) + added_t, all (T, N, H), from c (N, H) on."""
    cells = torch.empty_like(forget)
    for t in range(len(forget)):
        c = forget[t] * c + added[t]
        cells[t] = c
    return cells
