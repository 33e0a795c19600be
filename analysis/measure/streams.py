"""Streams that are measured beside those of `sample`: held-out text, samples taken in training."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.text import PreparedText


def line_starts(ids: NDArray, newline: int, at: Sequence[int]) -> list[int]:
    """For each place of a text (T,), that of the first line that starts there or after it.

    `newline` is the symbol that ends a line. T where no line starts after a place.
    """
    starts = np.flatnonzero(np.asarray(ids) == newline) + 1
    found = np.searchsorted(starts, at)
    return [int(starts[i]) if i < len(starts) else len(ids) for i in found]


class HeldOut(NamedTuple):
    """A stream of real text, and the place in the test part that it was cut from."""

    text: bytes
    start: int


def held_out(text: PreparedText, symbols: int, streams: int) -> list[HeldOut]:
    """The floor: real text in streams as long as those of a sample of `symbols` in `streams`, as
    many of them as the test part has; one that is shorter if it is.

    Evenly spread over the test part, each from the start of a line on, as samples go on from the
    end of one. Whatever depends on the length of a stream is so the same on both sides.
    """
    part, length = text.part("test"), max(1, symbols // streams)
    newline = int(text.vocabulary.encode(b"\n")[0])
    count = max(1, min(streams, len(part) // length))
    found: list[HeldOut] = []
    start = 0
    for number in range(count):
        if number:
            place = max(start + length, number * len(part) // count)
            (start,) = line_starts(part, newline, [place])
            if start + length > len(part):
                break
        found.append(HeldOut(text.vocabulary.decode(part[start : start + length]), start))
    return found
