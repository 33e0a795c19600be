"""What a model's errors on held-out text are, peeled off kind by kind (claim K5).

As Karpathy, Johnson, Fei-Fei 2015, section 4.4, have it: a symbol is an error if the model gave it
less than 0.5, and errors are taken away one kind after the other; what an oracle for one kind would
have mended is never looked at again. Their definitions are given from memory, not checked against
the paper; "assumed" marks what we had to choose. In order:

1. `n-gram`: some n-gram of at most 9 symbols of context gives the symbol 0.5 or more. Assumed: the
   Kneser-Ney models at hand, each asked by itself.
2. `memory N`: the symbol stands in a word, not first in it, and the whole word is found in the last
   N symbols before it (theirs: N of 100, 500, 1,000, 5,000).
3. `rare N`: the symbol stands in a word that the training part has N times or less (0 to 5).
4. `word start`: the first symbol of a word. Assumed: whatever precedes it.
5. `punctuation`: neither in a word nor white space.
6. `white space`: ours; where words and lines end. They leave it among the rest.
7. `rest`: further symbols of words. Near misses, 0.4 to 0.5, are their last kind; they are counted
   beside the errors of every kind.

A word is a run of letters, digits, underscores and bytes beyond ASCII (assumed); where symbols are
characters, letters are Unicode's, and distances are counted in characters. Where symbols are words,
each has the kind of its first byte after its space. The kind depends on the text and the oracle
alone, so every model is peeled alike; that a kind holds a share of the errors says little where it
holds the same share of all symbols, which is the floor.

Writes results/<run>/errors.tsv, a row a model, kind and window (or document: see
analysis.measure.units). T symbols of text.
"""

import argparse
import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from tqdm import tqdm

from analysis.measure.units import whole
from pipeline import console, models
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT, NATURAL, SHARE, check
from pipeline.lm.io.tables import write_table
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.scoring import Window, fitting_window, symbol_log_probs, windows
from pipeline.lm.sources import NETWORK, kenlm_source, ngram_source
from pipeline.lm.text import PreparedText
from pipeline.lm.vocabulary import Vocabulary

COLUMNS = ["source", "window", "kind", "symbols", "errors", "near"]
WORD, UNICODE_WORD = re.compile(r"[0-9A-Za-z_\x80-\xff]+"), re.compile(r"\w+")
WHITE_SPACE = " \t\n\r\v\f"


@dataclass
class Settings:
    """conf/inside.yaml says what each value means."""

    symbols: int
    threshold: float
    near: float
    oracle_context: int
    memory: list[int]
    rare: list[int]

    def __post_init__(self) -> None:
        check(self, "errors", COUNT, "symbols", "oracle_context", "memory")
        check(self, "errors", SHARE, "threshold", "near")
        check(self, "errors", NATURAL, "rare")


def kind_names(settings: Settings) -> list[str]:
    """The kinds of error in the order in which they are peeled off."""
    memory = [f"memory {n}" for n in settings.memory]
    rare = [f"rare {n}" for n in settings.rare]
    return ["n-gram", *memory, *rare, "word start", "punctuation", "white space", "rest"]


def units(text: bytes, vocabulary: Vocabulary) -> str:
    """What kinds are told of: a character for each byte, or each character, of a text."""
    if vocabulary.unit == "characters":
        return text.decode("utf-8", "surrogateescape")
    return text.decode("latin-1")


def places(ids: NDArray, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Where in `units` the kind of each symbol is read off, (T,)."""
    if vocabulary.unit != "words":
        return np.arange(len(ids))
    different, number = np.unique(ids, return_inverse=True)
    tokens = [vocabulary.decode(different[i : i + 1]) for i in range(len(different))]
    lengths = np.array([len(token) for token in tokens], np.int64)[number]
    spaces = np.array([len(token) > 1 and token.startswith(b" ") for token in tokens], bool)[number]
    return lengths.cumsum() - lengths + spaces


def kinds(
    text: str, counts: Counter[str], settings: Settings, word: re.Pattern[str] = WORD
) -> NDArray[np.int64]:
    """The kind of error that each of the L `units` would be if no n-gram had predicted it: (L,)
    indices into `kind_names`.

    Args:
        text: as `units` gives it.
        counts: how often the training part has each word.
        settings: the sizes of memory and rarity.
        word: what a word looks like.
    """
    place = {name: k for k, name in enumerate(kind_names(settings))}
    white = np.array([unit in WHITE_SPACE for unit in text], bool)
    found = np.where(white, place["white space"], place["punctuation"])
    for match in word.finditer(text):
        start, stop = match.span()
        found[start], found[start + 1 : stop] = place["word start"], place["rest"]
        rare = bisect_left(settings.rare, counts[match[0]])
        if rare < len(settings.rare):
            found[start:stop] = place[f"rare {settings.rare[rare]}"]
        memory = bisect_left(settings.memory, _distance(text, start, stop, settings.memory[-1]))
        if memory < len(settings.memory):
            found[start + 1 : stop] = place[f"memory {settings.memory[memory]}"]
    return found


def _distance(text: str, start: int, stop: int, reach: int) -> int:
    """Units from the last time that text[start:stop] stood before `start`; reach + 1 if none."""
    before = text.rfind(text[start:stop], max(0, start - reach), start)
    return reach + 1 if before < 0 else start - before


def error_rows(
    log_probs: NDArray[np.float64], kind: NDArray[np.int64], spans: list[Window], settings: Settings
) -> list[dict[str, Any]]:
    """Symbols, errors and near misses by window, or document, and kind; NaN in `log_probs` (T,) is
    left out."""
    names = kind_names(settings)
    asked = ~np.isnan(log_probs)
    error = asked & (log_probs < np.log(settings.threshold))
    near = error & (log_probs >= np.log(settings.near))
    rows = []
    for window, span in enumerate(spans):
        here = slice(span.start, span.stop)
        sums = [
            np.bincount(kind[here][mask[here]], minlength=len(names))
            for mask in (asked, error, near)
        ]
        rows += [
            {"window": window, "kind": name, "symbols": n, "errors": bad, "near": almost}
            for name, n, bad, almost in zip(names, *sums, strict=True)
        ]
    return rows


def oracle(found: list[NDArray[np.float64]], length: int, threshold: float) -> NDArray[np.bool_]:
    """(T,) whether any of some models gave a symbol the threshold; `found`: log-probs (T,) each."""
    right = np.zeros(length, bool)
    for log_probs in found:
        right |= np.nan_to_num(log_probs, nan=-np.inf) >= np.log(threshold)
    return right


def peeled_models(config: DictConfig, run: str, corpus: str) -> dict[str, LanguageModel]:
    """The models whose errors are peeled: the network, the unsmoothed n-grams, every KenLM."""
    settings, paths = params.baseline(config, corpus), Paths.of(config)
    index, _ = models.open_index(paths, corpus)
    opened: dict[str, LanguageModel] = {NETWORK: models.open_model(config, run, NETWORK).model}
    opened |= {ngram_source(order): index.ngram(order) for order in settings.ngram_orders}
    return opened | {
        kenlm_source(order): models.open_kenlm(paths, corpus, order).model
        for order in settings.kenlm_orders
    }


def kinds_of(text: PreparedText, part: NDArray, settings: Settings) -> NDArray[np.int64]:
    """The kind of each symbol of a part (T,): see `kinds`."""
    vocabulary = text.vocabulary
    word = UNICODE_WORD if vocabulary.unit == "characters" else WORD
    training = units(vocabulary.decode(text.part("train")), vocabulary)
    counts = Counter(match[0] for match in word.finditer(training))
    found = kinds(units(vocabulary.decode(part), vocabulary), counts, settings, word)
    return found[places(part, vocabulary)]


def measure_errors(config: DictConfig, run: str) -> None:
    """Peel the errors of one run's network and of its corpus's n-grams."""
    settings = params.view(Settings, config.inside.errors, "inside.errors")
    measure, paths = params.measure(config), Paths.of(config)
    corpus = params.experiment(config, run).corpus
    text = PreparedText.open(paths.text / corpus)
    part = np.asarray(text.part("test"))
    window = fitting_window(len(part), measure.window, measure.least_windows)
    spans = windows(min(settings.symbols, len(part)), window, measure.context)
    units = whole(spans, text.documents("test"), measure.least_documents)
    opened = peeled_models(config, run, corpus)
    found = {
        source: symbol_log_probs(model, part, spans)
        for source, model in tqdm(opened.items(), desc=f"errors {run}", unit="model")
    }
    contexts = {kenlm_source(n): n - 1 for n in params.baseline(config, corpus).kenlm_orders}
    small = [found[name] for name, n in contexts.items() if n <= settings.oracle_context]
    right = oracle(small, len(part), settings.threshold)
    kind = np.where(right, 0, kinds_of(text, part, settings))
    rows = [
        {"source": source, **row}
        for source, log_probs in found.items()
        for row in error_rows(log_probs, kind, units, settings)
    ]
    write_table(paths.run_results(run) / "errors.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.measure.error_kinds", description=__doc__
    )
    parser.add_argument("run", help="an experiment")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    measure_errors(params.load(params.params_file(arguments)), arguments.run)


if __name__ == "__main__":
    console.run(main)
