"""The page of one run's cells: the text with what models expect next, coloured by any cell.

The page carries its data with it. Text is data there, never markup: JSON with `<` escaped, shown by
textContent. Shapes: T symbols, C cells, K likeliest symbols.
"""

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2.utils import htmlsafe_json_dumps
from numpy.typing import NDArray
from omegaconf import DictConfig

from analysis.cells.features import Values, begins
from analysis.cells.predictions import Predictions
from analysis.cells.reading import Reading, Settings
from analysis.cells.search import cell_scores, halves
from analysis.report.pages import environment
from analysis.report.plots import cells as cell_figures
from analysis.report.plots.cells import Strip
from pipeline.config.paths import Paths
from pipeline.lm import sources
from pipeline.lm.io.files import atomic_write
from pipeline.lm.sources import TRAINED, UNTRAINED
from pipeline.lm.vocabulary import Vocabulary

LEVELS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+"
"""A character for each of the levels from -1 to 1: what the page's script reads."""
VISIBLE = {"\n": "↵", "\t": "⇥", "\r": "←"}
SHOWN = {ord(symbol): shown for symbol, shown in VISIBLE.items()}
PER_MILLE = 1000
STEPS = 100
"""Shades of a strip's colours, each a class: pages have no style of their own in an element."""


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
    confidence: pd.DataFrame
    """confidence.tsv"""


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


def strips(findings: Findings, size: int) -> list[Strip]:
    """The best trained cell of each feature, where the feature varies most in the second half."""
    report = halves(len(findings.shown))[1]
    found = []
    for row in findings.about["best"]:
        if row["network"] == TRAINED:
            some = most_varied(findings.features[row["feature"]], size, report)
            unit = (row["layer"] - 1) * findings.about["hidden"] + row["cell"] - 1
            found.append(
                Strip(
                    row,
                    labels(findings, findings.reading.symbols[some]),
                    findings.shown[some, unit].astype(float).round(2),
                    _holds(findings.features[row["feature"]][some]),
                )
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
        "models": [
            {"name": sources.label(source), **_expected(asked)} for source, asked in shown.items()
        ],
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


def feature_rows(findings: Findings, some: slice) -> list[dict[str, Any]]:
    """The page's table: each feature with its best cell, and the untrained network's.

    `at` is where it first begins in the stretch of text that the script shows, if it does.
    """
    floors = {r["feature"]: r for r in findings.about["best"] if r["network"] == UNTRAINED}
    counts = findings.about["counts"][TRAINED]
    rows = []
    for row in findings.about["best"]:
        if row["network"] == TRAINED:
            feature = row["feature"]
            of_degree = findings.features[feature].dtype != bool
            places = np.flatnonzero(begins(findings.features[feature][some]))
            fit, report = (_in_words(row, half, of_degree) for half in ("fit", "report"))
            rows.append(
                {
                    **row,
                    "measure": "ρ" if of_degree else "AUC",
                    "high": row["fit"] > 0,
                    "fit": fit,
                    "report": report,
                    "floor": _in_words(floors[feature], "report", of_degree),
                    "threshold": row["threshold"] if of_degree else (1 + row["threshold"]) / 2,
                    "cells": counts[feature]["interpretable"],
                    "at": int(places[0]) if len(places) else None,
                    "times": findings.about["occurrences"][feature],
                }
            )
    return rows


def _in_words(row: dict[str, Any], half: str, of_degree: bool) -> float:
    """A score as |rho| or AUC, turned as the first half says."""
    score = row[half] if row["fit"] > 0 else -row[half]
    return score if of_degree else (1 + score) / 2


def write_view(config: DictConfig, run: str, findings: Findings, settings: Settings) -> Path:
    """The page and its figures' files; returns the page's path."""
    reports = Paths.of(config).reports
    report = halves(len(findings.shown))[1]
    some = busiest(findings.features, settings.page_symbols, report)
    found = strips(findings, settings.strip_symbols)
    scores = cell_scores(findings.cells)
    pictures = {
        "scores": cell_figures.score_curves(scores, settings.interpretable),
        "confidence": cell_figures.confidence(findings.confidence),
        "strips": cell_figures.strips(found),
    }
    content = {
        "scale": config.scale,
        "title": config.corpora[findings.about["corpus"]].title,
        "about": findings.about,
        "rows": feature_rows(findings, some),
        "left_out": left_out(findings),
        "strips": found,
        "line_break": VISIBLE["\n"],
        "pictures": pictures,
        "data": htmlsafe_json_dumps(
            script_data(findings, some, settings.symbols_at_once), separators=(",", ":")
        ),
        "steps": STEPS,
    }
    path = reports / "pages" / f"{run}-cells.html"
    with atomic_write(path, "w") as file:
        file.write(environment().get_template("cells.html").render(content))
    for name, picture in pictures.items():
        with atomic_write(reports / "figures" / f"{run}-cells" / f"{name}.png") as file:
            file.write(picture.png)
    return path


def left_out(findings: Findings) -> dict[str, int]:
    """Features too rare to search for, with how often they occur."""
    return {
        name: times
        for name, times in findings.about["occurrences"].items()
        if name not in findings.features
    }
