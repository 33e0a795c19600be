"""Preprocessing, step by step: MB/s and peak memory, beside the usual loop over a dictionary.

    python -m pipeline.download --params params.yaml linux
    python benchmarks/preprocess.py --params params.yaml linux

`after decompression` is everything preprocess does but the decompression itself, which is measured
apart by a pass that throws the text away. The dictionary is how char-rnn's descendants encode:
one Python look-up a symbol; its time is that of the first megabytes, scaled.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.corpora import archives, splitting
from pipeline.corpora.corpus import Corpus
from pipeline.corpora.documents import collected
from pipeline.corpora.encoding import occurring, write_part
from pipeline.corpora.near_duplicates import overlaps
from pipeline.corpora.sources import Obtained
from pipeline.lm.vocabulary import Vocabulary

MEGA = 1e6
DICTIONARY_BYTES = 5_000_000
BLOCK = 1 << 22
LOOP = "loop over a dictionary"


class Result(NamedTuple):
    """One corpus; the seconds are by step."""

    bytes: int
    available_bytes: int
    documents: int
    peak_mb: float
    wall_seconds: dict[str, float]
    cpu_seconds: dict[str, float]


class Clock:
    """Seconds by the wall and of this process's CPU time, a step at a time."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block."""
        began = time.perf_counter(), time.process_time()
        yield
        self.wall[name] = time.perf_counter() - began[0]
        self.cpu[name] = time.process_time() - began[1]


def discard(raw: Path, most: int) -> None:
    """Decompress and throw away."""
    for _, stream in archives.members(raw, most):
        while stream.read(BLOCK):
            pass


def loop_over_a_dictionary(text: bytes) -> bytes:
    """Encode as most do."""
    ids = {symbol: i for i, symbol in enumerate(sorted(set(text)))}
    return bytes([ids[symbol] for symbol in text])


def measure(corpus: Corpus, raw: Obtained, scratch: Path) -> Result:
    """Time each step of preparing one corpus."""
    clock = Clock()
    variant = corpus.variant(raw.record["variant"])
    with clock.step("decompress"):
        discard(raw.path, corpus.at_most)
    with ExitStack() as stack:
        with clock.step("decompress, collect"):
            reader = collected(raw.path, variant.documents, corpus.at_most, scratch)
            collection = stack.enter_context(reader)
        with clock.step("order, limit, split"):
            spans = splitting.ordered(collection.spans, corpus.order, corpus.seed)
            spans = splitting.limited(spans, corpus.limit, corpus.unit)
            parts = splitting.split(spans, variant.split)
        with clock.step("vocabulary"):
            codes = {part: occurring(collection, parts[part], corpus.symbols) for part in parts}
        vocabulary = Vocabulary(corpus.symbols, tuple(codes["train"].tolist()))
        with clock.step("encode"):
            for part, chosen in parts.items():
                write_part(collection, chosen, vocabulary, scratch / f"{part}.bin")
        with clock.step("near-duplicates"):
            overlaps(collection, parts)
        size = sum(span.size for span in spans)
        some = splitting.limited(spans, DICTIONARY_BYTES, "stream")
        text = b"".join(collection.text(span) for span in some)
        with clock.step(LOOP):
            loop_over_a_dictionary(text)
        available = sum(span.size for span in collection.spans)
    for seconds in (clock.wall, clock.cpu):
        seconds[LOOP] *= size / len(text)
        steps = [seconds[step] for step in seconds if step not in ("decompress", LOOP)]
        seconds["after decompression"] = sum(steps) - seconds["decompress"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGA
    return Result(size, available, len(spans), peak, clock.wall, clock.cpu)


def table(result: Result) -> str:
    """The steps as lines."""
    lines = [
        f"{result.bytes / MEGA:,.1f} MB of {result.available_bytes / MEGA:,.1f} MB, "
        f"{result.documents:,} documents, peak memory {result.peak_mb:,.0f} MB",
        f"{'step':<24}{'seconds':>9}{'MB/s':>9}{'CPU s':>9}{'MB/CPU s':>10}",
    ]
    for step, wall in result.wall_seconds.items():
        cpu = result.cpu_seconds[step]
        size = result.available_bytes if step.startswith("decompress") else result.bytes
        lines.append(
            f"{step:<24}{wall:>9.2f}{size / MEGA / wall:>9.1f}{cpu:>9.2f}{size / MEGA / cpu:>10.1f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", help="name of a downloaded corpus")
    parser.add_argument("--params", type=Path, default=params.PARAMS_FILES["full"])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    config = params.load(arguments.params)
    corpus = Corpus.of(arguments.corpus, params.select(config, "corpora", arguments.corpus))
    paths = Paths.of(config)
    raw = Obtained.open(paths.raw / corpus.name)
    paths.text.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.text) as scratch:
        result = measure(corpus, raw, Path(scratch))
    print(json.dumps(result._asdict()) if arguments.json else table(result))


if __name__ == "__main__":
    console.run(main)
