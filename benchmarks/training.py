"""A training step against a plain nn.LSTM loop and against its matrix products alone.

    python benchmarks/training.py [--networks 2x512 3x512] [--batch 100] [--bptt 100] [--json]

All variants take turns in one process; figures are medians, ratios are of medians, `times` holds
every measurement. The limit is the step's own matrix products, in the precision chosen and with
nothing between them. `bptt/2` is claim P2, a step of half the window; `hidden x2` is claim P18,
`cuda` is claim P19 (rows of the GPU appear where there is one).
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import pipeline  # noqa: F401  its way for threads to wait, before torch loads

# isort: split
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.reporting import Row, as_object, show
from pipeline.config import params
from pipeline.config.settings import Train
from pipeline.lm.io.files import atomic_write
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.hardware import chosen_precision
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.training import Trainer

SYMBOLS = 87
"""V of War and Peace."""
SEED = 1
CPU = torch.device("cpu")
Step = Callable[[], object]


@dataclass(frozen=True)
class Shape:
    """L layers of H units, N streams, T symbols a window."""

    layers: int
    hidden: int
    batch: int
    bptt: int

    @property
    def name(self) -> str:
        return f"{self.layers}x{self.hidden}"

    def flops(self) -> float:
        """Of the matrix products of one step, two a multiplication: forward, and twice backward."""
        first = 4 * self.hidden * (SYMBOLS + self.hidden)
        others = (self.layers - 1) * 4 * self.hidden * 2 * self.hidden
        weights = first + others + self.hidden * SYMBOLS
        unneeded = 4 * self.hidden * SYMBOLS  # no gradient flows into the symbols
        return 2.0 * self.batch * self.bptt * (3 * weights - unneeded)


def recipe(shape: Shape) -> Train:
    """The post's recipe, evaluated as little as can be."""
    config = params.load(params.PARAMS_FILES["full"])
    train = params.experiment(config, "shakespeare").train
    train.batch, train.bptt, train.evaluations, train.epochs = shape.batch, shape.bptt, 1, 10**6
    return train


def ours(shape: Shape, dropout: float, device: torch.device) -> Step:
    """The project's own training, whole steps of it."""
    text = np.random.default_rng(SEED).integers(SYMBOLS, size=5 * shape.batch * shape.bptt + 1)
    settings = recipe(shape)
    network = RecurrentNetwork(SYMBOLS, "lstm", shape.layers, shape.hidden, dropout)
    network.initialise(settings.initialisation, settings.uniform_range, settings.forget_bias)
    streams = Streams.fit(text.astype(np.uint8), shape.batch, shape.bptt)
    steps = Trainer(network, streams, None, settings, SEED, device).run()

    def step() -> None:
        next(steps)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def plain(shape: Shape, dtype: torch.dtype) -> Step:
    """What a user would write: nn.LSTM, one-hot symbols, RMSProp, clipping."""
    network = nn.LSTM(SYMBOLS, shape.hidden, shape.layers)
    decoder = nn.Linear(shape.hidden, SYMBOLS)
    parameters = [*network.parameters(), *decoder.parameters()]
    optimizer = torch.optim.RMSprop(parameters, 2e-3, alpha=0.95)
    ids = torch.randint(SYMBOLS, (shape.bptt + 1, shape.batch))

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            values, _ = network(functional.one_hot(ids[:-1], SYMBOLS).float())
            logits = decoder(values)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), ids[1:].flatten())
        loss.backward()
        nn.utils.clip_grad_value_(parameters, 5.0)
        optimizer.step()

    return step


def products(shape: Shape, dtype: torch.dtype) -> Step:
    """The matrix products of a step and nothing else."""
    hidden, positions = shape.hidden, shape.bptt * shape.batch

    def matrix(*size: int) -> torch.Tensor:
        return torch.randn(*size).to(dtype)

    symbols, values = matrix(positions, SYMBOLS), matrix(positions, hidden)
    gates, one_step = matrix(positions, 4 * hidden), matrix(shape.batch, hidden)
    one_gates, recurrent = matrix(shape.batch, 4 * hidden), matrix(4 * hidden, hidden)
    first, decoder = matrix(4 * hidden, SYMBOLS), matrix(SYMBOLS, hidden)

    def layer(inputs: torch.Tensor, weights: torch.Tensor, to_inputs: bool) -> None:
        inputs @ weights.T
        for _ in range(shape.bptt):
            one_step @ recurrent.T
        for _ in range(shape.bptt):
            one_gates @ recurrent
        if to_inputs:
            gates @ weights
        gates.T @ inputs
        gates.T @ values

    def step() -> None:
        layer(symbols, first, to_inputs=False)
        for _ in range(shape.layers - 1):
            layer(values, recurrent, to_inputs=True)
        values @ decoder.T
        symbols @ decoder
        symbols.T @ values

    return step


@dataclass
class Variant:
    """One contestant and its times, in seconds a step."""

    name: str
    shape: Shape
    step: Step
    times: list[float] = field(default_factory=list)

    def row(self, reference: "Variant", limit: "Variant") -> Row:
        seconds = statistics.median(self.times)
        rate = self.shape.batch * self.shape.bptt / seconds

        def times(other: "Variant") -> float:
            theirs = other.shape.batch * other.shape.bptt / statistics.median(other.times)
            return rate / theirs

        return {
            "network": reference.shape.name,
            "variant": self.name,
            "batch": self.shape.batch,
            "bptt": self.shape.bptt,
            "ms_per_step": seconds * 1e3,
            "symbols_per_s": rate,
            "x_plain": times(reference),
            "x_limit": times(limit),
            "gflops_per_step": self.shape.flops() / 1e9,
            "times": self.times,
        }


def variants(shape: Shape) -> Iterator[Variant]:
    """All contestants at one shape; the plain loop first, the limit second."""
    dtype = chosen_precision("auto", CPU)
    half = Shape(shape.layers, shape.hidden, shape.batch, shape.bptt // 2)
    double = Shape(shape.layers, shape.hidden * 2, shape.batch, shape.bptt)
    yield Variant("plain", shape, plain(shape, torch.float32))
    yield Variant("limit", shape, products(shape, dtype))
    yield Variant("plain, same precision", shape, plain(shape, dtype))
    yield Variant("ours", shape, ours(shape, 0.0, CPU))
    yield Variant("ours, dropout 0.5", shape, ours(shape, 0.5, CPU))
    yield Variant("ours, bptt/2", half, ours(half, 0.0, CPU))
    yield Variant("ours, hidden x2", double, ours(double, 0.0, CPU))
    if torch.cuda.is_available():
        gpu = torch.device("cuda")
        for name, at in (("", shape), (", bptt/2", half), (", hidden x2", double)):
            yield Variant(f"ours, cuda{name}", at, ours(at, 0.0, gpu))
        yield Variant("ours, cuda, dropout 0.5", shape, ours(shape, 0.5, gpu))


def measured(shape: Shape, repeats: int) -> list[Row]:
    """Every contestant at one shape, taking turns."""
    contestants = list(variants(shape))
    for turn, variant in product(range(-1, repeats), contestants):
        began = time.perf_counter()
        variant.step()
        if turn >= 0:  # the first turn warms up
            variant.times.append(time.perf_counter() - began)
    return [variant.row(contestants[0], contestants[1]) for variant in contestants]


COLUMNS = ("network", "variant", "batch", "bptt", "ms_per_step", "symbols_per_s", "x_plain",
           "x_limit", "gflops_per_step")  # fmt: skip


def network_shape(text: str) -> tuple[int, int]:
    layers, _, hidden = text.partition("x")
    return int(layers), int(hidden)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=network_shape, nargs="+", default=[(2, 512), (3, 512)])
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--bptt", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, help="write the JSON object here too")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    rows: list[Row] = []
    for layers, hidden in arguments.networks:
        shape = Shape(layers, hidden, arguments.batch, arguments.bptt)
        rows += measured(shape, arguments.repeats)
    if arguments.out:
        with atomic_write(arguments.out, "w") as file:
            file.write(as_object(rows) + "\n")
    show(rows, COLUMNS, arguments.json)


if __name__ == "__main__":
    main()
