"""What any model expects after each symbol, and how sure it is by what has been read (claim P15).

Shapes: T symbols, K likeliest next symbols, V symbols of the vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.cells.features import Values
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.scoring import Window, walk


@dataclass(frozen=True)
class Predictions:
    """After each symbol of a text: the K likeliest next ones, the likeliest first."""

    symbols: NDArray[np.int64]
    """(T, K) ids."""
    probabilities: NDArray[np.float64]
    """(T, K); NaN where the model was not asked."""
    true: NDArray[np.float64]
    """(T,) probability of the symbol that does come next; NaN for one outside the vocabulary."""

    def __getitem__(self, some: slice) -> "Predictions":
        return Predictions(self.symbols[some], self.probabilities[some], self.true[some])


def predict(
    model: LanguageModel, text: NDArray, spans: list[Window], likeliest: int
) -> Predictions:
    """Ask a model what comes after the symbols of the windows, all windows side by side.

    A window's `start` and `stop` are those of the symbols read, one before those predicted.
    """
    count = min(likeliest, model.size)
    found = Predictions(
        np.zeros((len(text), count), np.int64),
        np.full((len(text), count), np.nan),
        np.full(len(text), np.nan),
    )
    ahead = [Window(span.read, span.start + 1, span.stop + 1) for span in spans]
    for _, target, log_probs in walk(model, text, ahead):
        rows = np.arange(len(target))
        # Equally likely ones in order of id, so that the same page comes out every time.
        order = np.argsort(-log_probs, axis=1, kind="stable")[:, :count]
        found.symbols[target - 1] = order
        found.probabilities[target - 1] = np.exp(log_probs[rows[:, None], order])
        following = np.asarray(text[target], np.int64)
        true = np.exp(log_probs[rows, np.minimum(following, model.size - 1)])
        found.true[target - 1] = np.where(following < model.size, true, np.nan)
    return found


def confidence_rows(
    found: Predictions,
    following: NDArray,
    windows: NDArray,
    classes: dict[str, Values],
    edges: Sequence[float],
) -> Iterator[dict[str, Any]]:
    """How sure a model was after the symbols of each class: a row a class, window and bucket of
    the likeliest symbol's probability.

    Args:
        found: of T symbols.
        following: (T,) ids that come next.
        windows: (T,) number of each symbol's window, the unit of resampling.
        classes: (T,) bool of each.
        edges: ascending lower edges of the buckets, the first 0.

    Yields:
        class, window, least (the bucket's lower edge), symbols, and sums over them of the
        probability of the likeliest symbol and of whether it was right.
    """
    top = found.probabilities[:, 0]
    bucket = np.searchsorted(np.asarray(edges), top, side="right") - 1
    right = found.symbols[:, 0] == following
    groups = windows * len(edges) + bucket
    size = (int(windows.max(initial=-1)) + 1) * len(edges)
    for name, members in classes.items():
        sums = [
            np.bincount(groups[members], weights, size)
            for weights in (None, top[members], right[members].astype(float))
        ]
        for group in np.flatnonzero(sums[0]):
            window, place = divmod(int(group), len(edges))
            yield {
                "class": name,
                "window": window,
                "least": edges[place],
                "symbols": int(sums[0][group]),
                "probability": float(sums[1][group]),
                "right": int(sums[2][group]),
            }
