"""Which single cells of a network follow a feature of the text (claim P14).

A cell's score on a feature lies between -1 and 1: for a yes-or-no feature the rank-biserial
correlation, 2 AUC - 1, for a degree Spearman's rho. The first half of the text chooses the sign,
the second reports. Shapes: T symbols, n symbols of a half, C cells.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.stats import rankdata

from analysis.cells.features import Values, begins

CELLS_AT_ONCE = 32
"""Bounds the memory, changes no figure."""

SYMBOLS_AT_ONCE = 1 << 14
"""Likewise."""

COLUMNS = ["cell", "feature", "fit", "report", "threshold"]


def halves(length: int) -> tuple[slice, slice]:
    """The part of a text that fits and the part that reports."""
    return slice(0, length // 2), slice(length // 2, length)


def rarest_half(values: Values) -> int:
    """Occurrences of a feature in the half that has fewer; 0 if it never changes in one."""
    parts = [values[half][~np.isnan(values[half])] for half in halves(len(values))]
    if any(len(np.unique(part)) < 2 for part in parts):
        return 0
    return min(int(begins(values[half]).sum()) for half in halves(len(values)))


def centred_ranks(values: NDArray) -> NDArray[np.float64]:
    """Ranks less their mean, along the last axis; ties share the mean of theirs."""
    return rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2


def factors(ranks: NDArray, values: Values) -> tuple[NDArray, NDArray]:
    """Two factors, (C, n) and (n,), whose product is the scores (C,) of cells on a feature.

    Args:
        ranks: (C, n) centred ranks of the cells.
        values: (n,) of the feature, none of them NaN.
    """
    if values.dtype == bool:
        positive = int(values.sum())
        return ranks, values * (2 / (positive * (len(values) - positive)))
    norms = np.linalg.norm(ranks, axis=1, keepdims=True)
    weights = centred_ranks(values)
    return ranks / np.where(norms > 0, norms, 1), weights / np.linalg.norm(weights)


def shifted_maxima(ranks: NDArray, weights: NDArray, least_shift: float) -> NDArray[np.float64]:
    """The largest |score| of any cell with the feature shifted in a circle, by every distance
    from `least_shift` to 1 - `least_shift` of the text: (shifts,).

    A shift keeps how feature and cells hang together in time, and breaks what links the two. All
    shifts at once by the convolution theorem, in single precision.
    """
    n = len(weights)
    first = max(1, round(least_shift * n))
    spectrum = rfft(ranks.astype(np.float32)) * np.conj(rfft(weights.astype(np.float32)))
    return np.abs(irfft(spectrum, n)[:, first : n - first + 1]).max(0).astype(float)


def search(
    cells: NDArray, features: dict[str, Values], level: float, least_shift: float
) -> pd.DataFrame:
    """Every cell's scores on every feature: columns `COLUMNS`, cells counted from 0.

    Args:
        cells: (T, C) what the cells hold after each symbol.
        features: values (T,) of each, present in both halves: see `rarest_half`.
        level: of the thresholds, over all C cells and F features together: that of a feature is
            the 1 - (1 - level) / F quantile of `shifted_maxima` in the half that reports.
        least_shift: share of the text.
    """
    count = cells.shape[1]
    scores = {name: np.empty((2, count)) for name in features}
    null: dict[str, NDArray] = {}
    for first in range(0, count, CELLS_AT_ONCE):
        some = slice(first, first + CELLS_AT_ONCE)
        for part, half in enumerate(halves(len(cells))):
            held = np.ascontiguousarray(cells[half, some].T)
            ranks = centred_ranks(held)
            for name, values in features.items():
                kept = ~np.isnan(values[half])
                mine = ranks if kept.all() else centred_ranks(held[:, kept])
                left, right = factors(mine, values[half][kept])
                scores[name][part, some] = left @ right
                if part == 1:
                    maxima = shifted_maxima(left, right, least_shift)
                    null[name] = np.maximum(null.get(name, 0.0), maxima)
    quantile = 1 - (1 - level) / max(1, len(features))
    rows = [
        pd.DataFrame(
            {
                "cell": range(count),
                "feature": name,
                "fit": fit,
                "report": report,
                "threshold": np.quantile(null[name], quantile, method="higher"),
            }
        )
        for name, (fit, report) in scores.items()
    ]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)


def rotated(cells: NDArray, resolution: float, seed: int) -> NDArray[np.float32]:
    """What cells (T, C) show along random directions of their space: turned by a random rotation.

    Whatever is read off many cells together stays; that single ones follow a feature does not.
    """
    count = cells.shape[1]
    gaussian = np.random.default_rng(seed).standard_normal((count, count))
    turn = np.linalg.qr(gaussian)[0].astype(np.float32)
    found = np.empty(cells.shape, np.float32)
    for first in range(0, len(cells), SYMBOLS_AT_ONCE):
        some = slice(first, first + SYMBOLS_AT_ONCE)
        found[some] = np.rint(cells[some] @ turn / resolution) * resolution
    return found


def held_score(table: pd.DataFrame) -> pd.Series:
    """What a score amounts to in both halves: the smaller |score|, 0 where the signs differ."""
    same = table["fit"] * table["report"] > 0
    return table[["fit", "report"]].abs().min(axis=1).where(same, 0.0)


def above_threshold(table: pd.DataFrame) -> pd.Series:
    """Whether a row's score in the reporting half passes the feature's threshold, with the sign
    that the fitting half has."""
    return (table["fit"] * table["report"] > 0) & (table["report"].abs() >= table["threshold"])


def best_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The row of each feature's best cell: the one whose |score| is largest in the half that
    fits, so that what the other half reports is not chosen by it."""
    order = table.assign(size=table["fit"].abs()).sort_values("size", kind="stable")
    return order.drop_duplicates("feature", keep="last").drop(columns="size").sort_index()


def cell_scores(table: pd.DataFrame) -> pd.DataFrame:
    """The best of each cell over all features, in both halves: columns network, layer, cell,
    score."""
    keys = ["network", "layer", "cell"]
    scored = table[keys].assign(score=held_score(table))
    return scored.groupby(keys, sort=False).max().reset_index()
