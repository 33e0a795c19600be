"""Recurrent networks: stacked LSTM, GRU or vanilla RNN layers, and their view as a language model.

Shapes: N streams, T symbols, D inputs, H units, V symbols.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pipeline.lm.io.errors import InputError
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.rnn.dropout import dropout

CELLS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}

FIRST = "layers.0.weight_ih_l0"
"""The weights that read the symbols, (gates x H, inputs)."""

LayerState = tuple[Tensor, ...]
"""(h,), or (h, c) for the LSTM; each (1, N, H)."""


class RecurrentNetwork(nn.Module):
    """One-hot symbols, `layers` recurrent layers, dropout after each (the last too), softmax layer.

    Layers are modules of their own so that dropout can follow each, as in the post. `inputs` is the
    width of the one-hot vectors, V or more: columns beyond V stay idle.
    """

    def __init__(
        self,
        size: int,
        cell: str,
        layers: int,
        hidden: int,
        dropout: float = 0.0,
        inputs: int | None = None,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise InputError(f"model.cell is {cell!r}: use {', '.join(CELLS)}")
        self.size, self.cell, self.hidden, self.dropout = size, cell, hidden, dropout
        self.layers = nn.ModuleList(
            CELLS[cell]((inputs or size) if layer == 0 else hidden, hidden)
            for layer in range(layers)
        )
        self.decoder = nn.Linear(hidden, size)
        self.symbols: Tensor
        symbols = torch.arange(inputs or size)
        symbols[size:] = -1
        self.register_buffer("symbols", symbols, persistent=False)

    def start(self, n: int) -> list[LayerState]:
        """Zero states of n streams."""
        zero = self.decoder.weight.new_zeros(1, n, self.hidden)
        return [(zero, zero) if self.cell == "lstm" else (zero,) for _ in self.layers]

    def features(self, ids: Tensor, states: list[LayerState]) -> tuple[Tensor, list[LayerState]]:
        """The last layer's h, after dropout: ids (T, N) -> (T, N, H), and the states reached.

        An id outside the vocabulary enters as the zero vector.
        """
        values = (ids.unsqueeze(-1) == self.symbols).to(self.decoder.weight.dtype)
        reached = []
        for layer, state in zip(self.layers, states, strict=True):
            values, state = layer(values, state if self.cell == "lstm" else state[0])
            reached.append(state if self.cell == "lstm" else (state,))
            values = dropout(values, self.dropout, self.training)
        return values, reached

    def forward(self, ids: Tensor, states: list[LayerState]) -> tuple[Tensor, list[LayerState]]:
        """Logits of the next symbols: ids (T, N) -> (T, N, V), and the states reached."""
        values, reached = self.features(ids, states)
        return self.decoder(values), reached

    def initialise(self, kind: str, uniform_range: float, forget_bias: float) -> None:
        """char-rnn's start (`uniform`: every parameter) or PyTorch's (`scaled`: 1 / sqrt(H)).

        The LSTM's forget gate begins with bias `forget_bias`, so that it begins by remembering.
        """
        bound = uniform_range if kind == "uniform" else self.hidden**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)
        if self.cell == "lstm":
            for layer in self.layers:  # gates are stacked i, f, g, o
                layer.bias_ih_l0.data[self.hidden : 2 * self.hidden] = forget_bias  # type: ignore[operator]

    def widened(self, inputs: int) -> "RecurrentNetwork":
        """The same network with one-hot vectors `inputs` wide (see pipeline/lm/rnn/hardware.py)."""
        wide = RecurrentNetwork(
            self.size, self.cell, len(self.layers), self.hidden, self.dropout, inputs
        )
        wide.load_weights(self.weights())
        return wide

    def weights(self) -> dict[str, Tensor]:
        """A copy of all weights; of idle input columns, none."""
        weights = {name: tensor.detach().clone() for name, tensor in self.state_dict().items()}
        weights[FIRST] = weights[FIRST][:, : self.size]
        return weights

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Take up what `weights` gave, whatever the number of idle columns."""
        first = torch.zeros_like(self.state_dict()[FIRST])
        first[:, : self.size] = weights[FIRST]
        self.load_state_dict({**weights, FIRST: first})

    def parameter_count(self) -> int:
        """Trained numbers (claim P1)."""
        return sum(weight.numel() for weight in self.weights().values())


class RecurrentLM:
    """A trained network behind the LanguageModel protocol. State: h (and c) of each layer."""

    def __init__(self, network: RecurrentNetwork) -> None:
        self.network = network.eval()
        self.size = network.size

    def start(self, n: int) -> list[LayerState]:
        """n streams that have seen nothing: zero states."""
        return self.network.start(n)

    @torch.inference_mode()
    def step(self, state: list[LayerState], symbols: NDArray) -> tuple[NDArray, list[LayerState]]:
        """As the protocol: (n,) -> (n, V). One matrix product a layer and direction of input."""
        ids = torch.from_numpy(np.array(symbols, np.int64))
        values: Tensor | None = None
        reached = []
        for layer, layer_state in zip(self.network.layers, state, strict=True):
            values, new = _cell_step(self.network.cell, layer, ids, values, layer_state)
            reached.append(new)
        assert values is not None
        logits = self.network.decoder(values)
        return functional.log_softmax(logits, -1).numpy(), reached

    def for_sampling(self, n: int) -> LanguageModel:
        """As the protocol: the weights as they are now, in a form that steps faster."""
        from pipeline.lm.rnn.sampler import SamplingLM  # which is about this module

        return SamplingLM(self.network, n)

    @torch.inference_mode()
    def log_probs(self, sequence: NDArray) -> NDArray:
        """As the protocol: (T,) -> (T, V), by the library's whole-sequence kernels."""
        ids = torch.from_numpy(np.asarray(sequence, np.int64)).unsqueeze(1)
        logits, _ = self.network(ids, self.start(1))
        return functional.log_softmax(logits[:, 0], -1).numpy()


def _cell_step(
    cell: str, layer: Any, ids: Tensor, values: Tensor | None, state: LayerState
) -> tuple[Tensor, LayerState]:
    """One step of one layer: its output (n, H) and state. The first layer's one-hot input picks
    columns of W_ih; ids outside the vocabulary pick none."""
    h = state[0][0]
    if values is None:
        known = (ids < layer.input_size).unsqueeze(1)
        from_input = (
            layer.weight_ih_l0.T[ids.clamp_max(layer.input_size - 1)] * known + layer.bias_ih_l0
        )
    else:
        from_input = functional.linear(values, layer.weight_ih_l0, layer.bias_ih_l0)
    from_state = functional.linear(h, layer.weight_hh_l0, layer.bias_hh_l0)
    if cell == "lstm":
        i, f, g, o = (from_input + from_state).chunk(4, 1)
        c = f.sigmoid() * state[1][0] + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, (h[None], c[None])
    if cell == "gru":
        input_r, input_z, input_n = from_input.chunk(3, 1)
        state_r, state_z, state_n = from_state.chunk(3, 1)
        z = (input_z + state_z).sigmoid()
        candidate = (input_n + (input_r + state_r).sigmoid() * state_n).tanh()
        h = (1 - z) * candidate + z * h
        return h, (h[None],)
    h = (from_input + from_state).tanh()
    return h, (h[None],)
