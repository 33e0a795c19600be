"""Scoring a text by any language model: the one loop of the project.

A text is scored in windows, all of them in parallel, each after `context` symbols of the text
before it that are read and not scored. So a model is scored at full context length at
a bounded cost, and the windows are what the bootstrap resamples. Every model reads the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.protocol import LanguageModel, LogProbs


@dataclass(frozen=True)
class Window:
    """Symbols `start` to `stop` of a text are scored after reading from `read` on."""

    read: int
    start: int
    stop: int


@dataclass(frozen=True)
class WindowScore:
    """Cross-entropy sums of one window.

    nats: minus the natural log-probability of the symbols that are possible, summed over
    `symbols` of them; impossible: symbols of probability zero; unseen: symbols outside the
    vocabulary, which no model predicts and nothing else counts.
    """

    symbols: int
    nats: float
    impossible: int
    unseen: int


def fitting_window(length: int, window: int, least: int) -> int:
    """Symbols of a window: fewer where a short text would give less than `least` windows."""
    return min(window, max(1, length // least))


def windows(length: int, window: int, context: int) -> list[Window]:
    """Windows over a text of `length` symbols; its first symbol has no prediction."""
    edges = [*range(1, length, window), length]
    return [
        Window(max(0, start - max(context, 1)), start, stop)
        for start, stop in pairwise(edges)
        if start < stop
    ]


def walk(
    model: LanguageModel, text: NDArray, spans: list[Window]
) -> Iterator[tuple[NDArray, NDArray, LogProbs]]:
    """Step through all windows side by side.

    Yields, for each position reached, which of the windows are there (k,), the position of the
    predicted symbol in the text for each (k,), and its distributions (k, V).
    """
    # The longest first, so that those still running are always the first k rows of the state.
    order = sorted(range(len(spans)), key=lambda i: spans[i].read - spans[i].stop)
    reads = np.array([spans[i].read for i in order])
    lengths = np.array([spans[i].stop - spans[i].read - 1 for i in order])
    starts = np.array([spans[i].start for i in order])
    state: Any = model.start(len(order))
    for t in range(int(lengths.max(initial=0))):
        running = int((lengths > t).sum())
        padded = np.minimum(reads + t, len(text) - 1)
        log_probs, state = model.step(state, np.asarray(text[padded]))
        target = reads[:running] + t + 1
        scored = np.flatnonzero(target >= starts[:running])
        if len(scored):
            yield np.array(order)[scored], target[scored], log_probs[scored]


def symbol_log_probs(model: LanguageModel, text: NDArray, spans: list[Window]) -> NDArray:
    """The log-probability of every scored symbol, at its position in the text (T,); NaN elsewhere
    and for symbols outside the vocabulary."""
    found = np.full(len(text), np.nan)
    if hasattr(model, "symbol_log_probs"):
        for span in spans:
            scores = model.symbol_log_probs(np.asarray(text[span.read : span.stop]))
            found[span.start : span.stop] = scores[span.start - span.read - 1 :]
    else:
        for _, target, log_probs in walk(model, text, spans):
            symbols = np.minimum(text[target], model.size - 1)
            found[target] = log_probs[np.arange(len(target)), symbols]
    found[np.asarray(text) >= model.size] = np.nan
    return found


def score(
    model: LanguageModel, text: NDArray, window: int, context: int
) -> list[tuple[Window, WindowScore]]:
    """Cross-entropy of a text (T,), window by window."""
    spans = windows(len(text), window, context)
    found = symbol_log_probs(model, text, spans)
    return [(span, summed(found[span.start : span.stop])) for span in spans]


def summed(values: NDArray) -> WindowScore:
    """The score of symbols of these log-probabilities (T,), as `symbol_log_probs` gives them."""
    known = values[~np.isnan(values)]
    possible = known[np.isfinite(known)]
    return WindowScore(
        symbols=len(possible),
        nats=float(-possible.sum()),
        impossible=len(known) - len(possible),
        unseen=len(values) - len(known),
    )
