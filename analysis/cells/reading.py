"""A network reading held-out text: which symbols count, and what every cell shows after each.

Shapes: T symbols, C cells of all layers together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import prev_fast_len

from pipeline.config.rules import COUNT, POSITIVE_FINITE, SHARE, check
from pipeline.lm.rnn.activations import CHUNK, activation_chunks
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.scoring import Window


class NothingToReadError(Exception):
    """Cells have nothing to follow in a text; the message says why."""


@dataclass
class Settings:
    """conf/cells.yaml says what each value means."""

    symbols: int
    streams: int
    level: float
    least_shift: float
    least_occurrences: int
    resolution: float
    interpretable: float
    features: dict[str, list[str]]
    classes: list[str]
    edges: list[float]
    ngram_orders: list[int]
    likeliest: int
    page_symbols: int
    symbols_at_once: int
    strip_symbols: int

    def __post_init__(self) -> None:
        check(self, "cells", COUNT, "symbols", "streams", "least_occurrences", "ngram_orders")
        check(self, "cells", COUNT, "likeliest", "page_symbols", "symbols_at_once", "strip_symbols")
        check(self, "cells", SHARE, "level", "least_shift", "interpretable", "edges")
        check(self, "cells", POSITIVE_FINITE, "resolution")


@dataclass(frozen=True)
class Reading:
    """A text read in parallel streams of equal length that follow one another in it."""

    ids: NDArray
    """(context + T + 1,) symbols: those read before, those that count, and the one after."""
    context: int
    streams: int

    @classmethod
    def of(cls, part: NDArray, symbols: int, streams: int, context: int) -> "Reading":
        """As much of a part as is wanted, or as it has."""
        context = min(context, len(part) // 2)
        length = min(symbols, len(part) - context - 1) // streams
        if length < 2:
            raise NothingToReadError(
                f"The test part has {len(part)} symbols, too few for {streams} streams: use a "
                "longer text, or a smaller cells.streams."
            )
        length = prev_fast_len(length, real=True)  # for the transforms of the permutation test
        return cls(np.asarray(part[: context + length * streams + 1]), context, streams)

    @property
    def counted(self) -> slice:
        """The T symbols within `ids`."""
        return slice(self.context, len(self.ids) - 1)

    @property
    def symbols(self) -> NDArray:
        """(T,) ids."""
        return self.ids[self.counted]

    @property
    def following(self) -> NDArray:
        """(T,) ids that come next."""
        return self.ids[self.context + 1 :]

    @property
    def streams_of(self) -> NDArray[np.int64]:
        """(T,) the stream of each symbol."""
        return np.arange(len(self.symbols)) // (len(self.symbols) // self.streams)

    @property
    def spans(self) -> list[Window]:
        """The streams as windows of `ids`."""
        length = len(self.symbols) // self.streams
        starts = range(self.context, len(self.ids) - 1, length)
        return [Window(start - self.context, start, start + length) for start in starts]


def cell_values(
    network: RecurrentNetwork, reading: Reading, resolution: float
) -> NDArray[np.float32]:
    """What every cell shows after each symbol, (T, C), layer by layer: tanh(c) of an LSTM, else h.

    Between -1 and 1, in steps of `resolution`: finer differences would not be seen.
    """
    ids = np.stack([reading.ids[span.read : span.stop] for span in reading.spans], axis=1)
    shape = (len(ids), reading.streams, len(network.layers), network.hidden)
    values = np.empty(shape, np.float32)
    read = 0
    for layers in activation_chunks(network, ids, max(1, CHUNK // reading.streams)):
        some = slice(read, read + len(layers[0].h))
        for number, layer in enumerate(layers):
            shown = layer.h if layer.c is None else np.tanh(layer.c)
            values[some, :, number] = np.rint(shown / resolution) * resolution
        read = some.stop
    return values[reading.context :].swapaxes(0, 1).reshape(len(reading.symbols), -1)
