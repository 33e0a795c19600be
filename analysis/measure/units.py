"""What is resampled as one: documents of held-out text where they are few, else windows of it.

Windows of one document are not independent: where a part has `least` documents or more, but fewer
than windows, the documents are the units, and a window that holds the end of one is cut there.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.lm.scoring import Window
from pipeline.lm.text import Document, PreparedText


@dataclass(frozen=True)
class Piece:
    """Symbols `start` to `stop` of a part, all of one window; of one document if documents are the
    units, else `document` is None."""

    window: int
    document: int | None
    start: int
    stop: int


def are_units(documents: int, windows: int, least: int) -> bool:
    """Whether so many documents are what is resampled, and not so many windows."""
    return least <= documents < windows


def pieces(spans: Sequence[Window], documents: Sequence[Document], least: int) -> list[Piece]:
    """The scored symbols of windows, cut at the starts of documents if those are the units."""
    if not spans:
        return []
    reached = [document for document in documents if document.start < spans[-1].stop]
    if not are_units(len(reached), len(spans), least):
        return [Piece(number, None, span.start, span.stop) for number, span in enumerate(spans)]
    starts = [document.start for document in reached]
    found = []
    for number, span in enumerate(spans):
        inside = [start for start in starts if span.start < start < span.stop]
        for start, stop in pairwise([span.start, *inside, span.stop]):
            found.append(Piece(number, bisect_right(starts, start) - 1, start, stop))
    return found


def whole(spans: Sequence[Window], documents: Sequence[Document], least: int) -> list[Window]:
    """What is resampled, as spans of scored symbols: each document, or each window."""
    found: dict[int, list[Piece]] = {}
    for piece in pieces(spans, documents, least):
        unit = piece.window if piece.document is None else piece.document
        found.setdefault(unit, []).append(piece)
    return [Window(unit[0].start, unit[0].start, unit[-1].stop) for unit in found.values()]


def document_at(text: PreparedText, part: str, places: Sequence[int]) -> list[int]:
    """The number of the document of a part at each place."""
    starts = [document.start for document in text.documents(part)]
    return [bisect_right(starts, place) - 1 for place in places]
