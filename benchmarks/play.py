"""The step of the network in a reader's browser: milliseconds a symbol, in headless Chromium.

    python benchmarks/play.py [--networks 2x512 3x512 3x700] [--symbols 300] [--json]

Runs the page's own script in a worker, on random weights in the form that pages carry. `megabytes`
are those of the weights in a page. `of_python` is the ratio to the sampler's step on one thread.
"""

import argparse
import statistics
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from analysis.report.pages import TEMPLATES
from analysis.report.play import in_base64, packed
from benchmarks.reporting import Row, show
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.sampler import SamplingLM
from tests.browser import browser

SYMBOLS = 67
"""V of Shakespeare."""
SEED = 1
RUN = """
const [about, weights, ids, done] = arguments;
const worker = new Worker(URL.createObjectURL(new Blob([`(${engine})()`])));
worker.onmessage = ({ data }) => data.symbols && done(data.symbols.map(({ ms }) => ms));
worker.postMessage({ do: "load", about, weights, text: "" });
worker.postMessage({ do: "read", keep: 0, ids, cell: { layer: 0, unit: 0 } });
"""


def measured(driver, engine: str, layers: int, hidden: int, symbols: int) -> Row:
    """One network: medians over its steps, the first tenth, which are compiled then, left out."""
    torch.manual_seed(SEED)
    model = SamplingLM(RecurrentNetwork(SYMBOLS, "lstm", layers, hidden).eval(), 1)
    matrices, content = packed(model)
    weights = in_base64(zlib.compress(content, 9))
    ids = np.random.default_rng(SEED).integers(SYMBOLS, size=symbols)
    about = {"kind": "lstm", "hidden": hidden, "matrices": matrices, "likeliest": 5,
             "unit": "bytes", "symbols": []}  # fmt: skip
    times = driver.execute_async_script(engine + RUN, about, weights, ids.tolist())
    state, own = model.start(1), []
    for symbol in ids:
        began = time.perf_counter()
        _, state = model.step(state, np.array([symbol]))
        own.append(1e3 * (time.perf_counter() - began))
    late = slice(symbols // 10, None)
    milliseconds = statistics.median(times[late])
    return {
        "network": f"{layers}x{hidden}",
        "ms": milliseconds,
        "ms_least": min(times[late]),
        "of_python": milliseconds / statistics.median(own[late]),
        "megabytes": len(weights) / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["2x512", "3x512"], metavar="LxH")
    parser.add_argument("--symbols", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    engine = (TEMPLATES / "play_engine.js").read_text(encoding="utf-8")
    with browser() as driver:
        driver.set_script_timeout(300)
        rows = [
            measured(driver, engine, *map(int, name.split("x")), arguments.symbols)
            for name in arguments.networks
        ]
    show(rows, ("network", "ms", "ms_least", "of_python", "megabytes"), arguments.json)


if __name__ == "__main__":
    main()
