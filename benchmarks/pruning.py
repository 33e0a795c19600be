"""What pruning costs a KenLM model: cross-entropy of a held-out text with and without.

    python benchmarks/pruning.py TEXT HELD_OUT [--megabytes 10 50 100] [--order 20] [--json]

Of TEXT the first part of each size is taken, of HELD_OUT the first symbols. A model is too large
to keep unpruned (order 20 of 100 MB: some 600 million n-grams), so only those n-grams are kept
that scoring HELD_OUT can read, while lmplz writes them: scores are those of the whole model.
lmplz's own sorts still take some 500 bytes of disk for a symbol of TEXT unpruned, in --folder.
1 MB is 10^6 bytes.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from analysis.statistics import mean_interval
from benchmarks.reporting import Row, show
from pipeline import console
from pipeline.lm.ngram.kenlm import (
    END,
    KENLM_ORDERS,
    TRIE,
    KenLM,
    estimation,
    program,
    run,
    sentence,
)
from pipeline.lm.scoring import score
from pipeline.lm.vocabulary import Vocabulary

WINDOW = 1000
"""Symbols of a block of the bootstrap."""
BOOTSTRAP = {"resamples": 10_000, "seed": 1, "level": 0.95}
COLUMNS = ("mb", "prune", "ngrams", "seconds", "nats", "loss", "low", "high")


def read_ngrams(texts: Iterable[NDArray], order: int) -> set[bytes]:
    """Every n-gram of the texts up to the order, as an ARPA file writes it."""
    found: set[bytes] = set()
    for text in texts:
        words = b" ".join(b"%d" % symbol for symbol in text.tolist())
        gaps = np.flatnonzero(np.frombuffer(words, np.uint8) == ord(" "))
        begins, ends = [0, *(gaps + 1).tolist()], [*gaps.tolist(), len(words)]
        for n in range(1, order + 1):
            found.update(map(words.__getitem__, map(slice, begins, ends[n - 1 :])))
    return found


def keep(arpa: IO[bytes], wanted: set[bytes], out: Path) -> int:
    """Write the wanted n-grams and all of one word or of the end; returns how many there were."""
    sections: list[list[bytes]] = []
    total = 0
    for line in arpa:
        if line.startswith(b"\\") and line.endswith(b"-grams:\n"):
            sections.append([])
        elif sections and b"\t" in line:
            total += 1
            ngram = line.split(b"\t")[1].rstrip()
            if len(sections) == 1 or ngram in wanted or ngram.endswith(END.encode()):
                sections[-1].append(line)
    with out.open("wb") as file:
        file.write(b"\\data\\\n")
        file.writelines(b"ngram %d=%d\n" % (n, len(s)) for n, s in enumerate(sections, 1))
        for n, lines in enumerate(sections, 1):
            file.writelines((b"\n\\%d-grams:\n" % n, *lines))
        file.write(b"\n\\end\\\n")
    return total


def nats(
    text: NDArray, held_out: NDArray, size: int, prune: list[int], options: argparse.Namespace
) -> tuple[NDArray, int]:
    """Cross-entropy in each window of the held-out text, and how many n-grams the model has."""
    # build_binary wants the context of every n-gram; that of `</s>` is the end of the text.
    wanted = read_ngrams((held_out, text[-options.order :]), options.order)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        arpa, binary = Path(folder, "arpa"), Path(folder, "binary")
        estimate = estimation(size, options.order, Path(folder), memory=options.memory, prune=prune)
        total = run(estimate, sentence(text, size), lambda printed: keep(printed, wanted, arpa))
        run([program("build_binary"), *TRIE, f"{arpa}", f"{binary}"])
        scores = [one for _, one in score(KenLM(binary, size), held_out, WINDOW, options.order)]
    return np.array([one.nats / one.symbols for one in scores if one.symbols]), total


def rows(megabytes: float, options: argparse.Namespace) -> list[Row]:
    """The models with and without pruning of one size, and the difference of each pair."""
    with options.text.open("rb") as file:
        raw = file.read(int(megabytes * 1e6))
    vocabulary = Vocabulary.of(raw)
    text = vocabulary.encode(raw)
    with options.held_out.open("rb") as file:
        held_out = vocabulary.encode(file.read(options.symbols))
    found: list[Row] = []
    whole: NDArray | None = None
    for prune in ([], options.prune):
        began = time.perf_counter()
        values, total = nats(text, held_out, vocabulary.size, prune, options)
        row: Row = {"mb": megabytes, "prune": " ".join(map(str, prune)) or "none", "ngrams": total}
        row |= {"seconds": time.perf_counter() - began, "nats": float(values.mean())}
        if whole is None:
            whole = values
        else:
            loss = mean_interval(values - whole, **BOOTSTRAP)
            row |= {"loss": loss.estimate, "low": loss.low, "high": loss.high}
        found.append(row)
        print(row, file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path, help="a large text to train on")
    parser.add_argument("held_out", type=Path, help="a text to score")
    parser.add_argument("--megabytes", type=float, nargs="+", default=[10, 50, 100])
    parser.add_argument("--order", type=int, choices=KENLM_ORDERS[1:], default=20)
    parser.add_argument("--prune", type=int, nargs="+", default=[0, 0, 0, 0, 0, 0, 1])
    parser.add_argument("--symbols", type=int, default=150_000, help="of the held-out text")
    parser.add_argument("--memory", default="7G", help="for lmplz's sorts")
    parser.add_argument("--folder", type=Path, help="for temporary files, on a roomy disk")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    for file in (options.text, options.held_out):
        if not file.is_file():
            parser.error(f"{file} is no file")
    if options.prune[0] or not any(options.prune[: options.order]):
        parser.error("--prune: 0 for single symbols, then a threshold above 0 within the order")
    found = [row for megabytes in options.megabytes for row in rows(megabytes, options)]
    show(found, COLUMNS, options.json)


if __name__ == "__main__":
    console.run(main)
