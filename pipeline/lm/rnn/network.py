"""Recurrent networks: stacked LSTM, GRU or vanilla RNN layers.

Shapes: N streams, T symbols, D inputs, H units, V symbols.
"""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.dropout import dropout
from pipeline.lm.rnn.schedule import Recipe

CELLS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
KERNELS: dict[str, Any] = {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh}
"""What computes each, given the weights."""

MANY_SYMBOLS = 2048
"""From so many on a processor picks the columns that one-hot vectors select: of ten thousand words
the product takes more than half of a step (benchmarks/words.py)."""

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

    @classmethod
    def initial(
        cls, recipe: Recipe, seed: int, counts: NDArray, **model: Any
    ) -> "RecurrentNetwork":
        """A network before training, by a seed, over the V symbols that the training part has so
        many of, `counts` (V,); `model` as the class takes it."""
        torch.manual_seed(seed)
        network = cls(len(counts), **model)
        network.initialise(recipe.initialisation, recipe.uniform_range, recipe.forget_bias)
        if recipe.initialisation == "frequencies":
            network.expect(counts)
        return network

    def start(self, n: int) -> list[LayerState]:
        """Zero states of n streams."""
        zero = self.decoder.weight.new_zeros(1, n, self.hidden)
        return [(zero, zero) if self.cell == "lstm" else (zero,) for _ in self.layers]

    def features(self, ids: Tensor, states: list[LayerState]) -> tuple[Tensor, list[LayerState]]:
        """The last layer's h, after dropout: ids (T, N) -> (T, N, H), and the states reached.

        An id outside the vocabulary enters as the zero vector.
        """
        values, reached = ids, []
        for layer, state in zip((self._read, *self.layers[1:]), states, strict=True):
            values, state = layer(values, state if self.cell == "lstm" else state[0])
            reached.append(state if self.cell == "lstm" else (state,))
            values = dropout(values, self.dropout, self.training)
        return values, reached

    def _read(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The first layer: ids (T, N) -> its h (T, N, H), and the state reached. Picked columns of
        its weights enter through the identity in their place."""
        layer: Any = self.layers[0]
        if self.size < MANY_SYMBOLS or ids.device.type != "cpu":
            one_hot = (ids.unsqueeze(-1) == self.symbols).to(self.decoder.weight.dtype)
            return layer(one_hot, state)
        known = (ids < self.size).unsqueeze(-1)
        columns = layer.weight_ih_l0.T.contiguous()
        gates = functional.embedding(ids.clamp_max(self.size - 1), columns) * known
        identity = torch.eye(gates.shape[-1], dtype=gates.dtype)
        weights = (identity, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
        # Biases, layers, dropout, training, both directions, batch first.
        how = (True, 1, 0.0, self.training, False, False)
        values, *reached = KERNELS[self.cell](gates, state, weights, *how)
        return values, tuple(reached) if self.cell == "lstm" else reached[0]

    def forward(self, ids: Tensor, states: list[LayerState]) -> tuple[Tensor, list[LayerState]]:
        """Logits of the next symbols: ids (T, N) -> (T, N, V), and the states reached."""
        values, reached = self.features(ids, states)
        return self.decoder(values), reached

    def initialise(self, kind: str, uniform_range: float, forget_bias: float) -> None:
        """char-rnn's start (`uniform`: every parameter) or PyTorch's (the others: 1 / sqrt(H)).

        The LSTM's forget gate begins with bias `forget_bias`, so that it begins by remembering.
        """
        bound = uniform_range if kind == "uniform" else self.hidden**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)
        if self.cell == "lstm":
            for layer in self.layers:  # gates are stacked i, f, g, o
                layer.bias_ih_l0.data[self.hidden : 2 * self.hidden] = forget_bias  # type: ignore[operator]

    def expect(self, counts: NDArray) -> None:
        """Set the softmax layer's bias to the log frequencies of symbols, of their `counts` (V,).

        Otherwise the hidden layers learn them first, and three layers of 700 saturate by it.
        """
        frequencies = torch.as_tensor(counts + 1.0) / (counts + 1.0).sum()  # none is impossible
        self.decoder.bias.data = frequencies.log().to(self.decoder.bias)

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
