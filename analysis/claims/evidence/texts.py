"""Figures of the texts themselves: sizes, and what follows a piece of them."""

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results

MEGABYTE = 1e6


def text_megabytes(results: Results, corpus: str) -> Figure:
    """Size of a corpus in millions of bytes."""
    return Figure.exact(results.manifest(corpus)["bytes"] / MEGABYTE)


def text_documents(results: Results, corpus: str) -> Figure:
    """Documents of a corpus: essays, files, names."""
    return Figure.exact(results.manifest(corpus)["documents"])


def occurrences(results: Results, corpus: str, context: str) -> Figure:
    """How often some symbols stand in a corpus, with another after them."""
    return Figure.exact(sum(_following(results, corpus, context).values()))


def share_after(results: Results, corpus: str, context: str, symbol: str) -> Figure:
    """Probability of a symbol after others by the counts of the whole corpus, unsmoothed."""
    counts = _following(results, corpus, context)
    if not counts:
        raise NotRunError(f"{corpus} has no {context!r} at this scale")
    return Figure.exact(counts.get(symbol, 0) / sum(counts.values()))


def _following(results: Results, corpus: str, context: str) -> dict[str, int]:
    counted = results.baseline_excerpts(corpus)["following"]
    if context not in counted:
        raise NotRunError(f"waits for {context!r} in report.excerpts.contexts")
    return counted[context]


FIGURES = (text_megabytes, text_documents, occurrences, share_after)
