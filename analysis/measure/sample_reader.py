"""Texts to rows of structure.tsv: parsers of the kind of text, and copying by the index."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.measure import memorization
from analysis.measure.streams import line_starts
from analysis.structure.events import Measure
from analysis.structure.kinds import Parsers
from analysis.structure.sandbox import parallel
from pipeline.config.settings import Measure as Settings
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.text import PreparedText


def window_edges(ids: NDArray, size: int, newline: int) -> list[int]:
    """Edges of windows of `size` symbols, each moved on to the next start of a line.

    A text starts with a line. An edge stays where it is if no line starts before the next one. The
    text's last line is left out, as its end may have cut it, unless it is longer than a window or
    than all before it.
    """
    line_ends = np.flatnonzero(np.asarray(ids) == newline) + 1
    last = int(line_ends[-1]) if len(line_ends) else 0
    end = last if len(ids) - last < min(size, last) else len(ids)
    places = list(range(size, end, size))
    moved = zip(places, line_starts(ids, newline, places), strict=True)
    return sorted({0, *(line if line < place + size else place for place, line in moved), end})


class SampleReader:
    """Reads the streams of a source window by window."""

    def __init__(self, text: PreparedText, parsers: Parsers, settings: Settings) -> None:
        self.text, self.parsers, self.settings = text, parsers, settings
        self.newline = int(text.vocabulary.encode(b"\n")[0])
        self.index = SuffixIndex.build(text.part("train"), text.vocabulary.size)

    def rows(self, source: str, streams: Sequence[bytes]) -> Iterator[dict[str, Any]]:
        """A row a metric and window; windows never cross streams.

        What only whole streams show has a row a stream, at its first window.
        """
        ids = [self.text.vocabulary.encode(stream) for stream in streams]
        size, lengths = self.settings.structure_window, self.settings.copy_lengths
        edges = [window_edges(stream, size, self.newline) for stream in ids]
        texts = [
            self.text.vocabulary.decode(stream[start:stop])
            for stream, places in zip(ids, edges, strict=True)
            for start, stop in pairwise(places)
        ]
        parsed = enumerate(parallel(self.parsers.of_window, texts))
        of_streams = self.parsers.of_streams(streams)
        for stream, places, whole in zip(ids, edges, of_streams, strict=True):
            for copied in memorization.measure(stream, self.index, lengths, places):
                window, measures = next(parsed)
                for measure in [*copied, *measures, *whole]:
                    yield structure_row(source, window, measure)
                whole = []


def structure_row(source: str, window: int, measure: Measure) -> dict[str, Any]:
    """A row of structure.tsv."""
    return {
        "source": source,
        "window": window,
        "metric": measure.name,
        "events": measure.events,
        "exposure": measure.scaled_exposure,
        "unit": measure.unit,
    }
