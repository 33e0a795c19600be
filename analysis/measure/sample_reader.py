"""Texts to rows of structure.tsv: parsers of the kind of text, copying by the index, the judge."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.measure import memorization
from analysis.measure.judge import Judge
from analysis.measure.streams import HeldOut, line_starts
from analysis.measure.units import are_units, document_at
from analysis.structure.events import Measure
from analysis.structure.kinds import Parsers
from analysis.structure.sandbox import parallel
from pipeline.config.settings import Measure as Settings
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.scoring import fitting_window
from pipeline.lm.text import PreparedText

REACH = 0.1
"""Of a window, that an edge is moved at most."""


def window_edges(ids: NDArray, size: int, newline: int) -> list[int]:
    """Edges of windows of `size` symbols, each moved on to the next start of a line if that is
    near, so that windows are as long in every source, whatever its lines are. What is left over, no
    whole window, is left out; a text shorter than a window is one, without its last line, as its
    end may have cut it, unless that is most of it.
    """
    line_ends = np.flatnonzero(np.asarray(ids) == newline) + 1
    last = int(line_ends[-1]) if len(line_ends) else 0
    if len(ids) < size:
        return sorted({0, last if len(ids) - last < last else len(ids)})
    places = range(size, len(ids) + 1, size)
    lines = line_starts(ids, newline, places)
    near = [min(place + int(size * REACH), last) for place in places]
    return [0, *(line if line <= end else place
                 for place, line, end in zip(places, lines, near, strict=True))]  # fmt: skip


class SampleReader:
    """Reads the streams of a source window by window.

    The size of windows is that of the settings, or what gives enough of them in the test part: the
    same for every source of a text, as some metrics depend on it.
    """

    def __init__(
        self, text: PreparedText, parsers: Parsers, judge: Judge, settings: Settings
    ) -> None:
        self.text, self.parsers, self.judge, self.settings = text, parsers, judge, settings
        self.newline = int(text.vocabulary.encode(b"\n")[0])
        self.index = SuffixIndex.build(text.part("train"), text.vocabulary.size)
        self.size = fitting_window(
            len(text.part("test")), settings.structure_window, settings.least_structure_windows
        )

    def rows(self, source: str, streams: Sequence[bytes]) -> list[dict[str, Any]]:
        """The rows of the samples of a model: what is resampled are the streams, or, where there
        are very many, as many next to each other as leave `most_units`."""
        together = -(-len(streams) // self.settings.most_units)
        units = [number // together for number in range(len(streams))]
        judged = self.judge.of_streams(streams)
        return self._summed(source, self._measures(streams, judged), units)

    def held_out_rows(self, source: str, streams: Sequence[HeldOut]) -> list[dict[str, Any]]:
        """The rows of held-out text: what is resampled are its documents, where they are few, else
        the windows."""
        documents = document_at(self.text, "test", [stream.start for stream in streams])
        number = len(self.text.documents("test"))
        texts = [stream.text for stream in streams]
        found = self._measures(texts, self.judge.of_real(texts))
        if are_units(number, len(streams), self.settings.least_documents):
            return self._summed(source, found, documents, documents=True)
        return self._summed(source, found, None)

    def _summed(
        self,
        source: str,
        found: Iterable[tuple[int, int, Measure]],
        units: Sequence[int] | None,
        documents: bool = False,
    ) -> list[dict[str, Any]]:
        """Rows of structure.tsv, a row a unit and metric: `units` is that of each stream, None if
        each window is one. What nothing was seen of has one row, of no exposure."""
        sums: dict[tuple[int, str], Measure] = {}
        names: dict[str, Measure] = {}
        for stream, window, measure in found:
            unit = window if units is None else units[stream]
            before = sums.get((unit, measure.name), measure._replace(events=0, exposure=0))
            sums[unit, measure.name] = measure._replace(
                events=before.events + measure.events, exposure=before.exposure + measure.exposure
            )
            names.setdefault(measure.name, measure)
        seen = {name for (_, name), measure in sums.items() if measure.exposure}
        rows = [
            structure_row(source, unit, measure, unit if documents else None)
            for (unit, _), measure in sums.items()
            if measure.exposure
        ]
        nothing = [measure for name, measure in names.items() if name not in seen]
        return rows + [structure_row(source, 0, m._replace(events=0)) for m in nothing]

    def _measures(
        self, streams: Sequence[bytes], judged: Sequence[list[Measure]]
    ) -> Iterator[tuple[int, int, Measure]]:
        """Stream, window and measure, of every window; windows never cross streams. What only
        whole streams show, as what they were `judged`, stands at the first window of each."""
        ids = [self.text.vocabulary.encode(stream) for stream in streams]
        edges = [window_edges(stream, self.size, self.newline) for stream in ids]
        texts = [
            self.text.vocabulary.decode(stream[start:stop])
            for stream, places in zip(ids, edges, strict=True)
            for start, stop in pairwise(places)
        ]
        parsed = enumerate(parallel(self.parsers.of_window, texts))
        whole = map(add, self.parsers.of_streams(streams), judged)
        for number, (stream, places, more) in enumerate(zip(ids, edges, whole, strict=True)):
            lengths = self.settings.copy_lengths
            for copied in memorization.measure(stream, self.index, lengths, places):
                window, measures = next(parsed)
                for measure in [*copied, *measures, *more]:
                    yield number, window, measure
                more = []


def structure_row(
    source: str, window: int, measure: Measure, document: int | None = None
) -> dict[str, Any]:
    """A row of structure.tsv."""
    return {
        "source": source,
        "window": window,
        "document": document,
        "metric": measure.name,
        "events": measure.events,
        "exposure": measure.scaled_exposure,
        "unit": measure.unit,
    }
