"""The page of one run's cells: the text with what models expect next, coloured by any cell.

The page carries its data with it. Text is data there, never markup: JSON with `<` escaped, shown by
textContent.
"""

import argparse
from pathlib import Path
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from omegaconf import DictConfig

from analysis.report.pages import write
from analysis.report.plots import cells as cell_figures
from analysis.report.plots.cells import Strip
from analysis.results.reader import NotRunError, Results
from pipeline import console
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write
from pipeline.lm.sources import TRAINED, UNTRAINED, label

STEPS = 100
"""Shades of a strip's colours, each a class: pages have no style of their own in an element."""


def feature_rows(about: dict[str, Any], features: dict[str, Any]) -> list[dict[str, Any]]:
    """The page's table: each feature with its best cell, and the untrained network's.

    `at` is where it first begins in the stretch of text that the script shows, if it does.
    """
    floors = {r["feature"]: r for r in about["best"] if r["network"] == UNTRAINED}
    counts = about["counts"][TRAINED]
    rows = []
    for row in about["best"]:
        if row["network"] == TRAINED:
            feature = row["feature"]
            of_degree = features[feature]["of_degree"]
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
                    "at": features[feature]["at"],
                    "times": about["occurrences"][feature],
                }
            )
    return rows


def _in_words(row: dict[str, Any], half: str, of_degree: bool) -> float:
    """A score as |rho| or AUC, turned as the first half says."""
    score = row[half] if row["fit"] > 0 else -row[half]
    return score if of_degree else (1 + score) / 2


def script_data(shown: dict[str, Any]) -> str:
    """What the page's script reads, the models by their names for readers."""
    models = [{"name": label(model.pop("source")), **model} for model in shown["models"]]
    return htmlsafe_json_dumps({**shown, "models": models}, separators=(",", ":"))


def write_page(config: DictConfig, run: str) -> Path:
    """The page and its figures' files; returns the page's path."""
    results = Results.of(config).run(run)
    about, reports = results.cells(), results.paths.reports
    title, path = config.corpora[about["corpus"]].title, reports / "pages" / f"{run}-cells.html"
    (reports / "figures" / f"{run}-cells").mkdir(parents=True, exist_ok=True)
    if "reason" in about:
        write(path, "no_cells.html", {"scale": config.scale, "title": title, "about": about})
        return path
    shown = results.cell_view()
    least = about["settings"]["interpretable"]
    strips = [Strip(**strip) for strip in shown["strips"]]
    pictures = {
        "scores": cell_figures.score_curves(shown["scores"], least),
        "confidence": cell_figures.confidence(results.own_table("confidence")),
        "strips": cell_figures.strips(strips),
    }
    occurrences = about["occurrences"].items()
    content = {
        "scale": config.scale,
        "title": title,
        "about": about,
        "rows": feature_rows(about, shown["features"]),
        "left_out": {name: n for name, n in occurrences if name not in shown["features"]},
        "strips": strips,
        "line_break": shown["script"]["line_break"],
        "pictures": pictures,
        "data": script_data(shown["script"]),
        "steps": STEPS,
    }
    for name, picture in pictures.items():
        with atomic_write(reports / "figures" / f"{run}-cells" / f"{name}.png") as file:
            file.write(picture.png)
    write(path, "cells.html", content)
    return path


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report.cells_page", description=__doc__
    )
    parser.add_argument("run", help="an experiment of the params file")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    config = params.load(params.params_file(arguments))
    try:
        print(write_page(config, arguments.run))
    except NotRunError as reason:
        raise InputError(f"no page of cells yet, {reason}: run dvc repro") from reason


if __name__ == "__main__":
    console.run(main)
