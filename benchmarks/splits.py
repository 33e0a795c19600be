"""What the split of a text changes: Kneser-Ney's cross-entropy, split by streams and at two places.

    python benchmarks/splits.py TEXT [--kenlm-orders 2 3 ... 11] [--json]

By streams, as char-rnn's loader cuts it and KJF used it, the test part is a tenth of each of a
hundred stretches of the text; by position it is the last tenth, which is another domain at the end
of a book.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.reporting import Row, show
from pipeline import console
from pipeline.corpora.corpus import Split
from pipeline.corpora.documents import Span
from pipeline.corpora.splitting import split
from pipeline.lm.ngram.kenlm import KenLM, train
from pipeline.lm.scoring import score
from pipeline.lm.vocabulary import Vocabulary

SPLITS = {"streams": Split("streams", 0.8, 0.1, 0.1, 100), "position": Split("position")}
WINDOW, CONTEXT = 10_000, 1000


def nats(text: bytes, rule: Split, orders: list[int]) -> dict[int, float]:
    """Cross-entropy of the test part in nats a symbol, by KenLM's order."""
    parts = {
        name: b"".join(text[span.start : span.stop] for span in spans)
        for name, spans in split([Span("text", 0, len(text))], rule).items()
    }
    vocabulary = Vocabulary("bytes", tuple(sorted(set(parts["train"]))))
    ids = {name: np.asarray(vocabulary.encode(part)) for name, part in parts.items()}
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for order in orders:
            path = Path(folder) / "model.binary"
            options = {"memory": "8G", "prune": [], "quantise": order > 14}
            train(ids["train"], vocabulary.size, order, path, **options)
            model = KenLM(path, vocabulary.size)
            scores = [result for _, result in score(model, ids["test"], WINDOW, CONTEXT)]
            found[order] = sum(one.nats for one in scores) / sum(one.symbols for one in scores)
    return found


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--kenlm-orders", type=int, nargs="+", default=[*range(2, 12)])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    text = options.text.read_bytes()
    by = {name: nats(text, rule, options.kenlm_orders) for name, rule in SPLITS.items()}
    rows: list[Row] = [
        {"context": order - 1, **{name: found[order] for name, found in by.items()}}
        for order in options.kenlm_orders
    ]
    show(rows, ("context", *SPLITS), options.json)


if __name__ == "__main__":
    console.run(main)
