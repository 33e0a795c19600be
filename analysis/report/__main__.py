"""Results -> pages: one a corpus, the index, and the Markdown summary. All of it self-contained.

`index` needs no result to be there: what is missing is said to be "not run".
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.claims.reference import tables
from analysis.claims.verdicts import VERDICTS, Verdict, verdicts
from analysis.report.blind import puzzles, sources
from analysis.report.corpora import bits_picture, card, closing_picture, context_table
from analysis.report.corpus_page import page_content, terminal_summary
from analysis.report.figures_table import figures_table
from analysis.report.found import findings
from analysis.report.pages import network_words, write
from analysis.report.plots.figures import Picture
from analysis.report.rows import rows, tiles
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from pipeline import console
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write
from pipeline.terminal import say

COMMON_PAGES = {
    "summary.md": "README.md",
    "index.html": "index.html",
    "sources.html": "sources.html",
    "methods.html": "methods.html",
    "blind.html": "blind.html",
}
"""Template and page."""


def run_row(run: RunResults) -> dict[str, Any]:
    """A row of the table of runs."""
    try:
        training = run.training()
    except NotRunError as reason:
        return {"name": run.name, "waits": str(reason)}
    kept = ("parameters", "steps", "seconds", "device", "precision")
    return {
        "name": run.name,
        "waits": "",
        "network": network_words(training),
        "seed": training["experiment"]["seed"],
        "torch": training["versions"]["torch"],
        **{name: training[name] for name in kept},
    }


def tally(claims: list[Verdict]) -> dict[str, list[str]]:
    """The claims that have each verdict, by id; those that wait last."""
    found: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for claim in claims:
        found[claim.verdict].append(claim.id)
    return {verdict: ids for verdict, ids in found.items() if ids}


def write_index(results: Results) -> Path:
    """The index, the Markdown summary, the pages that belong to no corpus, the CSV of figures."""
    reports = results.paths.reports
    claims = verdicts(results)
    models = sources(results)[1:]
    corpora = [card(results, corpus, models) for corpus in results.config.baselines]
    pictures = {"context": bits_picture(results), "far": closing_picture(results)}
    content = {
        "scale": results.config.scale,
        "measure": results.settings,
        "claims": claims,
        "found": findings(results, claims),
        "rows": rows(claims),
        "tiles": tiles(claims),
        "tally": tally(claims),
        "pages": {path.stem for path in (reports / "pages").glob("*.html")},
        "corpora": sorted(corpora, key=lambda one: bool(one["waits"])),
        "pictures": pictures,
        "contexts": context_table(results),
        "runs": [run_row(results.run(name)) for name in results.config.experiments],
        "puzzles": puzzles(results),
        **tables(results),
    }
    for template, name in COMMON_PAGES.items():
        write(reports / name, template, content)
    write_pictures(results, "index", pictures)
    with atomic_write(reports / "figures.csv", "w") as file:
        table = figures_table(results, claims, content["figures_beside"])
        table.to_csv(file, index=False, float_format="%.6g")
    return reports / "index.html"


def write_pictures(results: Results, page: str, pictures: Mapping[str, Picture | None]) -> None:
    """The figures of a page as PNG files."""
    for name, picture in pictures.items():
        if picture:
            with atomic_write(results.paths.reports / "figures" / page / f"{name}.png") as file:
                file.write(picture.png)


def write_page(results: Results, corpus: str) -> Path:
    """The page of one corpus, from the run of the same name."""
    try:
        content = page_content(results, corpus)
    except NotRunError as reason:
        raise InputError(f"no page for {corpus} yet, {reason}: run dvc repro") from reason
    path = results.paths.reports / "pages" / f"{corpus}.html"
    write(path, "page.html", content)
    write_pictures(results, corpus, content["pictures"])
    return path


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.report", description=__doc__)
    parser.add_argument("what", choices=["index", "page", "summary"])
    parser.add_argument("corpus", nargs="?", help="for a page or a summary: which")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    if (arguments.what == "index") == bool(arguments.corpus):
        parser.error("use `index`, `page CORPUS` or `summary CORPUS`")
    results = Results.of(params.load(params.params_file(arguments)))
    if arguments.what == "index":
        print(write_index(results))
        return
    params.select(results.config, "baselines", arguments.corpus)
    if arguments.what == "page":
        print(write_page(results, arguments.corpus))
        return
    try:
        say(*terminal_summary(results.run(arguments.corpus)))
    except NotRunError as reason:
        raise InputError(f"no summary of {arguments.corpus}, {reason}: run dvc repro") from reason


if __name__ == "__main__":
    console.run(main)
