"""Closing delimiters by distance, teacher-forced: how likely a model finds the true closer where
it truly stands in held-out text (claims G3, K3; KJF's figure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.structure.delimiters.fates import Closing, buckets, closings, group
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.scoring import Window, walk
from pipeline.lm.vocabulary import Vocabulary

RIVALS = b")]}"
"""Closers that compete at one place: the type accuracy is the true one's share among them."""
INTRODUCTIONS = (b"\\end{", b"</", b"&lt;/")
"""What begins closers that bear a name: their type accuracy is the probability of the rest."""


@dataclass(frozen=True)
class PositionFigures:
    """What a model said at each position of a text (T,); NaN or False where it was not asked."""

    log_prob: NDArray[np.float64]
    """Natural-log probability of the true symbol."""
    likeliest: NDArray[np.bool_]
    """Whether no symbol was likelier."""
    rivals: NDArray[np.float64]
    """Probability of all of `RIVALS` together."""


def position_figures(
    model: LanguageModel, text: NDArray, spans: list[Window], vocabulary: Vocabulary
) -> PositionFigures:
    """Ask a model for its distribution at every position of the windows."""
    rivals = vocabulary.encode(RIVALS)
    rivals = rivals[rivals < vocabulary.size]
    figures = PositionFigures(
        np.full(len(text), np.nan), np.zeros(len(text), bool), np.full(len(text), np.nan)
    )
    for _, target, log_probs in walk(model, text, spans):
        symbols = np.minimum(text[target], model.size - 1)
        true = log_probs[np.arange(len(target)), symbols]
        figures.log_prob[target] = true
        figures.likeliest[target] = true >= log_probs.max(1)
        figures.rivals[target] = np.exp(log_probs[:, rivals]).sum(1)
    return figures


@dataclass(frozen=True)
class ClosingRow:
    """Closings of one class and distance in one window, summed over `n` of them."""

    window: int
    closer: str
    distance: int
    """Lower edge of the bucket, in bytes since the opening."""
    n: int
    probability: float
    """Of the whole closer, all its symbols."""
    likeliest: float
    """Closings every symbol of which was the likeliest."""
    typed: float
    """Probability of this closer given that one of its kind stands here: the share of its first
    byte among `RIVALS` (0 if all are impossible), or the name after `INTRODUCTIONS`. NaN for
    closers that have no kind."""


def closing_rows(
    figures: PositionFigures,
    found: Sequence[Closing],
    starts: Sequence[int],
    distances: Sequence[int],
) -> Iterator[ClosingRow]:
    """Sum what a model said at the true closings, by window, class and distance.

    Positions are symbols: the text is one of byte symbols. `starts` are those of the windows.
    """
    if not found:
        return
    window = np.searchsorted(np.array(starts), [c.position for c in found], side="right") - 1
    bucket = buckets([c.position - c.opened for c in found], distances)
    sums: dict[tuple[int, str, int], NDArray[np.float64]] = {}
    for closing, where, distance in zip(found, window, bucket, strict=True):
        place = slice(closing.position, closing.position + len(closing.closer.encode()))
        log_prob = figures.log_prob[place].sum()
        if where < 0 or distance < 0 or np.isnan(log_prob):
            continue
        key = (int(where), group(closing.closer), int(distances[distance]))
        typed = _typed(closing, figures)
        row = np.array([1, np.exp(log_prob), figures.likeliest[place].all(), typed])
        sums[key] = sums[key] + row if key in sums else row
    for (where, closer, distance), (n, probability, likeliest, typed) in sorted(sums.items()):
        yield ClosingRow(where, closer, distance, int(n), probability, likeliest, typed)


def _typed(closing: Closing, figures: PositionFigures) -> float:
    closer, position = closing.closer.encode(), closing.position
    for introduction in INTRODUCTIONS:
        if closer.startswith(introduction):
            name = slice(position + len(introduction), position + len(closer))
            return float(np.exp(figures.log_prob[name].sum()))
    if closer[0] not in RIVALS:
        return np.nan
    rivals = figures.rivals[position]
    return float(np.exp(figures.log_prob[position]) / rivals) if rivals > 0 else 0.0


def true_closings(text: NDArray, vocabulary: Vocabulary, kind: str, limit: int) -> list[Closing]:
    """The right closings in the first `limit` symbols of a text of byte symbols."""
    return closings(vocabulary.decode(text[:limit]), kind) if vocabulary.unit == "bytes" else []
