"""The page on what goes on inside networks: what they remember, their errors, small experiments."""

import argparse
from pathlib import Path
from typing import Any

from analysis.report.course_sections import sections
from analysis.report.pages import network_words, write
from analysis.report.plots import figures
from analysis.report.plots import inside as inside_figures
from analysis.report.plots import memory as memory_figures
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from analysis.statistics import Interval
from pipeline import console
from pipeline.config import params
from pipeline.lm.io.files import atomic_write

NAME = "inside"


def page_content(results: Results) -> dict[str, Any]:
    """Everything the page shows: each section as soon as its own result is there, else None."""
    parts = {"gradients": gradients, "memory": memory, "errors": errors}
    shown: dict[str, Any] = {}
    for name, part in parts.items():
        try:
            shown[name] = part(results)
        except NotRunError as reason:
            shown[name] = {"picture": None, "waits": reason}
    return {"scale": results.config.scale, **shown, "course": list(sections(results))}


def gradients(results: Results) -> dict[str, Any]:
    """How far back gradients reach."""
    found = results.gradients()
    decay = inside.gradient_decay(results)
    return found | {"picture": memory_figures.gradients(decay, gradient_words(results, found))}


def memory(results: Results) -> dict[str, Any]:
    """The memory tasks."""
    return {
        "settings": results.config.inside.memory_tasks,
        "rows": memory_rows(results),
        "picture": memory_figures.memory(inside.memory_errors(results)),
    }


def errors(results: Results) -> dict[str, Any]:
    """The errors of a small and a large network."""
    sizes = results.config.inside.sizes
    small, large = runs = [results.run(sizes[name]) for name in ("small", "large")]
    trained = {"small": small.training(), "large": large.training()}
    return {
        "title": large.title,
        "networks": {size: network_words(training) for size, training in trained.items()},
        "parameters": {size: training["parameters"] for size, training in trained.items()},
        "change": change_rows(small, large),
        "picture": errors_picture(runs),
    }


def gradient_words(results: Results, gradients: dict[str, Any]) -> str:
    """What the networks of the gradients' figure are."""
    settings = gradients["settings"]
    title = results.config.corpora[settings["corpus"]].title
    return (
        f"networks of {settings['layers']} layer and {settings['hidden']} units, trained alike on "
        f"{title}"
    )


def errors_picture(runs: list[RunResults]) -> figures.Picture:
    """The errors of some networks of one corpus beside those of its best KenLM model."""
    names = {run.name: network_words(run.training()) for run in runs}
    models = [*names, runs[-1].best_kenlm()]
    settings = runs[-1].config.inside.errors
    return inside_figures.errors(inside.errors_of_runs(runs), models, names, settings)


def memory_rows(results: Results) -> list[dict[str, Any]]:
    """Rows of the table of memory tasks: a task and cell; a cell a length."""
    table = inside.memory_errors(results)
    rows = []
    for (task, cell), mine in table.groupby(["task", "cell"], sort=False):
        by_length = mine.set_index("length").sort_index()
        rows.append(
            {
                "task": memory_figures.TASK_NAMES[task],
                "cell": cell.upper(),
                "cells": [Interval(*row) for row in by_length[inside_figures.COLUMNS].to_numpy()],
                "steps": by_length["steps"].mean(),
            }
        )
    return rows


def change_rows(small: RunResults, large: RunResults) -> list[dict[str, Any]]:
    """Rows of the table of errors by size: errors per 100 symbols, the difference, its share."""
    shares = inside.errors_of_runs([small, large]).set_index(["kind", "source"])
    change = inside.error_change(small, large).set_index("kind")
    return [
        {
            "kind": kind,
            "small": shares.loc[(kind, small.name), "errors"] * 100,
            "large": shares.loc[(kind, large.name), "errors"] * 100,
            "change": Interval(*row[inside_figures.COLUMNS]),
            "share": row["share"],
        }
        for kind, row in change.iterrows()
    ]


def pictures(content: dict[str, Any]) -> dict[str, figures.Picture]:
    """The figures of the page, by name."""
    own = {name: content[name]["picture"] for name in ("gradients", "memory", "errors")}
    own |= {section.name: section.picture for section in content["course"]}
    return {name: picture for name, picture in own.items() if picture}


def write_page(results: Results) -> Path:
    """The page and its figures."""
    content = page_content(results)
    path = results.paths.reports / "pages" / f"{NAME}.html"
    write(path, "inside.html", content)
    for name, picture in pictures(content).items():
        with atomic_write(results.paths.reports / "figures" / NAME / f"{name}.png") as file:
            file.write(picture.png)
    return path


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report.inside_page", description=__doc__
    )
    params.add_scale_options(parser)
    config = params.load(params.params_file(parser.parse_args()))
    print(write_page(Results.of(config)))


if __name__ == "__main__":
    console.run(main)
