"""How much of a sample is copied from the training text.

Matching statistics say it exactly: for each symbol, how long a piece from there on occurs in the
training text. They are taken over a whole sample and cut in windows afterwards, so that a window's
edge shortens no copy. Shapes: T symbols of a sample.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.structure.events import CHARACTERS, SHARE, Measure
from pipeline.lm.protocol import Symbols


class TrainingText(Protocol):
    """An index of the training text, as `pipeline.lm.ngram.suffix_index.SuffixIndex`."""

    def matches(self, sequence: Symbols) -> NDArray[np.integer]:
        """(T,) for each i the largest L such that sequence[i : i + L] occurs in the text."""
        ...


def copied(matches: NDArray[np.integer], length: int) -> NDArray[np.bool_]:
    """(T,) whether each symbol lies in a verbatim copy of at least `length` symbols.

    Args:
        matches: (T,) matching statistics.
        length: shortest copy that counts.
    """
    starts = np.arange(len(matches))
    ends = np.where(matches >= length, starts + matches, 0)
    return np.maximum.accumulate(ends) > starts


def measure(
    sample: Symbols, training: TrainingText, lengths: Sequence[int], edges: Sequence[int]
) -> list[list[Measure]]:
    """The figures of each window of a sample.

    `match length` is the mean length of the longest match from each symbol; `copied at L` the
    share of symbols inside copies of at least L symbols; `novel at L` the share of the pieces of
    L symbols that the training text lacks; `longest copy` the longest match of the window.

    Args:
        sample: (T,) symbol ids, encoded as the training text.
        training: index of the training text.
        lengths: the values of L.
        edges: where windows start, ascending, and where the last one ends.
    """
    matches = np.asarray(training.matches(sample), np.int64)
    masks = {length: copied(matches, length) for length in lengths}
    return [_window(matches, masks, start, stop) for start, stop in pairwise(edges)]


def _window(
    matches: NDArray[np.int64], masks: dict[int, NDArray[np.bool_]], start: int, stop: int
) -> list[Measure]:
    here = matches[start:stop]
    figures = [
        Measure("match length", int(here.sum()), len(here), CHARACTERS),
        Measure("longest copy", int(here.max()), 1, CHARACTERS),
    ]
    for length, mask in masks.items():
        # Pieces that the sample's end cuts off are neither novel nor known.
        whole = here[: max(0, len(matches) - length + 1 - start)]
        copies = int(mask[start:stop].sum())
        figures += [
            Measure(f"copied at {length}", copies, len(here), SHARE),
            Measure(f"novel at {length}", int((whole < length).sum()), len(whole), SHARE),
        ]
    return figures
