"""Figures of the texts themselves: sizes, and what follows a piece of them."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

from analysis.evidence.figure import Figure
from analysis.results import NotRunError, Results
from pipeline.lm.corpus import PARTS, PreparedText
from pipeline.lm.errors import InputError

MEGABYTE = 1e6


def text_megabytes(results: Results, corpus: str) -> Figure:
    """Size of a corpus in millions of bytes."""
    return Figure.exact(results.manifest(corpus)["bytes"] / MEGABYTE)


def text_documents(results: Results, corpus: str) -> Figure:
    """Documents of a corpus: essays, files, names."""
    return Figure.exact(results.manifest(corpus)["documents"])


def occurrences(results: Results, corpus: str, context: str) -> Figure:
    """How often some symbols stand in a corpus, with another after them."""
    return Figure.exact(_following(results, corpus, context).total())


def share_after(results: Results, corpus: str, context: str, symbol: str) -> Figure:
    """Probability of a symbol after others by the counts of the whole corpus, unsmoothed."""
    counts = _following(results, corpus, context)
    if not counts:
        raise NotRunError(f"{corpus} has no {context!r} at this scale")
    return Figure.exact(counts[symbol.encode()] / counts.total())


def _following(results: Results, corpus: str, context: str) -> Counter[bytes]:
    return _counted(results.paths.text / corpus, context.encode())


@cache
def _counted(folder: Path, context: bytes) -> Counter[bytes]:
    try:
        text = PreparedText.open(folder)
        parts = [text.vocabulary.decode(text.part(part)) for part in PARTS]
    except InputError as reason:
        raise NotRunError(f"waits for preprocess of {folder.name}") from reason
    after = re.compile(b"(?=" + re.escape(context) + b"(.))", re.DOTALL)
    return Counter(symbol for part in parts for symbol in after.findall(part))


FIGURES = (text_megabytes, text_documents, occurrences, share_after)
