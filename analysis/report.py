"""Results -> pages: one a corpus, the index, and the Markdown summary. All of it self-contained.

`index` needs no result to be there: what is missing is said to be "not run".
"""

import argparse
import math
from collections import Counter
from pathlib import Path
from typing import Any

import jinja2

from analysis import figures
from analysis.blind import puzzles
from analysis.claims import verdicts
from analysis.closing_figures import pictures as closing_pictures
from analysis.compare import table as comparison_table
from analysis.figures_table import figures_table
from analysis.inside_sections import sections
from analysis.results import HELD_OUT, NETWORK, NotRunError, Results
from analysis.sources import tables
from analysis.statistics import Interval
from pipeline import console, models, params
from pipeline.lm.errors import InputError
from pipeline.lm.files import atomic_write
from pipeline.lm.samples import read_samples
from pipeline.models import temperature_source

TEMPLATES = Path("reports/templates")
COMMON_PAGES = {
    "summary.md": "README.md",
    "index.html": "index.html",
    "sources.html": "sources.html",
    "methods.html": "methods.html",
    "blind.html": "blind.html",
}
"""Template and page."""

EXCERPT = 600
"""Characters of each sample shown."""
BRACKETS = [")", "]", "}"]
COPYING = ["copied at 20", "copied at 50"]
TERMINAL_METRICS = ["blocks that parse", "bracket violations", "copied at 50"]


def significant(value: float | None, digits: int) -> str:
    """A number for readers: `digits` significant ones, no exponent for usual sizes."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    if value == 0 or 0.001 <= abs(value) < 1000:
        places = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
        return f"{value:.{max(0, places)}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits - 1}e}"


def environment() -> jinja2.Environment:
    """Templates that escape everything: sampled text is untrusted."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is None or not name.endswith(".md"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters["figures"] = significant
    env.filters["label"] = figures.label
    env.globals["infinity"] = math.inf
    return env


def network_words(training: dict[str, Any]) -> str:
    """The architecture in words."""
    model = training["experiment"]["model"]
    return f"{model['layers']}-layer {model['cell'].upper()} of {model['hidden']} units"


def best_kenlm(results: Results, run: str) -> tuple[int, Interval]:
    """The KenLM order of the lowest test cross-entropy, and that."""
    orders = results.config.baselines[results.corpus_of(run)].kenlm_orders
    return min(
        ((order, results.bits(run, f"kenlm:{order}")) for order in orders),
        key=lambda found: found[1].estimate,
    )


def corpus_row(results: Results, corpus: str) -> dict[str, Any]:
    """A row of the index's table of corpora."""
    row: dict[str, Any] = {"name": corpus, "title": results.config.corpora[corpus].title}
    try:
        training = results.training(corpus)
        manifest = results.manifest(corpus)
        order, interval = best_kenlm(results, corpus)
        return row | {
            "waits": "",
            "manifest": manifest,
            "variant": manifest["source"]["variant"],
            "symbols": manifest["parts"]["train"]["symbols"],
            "network": network_words(training),
            "parameters": training["parameters"],
            "seconds": training["seconds"],
            "bits": results.bits(corpus, NETWORK),
            "kenlm": interval,
            "kenlm_name": figures.label(f"kenlm:{order}"),
        }
    except NotRunError as reason:
        return row | {"waits": str(reason)}


def run_row(results: Results, run: str) -> dict[str, Any]:
    """A row of the table of runs."""
    try:
        training = results.training(run)
    except NotRunError as reason:
        return {"name": run, "waits": str(reason)}
    kept = ("parameters", "steps", "seconds", "device", "precision")
    return {
        "name": run,
        "waits": "",
        "network": network_words(training),
        "seed": training["experiment"]["seed"],
        "torch": training["versions"]["torch"],
        **{name: training[name] for name in kept},
    }


def write_index(results: Results) -> Path:
    """The index, the Markdown summary, the pages that belong to no corpus, the CSV of figures."""
    reports = results.paths.reports
    claims = verdicts(results)
    content = {
        "scale": results.config.scale,
        "measure": results.settings,
        "claims": claims,
        "tally": Counter(claim.verdict for claim in claims).most_common(),
        "pages": {path.stem for path in (reports / "pages").glob("*.html")},
        "corpora": [corpus_row(results, corpus) for corpus in results.config.corpora],
        "runs": [run_row(results, run) for run in results.config.experiments],
        "puzzles": puzzles(results),
        **tables(results),
    }
    for template, name in COMMON_PAGES.items():
        write(reports / name, template, content)
    with atomic_write(reports / "figures.csv", "w") as file:
        figures_table(results, claims).to_csv(file, index=False, float_format="%.6g")
    return reports / "index.html"


def write_page(results: Results, corpus: str) -> Path:
    """The page of one corpus, from the run of the same name."""
    run = corpus
    try:
        content = page_content(results, run)
    except NotRunError as reason:
        raise InputError(f"no page for {corpus} yet, {reason}: run dvc repro") from reason
    path = results.paths.reports / "pages" / f"{corpus}.html"
    write(path, "page.html", content)
    for name, picture in content["pictures"].items():
        if picture:
            with atomic_write(results.paths.reports / "figures" / corpus / f"{name}.png") as file:
                file.write(picture.png)
    return path


def page_content(results: Results, run: str) -> dict[str, Any]:
    """Everything the page of a run shows."""
    training = results.training(run)
    rates = results.rates(run)
    corpus = results.corpus_of(run)
    title = results.config.corpora[corpus].title
    orders = list(results.config.baselines[corpus].kenlm_orders)
    scored = list(results.table(run, "scores")["source"].unique())
    bits = {source: results.bits(run, source) for source in scored}
    sources = sample_sources(results, run)
    inside = sections(results, run)
    return {
        "scale": results.config.scale,
        "title": title,
        "summary": summary(bits, orders, training),
        "manifest": results.manifest(corpus),
        "training": training,
        "network": network_words(training),
        "pictures": {
            "training": figures.training_curve(results.history(run), title),
            "bits": figures.bits_by_model(bits, orders),
            "closing": closing_picture(results, run),
            **closing_pictures(results, run),
            "copying": figures.rates_by_source(
                rates, COPYING, sources, "Share of characters inside verbatim copies."
            ),
            **inside.pop("pictures"),
        },
        **inside,
        "cells": results.cells(run),
        "scores": score_rows(results, run, bits),
        "sources": sources,
        "structure": structure_rows(rates, sources),
        "half_width": results.settings.half_width,
        "comparisons": comparison_table(
            results.own_table(run, "comparisons"), results.own_table(run, "precision")
        ),
        "excerpt": EXCERPT,
        "samples": excerpts(results, run),
    }


def summary(bits: dict[str, Interval], orders: list[int], training: dict[str, Any]) -> str:
    """The page in a sentence."""
    best = min(orders, key=lambda order: bits[f"kenlm:{order}"].estimate)
    network, kenlm = bits[NETWORK].estimate, bits[f"kenlm:{best}"].estimate
    better = "better" if network < kenlm else "worse"
    return (
        f"The network ({network_words(training)}) needs {network:.3f} bits per symbol of unseen "
        f"text, {abs(kenlm - network):.3f} {better} than the best n-gram with Kneser-Ney smoothing "
        f"({best - 1} symbols of context, {kenlm:.3f} bits)."
    )


def sample_sources(results: Results, run: str) -> list[str]:
    """Sources of samples that the page compares: held-out text first."""
    measured = list(results.table(run, "structure")["source"].unique())
    networks = [s for s in map(temperature_source, (0.5, 0.8, 1.0)) if s in measured]
    baselines = [s for s in measured if s.partition(":")[0] in ("ngram", "kenlm")]
    return [HELD_OUT, *networks, *baselines]


def score_rows(results: Results, run: str, bits: dict[str, Interval]) -> list[dict[str, Any]]:
    """Rows of the table of cross-entropies."""
    table = results.table(run, "scores")
    rows = []
    for source, interval in bits.items():
        mine = table[table["source"] == source]
        scale = math.log(2)
        estimate, low, high = (value * scale for value in interval[:3])
        nats = Interval(estimate, low, high, interval.n)
        share = mine["impossible"].sum() / (mine["symbols"] + mine["impossible"]).sum()
        rows.append(
            {"label": figures.label(source), "bits": interval, "nats": nats, "impossible": share}
        )
    return rows


def closing_picture(results: Results, run: str) -> figures.Picture | None:
    """Closing by distance: brackets together where there are any, else every closer there is."""
    table = results.table(run, "closing")
    found = set(table["closer"])
    closers = [c for c in BRACKETS if c in found] or sorted(found)
    if not closers:
        return None
    data = results.closing(run, closers, "probability")
    return figures.closing_by_distance(data, " ".join(closers))


def structure_rows(rates: Any, sources: list[str]) -> list[dict[str, Any]]:
    """Rows of the structure table: a metric each, a cell a source."""
    rows = []
    for (metric, unit), group in rates.groupby(["metric", "unit"], sort=False):
        by_source = group.set_index("source")
        cells = [
            Interval(*by_source.loc[s, ["estimate", "low", "high", "n"]])
            if s in by_source.index
            else None
            for s in sources
        ]
        rows.append({"metric": metric, "unit": unit, "cells": cells})
    return rows


def excerpts(results: Results, run: str) -> list[dict[str, str]]:
    """The beginning of the first sample of each source."""
    corpus = results.corpus_of(run)
    network = results.paths.run_results(run) / "samples"
    baseline = results.paths.baseline_results(corpus) / "samples"
    settings = params.experiment(results.config, run).sample
    orders = params.baseline(results.config, corpus).ngram_orders
    shown = [
        (network, temperature_source(t))
        for t in (0.5, 0.8, 1.0, 0.0)
        if t in (0, *settings.temperatures)
    ]
    shown += [(baseline, f"ngram:{order}") for order in orders]
    rows = []
    for folder, source in shown:
        text = read_samples(folder / models.sample_file(source))[0][:EXCERPT]
        rows.append({"label": figures.label(source), "text": text.decode("utf-8", "replace")})
    return rows


def terminal_summary(results: Results, run: str) -> list[str]:
    """The page of a run in ten lines or so, for a terminal."""
    bits = {
        source: results.bits(run, source)
        for source in results.table(run, "scores")["source"].unique()
    }
    rates = results.rates(run).set_index(["metric", "source"])["estimate"]
    corpus = results.corpus_of(run)
    sources = [HELD_OUT, *map(temperature_source, (0.5, 0.8, 1.0))]
    sources += [f"ngram:{n}" for n in results.config.baselines[corpus].ngram_orders]
    lines = [f"{results.config.corpora[corpus].title}, {results.config.scale} scale"]
    lines += [
        f"  test bits per symbol  {figures.label(source):32} {interval.estimate:.3f}"
        for source, interval in bits.items()
        if math.isfinite(interval.estimate)
    ]
    for metric in TERMINAL_METRICS:
        cells = [
            f"{figures.label(s)} {rates[metric, s]:.2f}" for s in sources if (metric, s) in rates
        ]
        if cells:
            lines.append(f"  {metric}: {', '.join(cells)}")
    return [*lines, f"  page: {results.paths.reports / 'pages' / run}.html"]


def write(path: Path, template: str, content: dict[str, Any]) -> None:
    """Render a template to a file."""
    with atomic_write(path, "w") as file:
        file.write(environment().get_template(template).render(content))


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
    params.select(results.config, "corpora", arguments.corpus)
    if arguments.what == "page":
        print(write_page(results, arguments.corpus))
    else:
        print(*terminal_summary(results, arguments.corpus), sep="\n")


if __name__ == "__main__":
    console.run(main)
