"""A recurrent network as a language model over symbols."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.lm.protocol import LanguageModel
from pipeline.lm.rnn.network import LayerState, RecurrentNetwork


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
        from pipeline.lm.rnn.sampler import (
            SamplingLM,
        )  # numba, which a machine that trains may lack

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
