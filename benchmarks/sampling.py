"""Sampling from a network: ours, one stream and 100, against the step loop that peers write.

    python benchmarks/sampling.py [--networks 2x512 3x512] [--threads 1 2] [--json]
    python benchmarks/sampling.py --trained MODEL TEXT        # and what the speed costs, in nats

The plain loop is nn.LSTM, one symbol of one stream a call, softmax and a draw. All variants take
turns in one process; figures are medians, `times_plain` is the ratio to the plain loop of as many
threads. Without weights to load, those of the speeds are random. TEXT is a prepared text
(data/text/CORPUS): its test part is scored by the whole-sequence path in float32 and by the fast
steps; the difference is the cost. The command itself samples with one thread.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import pipeline  # noqa: F401  its way for threads to wait, before torch loads

# isort: split
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.reporting import Row, show
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.checkpoint import load_network
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.sampler import SamplingLM
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.scoring import score
from pipeline.lm.text import PreparedText

SYMBOLS = 87
"""V of War and Peace."""
MANY = 100
SEED = 1
SLICE = 0.15
"""Seconds of a turn, about."""
WINDOW, CONTEXT = 500, 100


@dataclass
class Variant:
    """One contestant: characters per second, turn by turn."""

    name: str
    network: str
    streams: int
    threads: int
    run: Callable[[int], object]
    """Samples so many symbols a stream."""
    symbols: int = 8
    rates: list[float] = field(default_factory=list)

    def take_turn(self) -> None:
        torch.set_num_threads(self.threads)
        began = time.perf_counter()
        self.run(self.symbols)
        seconds = time.perf_counter() - began
        self.rates.append(self.symbols * self.streams / seconds)
        self.symbols = max(4, round(self.symbols * min(8.0, SLICE / seconds)))


def plain(layers: int, hidden: int) -> Callable[[int], object]:
    """What a user would write."""
    network = nn.LSTM(SYMBOLS, hidden, layers).eval()
    decoder = nn.Linear(hidden, SYMBOLS)

    @torch.inference_mode()
    def run(symbols: int) -> None:
        symbol, state = torch.zeros(1, dtype=torch.long), None
        for _ in range(symbols):
            inputs = functional.one_hot(symbol, SYMBOLS).float()[None]
            values, state = network(inputs, state)
            symbol = torch.multinomial(decoder(values[0]).softmax(-1), 1)[0]

    return run


def ours(network: RecurrentNetwork, streams: int) -> Callable[[int], object]:
    """The project's sampling loop, as the command uses it."""
    steps = SamplingLM(network, streams)  # made once: a sample is longer than a turn

    def run(symbols: int) -> None:
        for _ in sample(steps, np.zeros(1, int), streams, symbols, Decoding(), SEED):
            pass

    return run


def choosing(streams: int) -> Callable[[int], object]:
    """The draws alone."""
    random = np.random.default_rng(SEED)
    log_probs = np.log(random.dirichlet(np.ones(SYMBOLS), streams)).astype(np.float32)
    uniforms = random.random(streams)

    def run(symbols: int) -> None:
        for _ in range(symbols):
            Decoding().choose(log_probs, uniforms)

    return run


def variants(networks: list[tuple[int, int]], threads: list[int]) -> list[Variant]:
    """Every contestant."""
    found = []
    for layers, hidden in networks:
        name = f"{layers}x{hidden}"
        torch.manual_seed(SEED)
        network = RecurrentNetwork(SYMBOLS, "lstm", layers, hidden).eval()
        runs = [("plain", 1, plain(layers, hidden))]
        runs += [("ours", streams, ours(network, streams)) for streams in (1, MANY)]
        found += [
            Variant(kind, name, streams, count, run)
            for count in threads
            for kind, streams, run in runs
        ]
    return found + [Variant("choosing", "", n, 1, choosing(n)) for n in (1, MANY)]


def speed_rows(contestants: list[Variant], turns: int) -> list[Row]:
    """Medians, and ratios to the plain loop of the same network and as many threads."""
    for turn in range(turns + 2):
        for variant in contestants:
            variant.take_turn()
            if turn < 2:  # compiling, and finding how many symbols fill a turn
                variant.rates.clear()
    rows: list[Row] = []
    base = {
        (v.network, v.threads): statistics.median(v.rates) for v in contestants if v.name == "plain"
    }
    for v in contestants:
        rate = statistics.median(v.rates)
        row: Row = {"variant": v.name, "network": v.network, "streams": v.streams}
        row |= {"threads": v.threads, "chars_per_s": rate, "rates": v.rates}
        if (v.network, v.threads) in base:
            row["times_plain"] = rate / base[v.network, v.threads]
        rows.append(row)
    return rows


class Stepped:
    """Only the steps of a model, so that scoring walks through them."""

    def __init__(self, model: SamplingLM) -> None:
        self.size, self.start, self.step = model.size, model.start, model.step


def cost_rows(name: str, network: RecurrentNetwork, text: PreparedText, most: int) -> list[Row]:
    """Cross-entropy of real held-out text by the exact path and by the fast steps."""
    part = np.asarray(text.part("test"))[:most]

    def nats(model) -> float:
        scores = [found for _, found in score(model, part, WINDOW, CONTEXT)]
        return sum(s.nats for s in scores) / sum(s.symbols for s in scores)

    name = f"{len(network.layers)}x{network.hidden} {name}"
    exact = nats(WholeSequences(network))
    rows: list[Row] = [{"variant": "exact", "network": name, "nats": exact}]
    for streams in (1, MANY):
        fast = nats(Stepped(SamplingLM(network, streams)))
        row: Row = {"variant": "ours", "network": name, "streams": streams}
        rows.append(row | {"nats": fast, "cost_nats": fast - exact})
    return rows


class WholeSequences(RecurrentLM):
    """The exact model with the library's whole-sequence kernels, window by window."""

    def symbol_log_probs(self, sequence: np.ndarray) -> np.ndarray:
        rows = self.log_probs(sequence[:-1])
        return rows[np.arange(len(rows)), np.minimum(sequence[1:], self.size - 1)]


COLUMNS = ("variant", "network", "streams", "threads", "chars_per_s", "times_plain",
           "nats", "cost_nats")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["2x512", "3x512"], metavar="LxH")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--trained", type=Path, nargs=2, action="append", default=[],
                        metavar=("MODEL", "TEXT"), help="measure the cost in nats too")  # fmt: skip
    parser.add_argument("--symbols", type=int, default=200_000, help="of TEXT, at most")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(max(arguments.threads))  # or ours would take but one
    shapes = [tuple(map(int, name.split("x"))) for name in arguments.networks]
    try:
        trained = [(m.name, load_network(m), PreparedText.open(t)) for m, t in arguments.trained]
    except InputError as error:
        parser.error(str(error))
    rows = speed_rows(variants(shapes, arguments.threads), arguments.turns)
    for name, network, text in trained:
        rows += cost_rows(name, network, text, arguments.symbols)
    show(rows, COLUMNS, arguments.json)


if __name__ == "__main__":
    main()
