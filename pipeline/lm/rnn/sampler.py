"""A trained recurrent network that steps fast on a CPU, for sampling: nearly the same numbers.

A layer is one matrix product, of what it reads and its own h side by side, and one pass over the
sums. For few streams the product is bound by memory, so its weights are bytes, unless they are few;
for many it is bound by arithmetic, so it is in bfloat16 where the processor has it. The step of
`RecurrentLM` stays the exact one, which scores.

Shapes: n streams, D inputs of a product, R rows of it, H units, V symbols.
"""

from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.lm.rnn.hardware import chosen_precision, one_thread, threads
from pipeline.lm.rnn.network import RecurrentNetwork

FEW = 4
"""So many streams one after the other, through bytes, are as fast as all in one product."""

CACHED = 2**19
"""So many weights fit a core's own cache in 16 bits: bytes, which round more, gain little there."""

Floats = NDArray[np.float32]
States = list[tuple[Floats, ...]]
"""(h,), or (h, c) for the LSTM, of each layer; each (n, H)."""

# Without the division's check for zero, and with sums in any order, loops become vector code.
_compiled = njit(cache=True, fastmath=True, error_model="numpy")


class SamplingLM:
    """A network behind the LanguageModel protocol, made for n streams; right for any number."""

    def __init__(self, network: RecurrentNetwork, n: int) -> None:
        self.size, self.hidden = network.size, network.hidden
        self.cell = CELLS[network.cell]
        self.parts = 2 if network.cell == "lstm" else 1
        weights = {name: tensor.cpu().float() for name, tensor in network.weights().items()}
        layers = [_matrix_and_table(network.cell, weights, i) for i in range(len(network.layers))]
        product: type[RowProduct | BatchProduct]
        if n <= FEW:
            cached = sum(matrix.numel() for matrix, _ in layers) <= CACHED
            product, dtype, fine = RowProduct, torch.int16 if cached else torch.int8, torch.int16
        else:
            auto = chosen_precision("auto", torch.device("cpu"))
            product, dtype, fine = BatchProduct, auto, torch.float32
        self.layers = [(product(matrix, dtype), table.numpy()) for matrix, table in layers]
        # 2 % of the work, and much of what rounding would cost in nats.
        self.decoder = product(weights["decoder.weight"], fine)
        self.bias: Floats = weights["decoder.bias"].numpy()

    def start(self, n: int) -> States:
        """n streams that have seen nothing: zero states."""
        zero = np.zeros((n, self.hidden), np.float32)
        return [(zero,) * self.parts for _ in self.layers]

    def step(self, state: States, symbols: NDArray) -> tuple[Floats, States]:
        """As the protocol: (n,) -> (n, V)."""
        row = np.minimum(np.asarray(symbols, np.int64), self.size)
        values: Floats | None = None
        reached = []
        for (product, table), parts in zip(self.layers, state, strict=True):
            h = parts[0]
            sums = product(h if values is None else np.concatenate((values, h), 1))
            reached.append(self.cell(sums, table, row, *parts))
            values = reached[-1][0]
            row = np.zeros_like(row)
        assert values is not None
        return _log_softmax(self.decoder(values), self.bias), reached


def _matrix_and_table(cell: str, weights: dict[str, Tensor], layer: int) -> tuple[Tensor, Tensor]:
    """What multiplies (values from below, h), and rows to add to that, in blocks of H a gate.

    The first layer reads a symbol: its matrix (R, H) multiplies h alone, and its table (V + 1, R)
    has a row for each symbol and one for those outside the vocabulary. The other tables have one.
    """
    from_input, from_state, input_bias, state_bias = (
        _blocks(cell, weights[f"layers.{layer}.{name}_{source}_l0"], source)
        for name in ("weight", "bias")
        for source in ("ih", "hh")
    )
    bias = (input_bias + state_bias)[None]
    if layer == 0:
        return from_state, torch.cat([from_input.T + bias, bias])
    return torch.cat([from_input, from_state], 1), bias


def _blocks(cell: str, stacked: Tensor, source: str) -> Tensor:
    """Blocks whose products add up. The GRU's third is split in two, of which the input has one and
    the state the other, because its reset gate acts on one."""
    if cell != "gru":
        return stacked
    r, z, candidate = stacked.chunk(3)
    none = torch.zeros_like(candidate)
    return torch.cat([r, z, candidate, none] if source == "ih" else [r, z, none, candidate])


class RowProduct:
    """Inputs times weights (R, D) that are integers of 8 or 16 bits with a scale a row."""

    def __init__(self, weights: Tensor, dtype: torch.dtype) -> None:
        padded = functional.pad(weights, (0, 0, 0, -len(weights) % 4))
        most = padded.abs().amax(1, keepdim=True).clamp_min(torch.finfo().tiny)
        scales = most / torch.iinfo(dtype).max
        self.fours = (padded / scales).round().to(dtype).unflatten(0, (-1, 4)).numpy()
        self.scales = scales.view(-1, 4).numpy()

    def __call__(self, inputs: Floats) -> Floats:
        """(n, D) -> (n, R), and up to 3 columns more that mean nothing."""
        return _row_products(self.fours, self.scales, inputs)


class BatchProduct:
    """Inputs times weights (R, D), both rounded to a type, all streams at once.

    Each waits for the one before, so one thread: two are 1.1 to 1.8 times as fast on quiet cores,
    and .3 to .6 times beside one busy process.
    """

    def __init__(self, weights: Tensor, dtype: torch.dtype) -> None:
        self.weights, self.threads = weights.to(dtype), one_thread()

    def __call__(self, inputs: Floats) -> Floats:
        """(n, D) -> (n, R)."""
        with threads(self.threads):
            values = torch.from_numpy(inputs).to(self.weights.dtype)
            return functional.linear(values, self.weights).float().numpy()


@_compiled
def _row_products(fours, scales, inputs):
    """Integers (R / 4, 4, D), scales (R / 4, 4), inputs (n, D) -> (n, R), four rows at a time."""
    out = np.empty((len(inputs), 4 * len(fours)), np.float32)
    for four in range(len(fours)):
        rows, scale = fours[four], scales[four]
        for n in range(len(inputs)):
            a = b = c = d = np.float32(0)
            for k in range(inputs.shape[1]):
                value = inputs[n, k]
                a += np.float32(rows[0, k]) * value
                b += np.float32(rows[1, k]) * value
                c += np.float32(rows[2, k]) * value
                d += np.float32(rows[3, k]) * value
            out[n, 4 * four] = a * scale[0]
            out[n, 4 * four + 1] = b * scale[1]
            out[n, 4 * four + 2] = c * scale[2]
            out[n, 4 * four + 3] = d * scale[3]
    return out


@_compiled
def _log_softmax(logits, bias):
    """(n, V or more), (V,) -> (n, V)."""
    out = np.empty((len(logits), len(bias)), np.float32)
    for n in range(len(logits)):
        row = logits[n, : len(bias)] + bias
        most = row.max()
        total = np.float32(0)
        for value in row:
            total += np.exp(value - most)
        out[n] = row - (most + np.log(total))
    return out


@_compiled
def _tanh(x):
    """To 1e-6, by the rational function of Eigen (ptanh): unlike a call, it becomes vector code."""
    x = min(max(x, np.float32(-9)), np.float32(9))
    y = x * x
    p = np.float32(-2.76076847742355e-16)
    p = p * y + np.float32(2.00018790482477e-13)
    p = p * y + np.float32(-8.60467152213735e-11)
    p = p * y + np.float32(5.12229709037114e-08)
    p = p * y + np.float32(1.48572235717979e-05)
    p = p * y + np.float32(6.37261928875436e-04)
    p = p * y + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06)
    q = q * y + np.float32(1.18534705686654e-04)
    q = q * y + np.float32(2.26843463243900e-03)
    q = q * y + np.float32(4.89352518554385e-03)
    return x * p / q


@_compiled
def _sigmoid(x):
    half = np.float32(0.5)
    return half + half * _tanh(half * x)


@_compiled
def _lstm(sums, table, row, h, c):
    """Blocks i, f, g, o of sums (n, 4 H or more), rows (n,) of a table to add; (h, c), (n, H)."""
    new_h, new_c = np.empty_like(h), np.empty_like(c)
    units = h.shape[1]
    for n in range(len(h)):
        own, added = sums[n], table[row[n]]
        for j in range(units):
            i = _sigmoid(own[j] + added[j])
            f = _sigmoid(own[units + j] + added[units + j])
            g = _tanh(own[2 * units + j] + added[2 * units + j])
            o = _sigmoid(own[3 * units + j] + added[3 * units + j])
            new_c[n, j] = f * c[n, j] + i * g
            new_h[n, j] = o * _tanh(new_c[n, j])
    return new_h, new_c


@_compiled
def _gru(sums, table, row, h):
    """Blocks r, z and the two parts of the candidate; (h,)."""
    new_h = np.empty_like(h)
    units = h.shape[1]
    for n in range(len(h)):
        own, added = sums[n], table[row[n]]
        for j in range(units):
            r = _sigmoid(own[j] + added[j])
            z = _sigmoid(own[units + j] + added[units + j])
            from_input = own[2 * units + j] + added[2 * units + j]
            from_state = own[3 * units + j] + added[3 * units + j]
            candidate = _tanh(from_input + r * from_state)
            new_h[n, j] = candidate + z * (h[n, j] - candidate)
    return (new_h,)


@_compiled
def _rnn(sums, table, row, h):
    """One block; (h,)."""
    new_h = np.empty_like(h)
    for n in range(len(h)):
        own, added = sums[n], table[row[n]]
        for j in range(h.shape[1]):
            new_h[n, j] = _tanh(own[j] + added[j])
    return (new_h,)


CELLS: dict[str, Any] = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
