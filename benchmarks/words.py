"""A step over many symbols: columns of the first layer picked, against the one-hot product.

    python benchmarks/words.py [--sizes 96 1000 10000] [--repeats 5] [--json]

Both take turns in one process; forward and backward of 3x256, N = T = 100; figures are medians.
On one core of an AMD EPYC (Zen 3, AVX2) beside other work, product over picked: 96 symbols .56,
1,000 .89, 10,000 2.6; so MANY_SYMBOLS (pipeline/lm/rnn/network.py).
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import pipeline  # noqa: F401  its way for threads to wait, before torch loads

# isort: split
import torch
from torch.nn import functional

from benchmarks.reporting import Row, show
from pipeline.lm.rnn import network
from pipeline.lm.rnn.hardware import keep_freed_memory

STREAMS, SYMBOLS, LAYERS, HIDDEN = 100, 100, 3, 256
BOUNDS = {"product": sys.maxsize, "picked": 0}
"""The number of symbols from which on columns are picked, so that all or none are."""


def seconds(net: network.RecurrentNetwork, ids: torch.Tensor) -> float:
    """Of one step."""
    began = time.perf_counter()
    net.zero_grad()
    logits, _ = net(ids[:-1], net.start(STREAMS))
    functional.cross_entropy(logits.flatten(0, 1), ids[1:].flatten()).backward()
    return time.perf_counter() - began


def measured(size: int, repeats: int) -> Row:
    """Both ways at one number of symbols."""
    net = network.RecurrentNetwork(size, "lstm", LAYERS, HIDDEN)
    ids = torch.randint(size, (SYMBOLS + 1, STREAMS))
    times: dict[str, list[float]] = {name: [] for name in BOUNDS}
    for turn in range(-1, repeats):
        for name, network.MANY_SYMBOLS in BOUNDS.items():
            took = seconds(net, ids)
            if turn >= 0:  # the first turn warms up
                times[name].append(took)
    median = {name: statistics.median(found) for name, found in times.items()}
    return {"symbols": size, **median, "ratio": median["product"] / median["picked"]}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[96, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    keep_freed_memory()
    rows = [measured(size, options.repeats) for size in options.sizes]
    show(rows, ("symbols", *BOUNDS, "ratio"), options.json)


if __name__ == "__main__":
    main()
