"""The suffix index against the reply's dictionary of counters: time, memory, sampling speed.

    python benchmarks/index.py TEXT [--megabytes 3.3 50 100] [--orders 4 10 20] [--json]

TEXT is any large real text; of each size, its first part is taken and the next 1 MB is held out.
The index serves all orders from one process; each dictionary has a process of its own, so that
peaks of memory are its own. Memory counts what is added to the loaded text. 1 MB is 10^6 bytes.
"""

import argparse
import ctypes
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.vocabulary import Vocabulary

Row = dict[str, Any]
PROJECTED_MB = 474
"""All of Linux, the post's largest text."""
HELD_OUT = 1_000_000
SCORED = 200_000
STREAMS = 100
SEED = 1


def memory_mb(field: str) -> float:
    """VmRSS (present) or VmHWM (peak) of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(field)


class Measure:
    """Seconds and peak added memory of a block of code."""

    seconds: float
    memory_mb: float


@contextmanager
def measured() -> Iterator[Measure]:
    measure = Measure()
    ctypes.CDLL(None).malloc_trim(0)  # freed memory is not reused unseen
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before, began = memory_mb("VmRSS"), time.perf_counter()
    yield measure
    measure.seconds = time.perf_counter() - began
    measure.memory_mb = memory_mb("VmHWM") - before


def head(path: Path, symbols: int) -> bytes:
    with path.open("rb") as file:
        return file.read(symbols)


def index_rows(path: Path, megabytes: float, orders: list[int], length: int) -> list[Row]:
    """Building, loading and matching; then sampling and scoring at each order."""
    size = int(megabytes * 1e6)
    raw = head(path, size + HELD_OUT)
    vocabulary = Vocabulary.of(raw)
    text, held_out = np.split(vocabulary.encode(raw), [size])
    del raw
    warm_up(text[:10_000], vocabulary.size)
    with measured() as built:
        index = SuffixIndex.build(text, vocabulary.size)
        assert len(index.shared)
    about: Row = {"mb": megabytes, "model": "index", "order": "all", "build_s": built.seconds}
    about["memory_mb"] = built.memory_mb
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "index.npy")
        index.save(file)
        about["disk_mb"] = file.stat().st_size / 1e6
        with measured() as loaded:
            SuffixIndex.load(file, text, vocabulary.size)
    with measured() as matched:
        index.matches(held_out)
    about |= {"load_s": loaded.seconds, "matched_per_s": len(held_out) / matched.seconds}
    rows = [about]
    for order in orders:
        model = index.ngram(order)
        with measured() as sampled:
            for _ in sample(model, text[:1], STREAMS, length // STREAMS, Decoding(), SEED):
                pass
        with measured() as scored:
            model.symbol_log_probs(held_out[:SCORED])
        row = {"mb": megabytes, "model": "index", "order": order, "build_s": 0.0}
        row |= {"memory_mb": sampled.memory_mb, "sampled_per_s": length / sampled.seconds}
        rows.append(row | {"scored_per_s": SCORED / scored.seconds})
    return rows


def warm_up(text: np.ndarray, size: int) -> None:
    """Compile every kernel."""
    index = SuffixIndex.build(text, size)
    index.matches(text[:10])
    model = index.ngram(2)
    model.symbol_log_probs(text[:10])
    state = model.advance(model.start(1), text[:1])
    model.draw(state, np.zeros(1))
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder, "index.npy"))
        SuffixIndex.load(Path(folder, "index.npy"), text, size)


def letter(shares: list[tuple[str, float]], left: float) -> str:
    """The symbol at which the shares reach `left`."""
    for symbol, share in shares:
        left -= share
        if left <= 0:
            return symbol
    return shares[-1][0]


def dictionary_row(path: Path, megabytes: float, order: int, length: int) -> Row:
    """The reply's model: for every history a counter of what follows, then lists of shares."""
    text = head(path, int(megabytes * 1e6)).decode("latin-1")
    with measured() as built:
        counters: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for i in range(len(text) - order):
            counters[text[i : i + order]][text[i + order]] += 1
        shares = {
            history: [(symbol, count / counter.total()) for symbol, count in counter.items()]
            for history, counter in counters.items()
        }
    generator = random.Random(SEED)
    with measured() as sampled:
        history, out = text[:order], []
        for _ in range(length):
            if history not in shares:  # the end of the text
                history = text[:order]
            symbol = letter(shares[history], generator.random())
            out.append(symbol)
            history = history[1:] + symbol
    row = {"mb": megabytes, "model": "dictionary", "order": order, "build_s": built.seconds}
    return row | {"memory_mb": built.memory_mb, "sampled_per_s": length / sampled.seconds}


def projection(rows: list[Row]) -> Row | None:
    """The index at the size of all of Linux, along the line through its two largest sizes."""
    whole = [row for row in rows if row["model"] == "index" and row["order"] == "all"]
    for smaller, larger in list(pairwise(sorted(whole, key=lambda row: row["mb"])))[-1:]:
        row: Row = {"mb": PROJECTED_MB, "model": "projected", "order": "all"}
        for key in ("build_s", "memory_mb", "disk_mb", "load_s"):
            slope = (larger[key] - smaller[key]) / (larger["mb"] - smaller["mb"])
            row[key] = larger[key] + slope * (PROJECTED_MB - larger["mb"])
        return row
    return None


COLUMNS = ("mb", "model", "order", "build_s", "memory_mb", "disk_mb", "load_s",
           "sampled_per_s", "scored_per_s", "matched_per_s")  # fmt: skip


def table(rows: list[Row]) -> str:
    """Rows as text, one column a field."""

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
        return "" if value is None else str(value)

    cells = [COLUMNS, *([cell(row.get(column)) for column in COLUMNS] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(value.rjust(width) for value, width in zip(line, widths, strict=True))
        for line in cells
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path, help="a large text")
    parser.add_argument("--megabytes", type=float, nargs="+", default=[3.3, 50, 100])
    parser.add_argument("--orders", type=int, nargs="+", default=[4, 10, 20])
    parser.add_argument("--dictionary-orders", type=int, nargs="*", default=[4, 10, 15])
    parser.add_argument("--dictionary-megabytes", type=float, default=3.3)
    parser.add_argument("--symbols", type=int, default=1_000_000, help="sampled for each row")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    wanted = max(arguments.megabytes) * 1e6 + HELD_OUT
    if not arguments.text.is_file() or arguments.text.stat().st_size < wanted:
        parser.error(f"{arguments.text} has not the {wanted:,.0f} bytes that are needed")
    rows: list[Row] = []
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        for megabytes in arguments.megabytes:
            work = pool.submit(
                index_rows, arguments.text, megabytes, arguments.orders, arguments.symbols
            )
            rows += work.result()
        for order in arguments.dictionary_orders:
            rows.append(
                pool.submit(
                    dictionary_row,
                    arguments.text,
                    arguments.dictionary_megabytes,
                    order,
                    arguments.symbols,
                ).result()
            )
    if projected := projection(rows):
        rows.append(projected)
    if arguments.json:
        print(json.dumps({"text": arguments.text.name, "rows": rows}))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()
