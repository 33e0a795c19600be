"""What the page of one run's cells shows of the text: what every cell holds, what models expect.

Shapes: T symbols, C cells, K likeliest symbols.
"""

import string
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells.features import Values, begins
from analysis.cells.predictions import Predictions
from analysis.cells.reading import Reading, Settings
from analysis.cells.search import cell_scores, halves
from pipeline.lm.sources import TRAINED
from pipeline.lm.vocabulary import Vocabulary

LEVELS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+"
"""A character for each of the levels from -1 to 1: what the page's script reads."""
VISIBLE = {"\n": "↵", "\t": "⇥", "\r": "←"}
SHOWN = {ord(symbol): shown for symbol, shown in VISIBLE.items()}
PER_MILLE = 1000


@dataclass(frozen=True)
class Findings:
    """What `analysis.cells` found in one run."""

    about: dict[str, Any]
    """cells.json"""
    vocabulary: Vocabulary
    reading: Reading
    shown: NDArray[np.float32]
    """(T, C) of the trained network."""
    features: dict[str, Values]
    cells: pd.DataFrame
    """cells.tsv"""
    predictions: dict[str, Predictions]


def label(symbol: bytes) -> str:
    """A symbol as visible characters, or the hexadecimal digits of its bytes."""
    try:
        text = symbol.decode().translate(SHOWN)
    except UnicodeDecodeError:
        return symbol.hex().upper()
    return text if text.isprintable() else symbol.hex().upper()


def quantised(values: NDArray) -> list[str]:
    """Values in -1 to 1, (n, C), as a string of n of `LEVELS` for each of C."""
    middle = len(LEVELS) // 2
    codes = np.frombuffer(LEVELS.encode(), np.uint8)
    levels = np.rint(np.asarray(values) * middle).astype(int) + middle
    return [codes[column].tobytes().decode() for column in levels.T]


def busiest(features: dict[str, Values], size: int, within: slice) -> slice:
    """The stretch of `size` symbols in which most features begin somewhere; the first of those."""
    size = min(size, within.stop - within.start)
    seen: Any = 0
    for values in features.values():
        counts = np.concatenate([[0], begins(values)[within].cumsum()])
        seen = seen + (counts[size:] > counts[:-size])
    start = within.start + int(np.argmax(seen))
    return slice(start, start + size)


def most_varied(values: Values, size: int, within: slice) -> slice:
    """The stretch of `size` symbols in which a feature varies most, whatever any cell does; of
    equally good neighbours the one in the middle."""
    size = min(size, within.stop - within.start)
    filled = np.nan_to_num(np.asarray(values[within], float))
    sums = [np.concatenate([[0], power.cumsum()]) for power in (filled, filled**2)]
    mean, square = ((total[size:] - total[:-size]) / size for total in sums)
    variance = square - mean**2
    first = int(np.argmax(variance))
    as_good = np.isclose(variance[first:], variance[first])
    count = int(np.argmin(as_good)) if not as_good.all() else len(as_good)
    start = within.start + first + count // 2
    return slice(start, start + size)


def strips(findings: Findings, size: int) -> list[dict[str, Any]]:
    """The best trained cell of each feature (`row` of cells.tsv), where the feature varies most in
    the second half: of each symbol its label, the cell's value, whether the feature holds."""
    report = halves(len(findings.shown))[1]
    found = []
    for row in findings.about["best"]:
        if row["network"] == TRAINED:
            some = most_varied(findings.features[row["feature"]], size, report)
            unit = (row["layer"] - 1) * findings.about["hidden"] + row["cell"] - 1
            found.append(
                {
                    "row": row,
                    "labels": labels(findings, findings.reading.symbols[some]),
                    "values": findings.shown[some, unit].astype(float).round(2).tolist(),
                    "inside": _holds(findings.features[row["feature"]][some]),
                }
            )
    return found


def _holds(values: Values) -> list[bool]:
    """Where a yes-or-no feature holds, or one of degree is told from elsewhere."""
    if values.dtype == bool:
        return values.tolist()
    defined = ~np.isnan(values)
    return (defined & ~defined.all()).tolist()


def labels(findings: Findings, ids: NDArray) -> list[str]:
    """The labels of symbols."""
    return [label(findings.vocabulary.decode(ids[i : i + 1])) for i in range(len(ids))]


def script_data(findings: Findings, some: slice, at_once: int) -> dict[str, Any]:
    """What the page's script shows of a stretch of text, `at_once` symbols of it at a time."""
    ids = findings.reading.symbols[some]
    shown = {source: asked[some] for source, asked in findings.predictions.items()}
    known = max(findings.vocabulary.size, int(ids.max()) + 1)
    cells = quantised(findings.shown[some])
    hidden = findings.about["hidden"]
    return {
        "levels": LEVELS,
        "symbols": labels(findings, np.arange(known)),
        "text": ids.tolist(),
        "line_break": VISIBLE["\n"],
        "at_once": at_once,
        "layers": [cells[first : first + hidden] for first in range(0, len(cells), hidden)],
        "models": [{"source": source, **_expected(asked)} for source, asked in shown.items()],
    }


def _expected(asked: Predictions) -> dict[str, Any]:
    """Predictions of one model for the script: ids and chances per mille, K of each for each
    symbol, and the bits that the symbol coming next costs; null if it was not possible."""
    with np.errstate(divide="ignore"):
        bits = -np.log2(asked.true)
    return {
        "ids": asked.symbols.ravel().tolist(),
        "chances": np.rint(asked.probabilities * PER_MILLE).astype(int).ravel().tolist(),
        "bits": [round(cost, 2) if np.isfinite(cost) else None for cost in bits.tolist()],
    }


def view(findings: Findings, settings: Settings) -> dict[str, Any]:
    """All that the page shows besides cells.json and confidence.tsv: `script`, what its script
    reads; `features`, whether each is one of degree and where (`at`) it first begins in the text
    that the script shows; `strips`; `scores`, the best of each cell, by network."""
    report = halves(len(findings.shown))[1]
    some = busiest(findings.features, settings.page_symbols, report)
    scores = cell_scores(findings.cells).groupby("network")
    features = {}
    for name, values in findings.features.items():
        places = np.flatnonzero(begins(values[some]))
        at = int(places[0]) if len(places) else None
        features[name] = {"of_degree": values.dtype != bool, "at": at}
    return {
        "script": script_data(findings, some, settings.symbols_at_once),
        "features": features,
        "strips": strips(findings, settings.strip_symbols),
        "scores": {str(name): rows["score"].tolist() for name, rows in scores},
    }
