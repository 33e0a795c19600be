"""The page of one corpus, from the run of the same name."""

import math
from typing import Any

import pandas as pd

from analysis.report.inside_sections import sections
from analysis.report.pages import definitions, in_order, network_words
from analysis.report.plots import corpus as corpus_figures
from analysis.report.plots.closing import pictures as closing_pictures
from analysis.results.reader import COMPARED, Results
from analysis.statistics import Interval
from pipeline.lm.sources import (
    HELD_OUT,
    KENLM,
    NETWORK,
    NGRAM,
    label,
    members,
    ngram_source,
    number,
    temperature_source,
)

COPYING = ["copied at 20", "copied at 50"]
TERMINAL_METRICS = ["blocks that parse", "bracket violations", "copied at 50"]
TEMPERATURES = (0.5, 0.8, 1.0)
"""Of the network's samples that are shown, where they were taken."""


def page_content(results: Results, run: str) -> dict[str, Any]:
    """Everything the page of a run shows."""
    training = results.training(run)
    rates = in_order(results.rates(run))
    corpus = results.corpus_of(run)
    title = results.config.corpora[corpus].title
    orders = list(results.config.baselines[corpus].kenlm_orders)
    scored = list(results.table(run, "scores")["source"].unique())
    bits = {source: results.bits(run, source) for source in scored}
    sources = sample_sources(results, run)
    inside = sections(results, run)
    kenlm = results.best_kenlm(run)
    return {
        "scale": results.config.scale,
        "figures_csv": "../figures.csv",
        "title": title,
        "summary": summary(bits, kenlm, results.bits_difference(run, NETWORK, kenlm), training),
        "manifest": results.manifest(corpus),
        "training": training,
        "network": network_words(training),
        "pictures": {
            "training": corpus_figures.training_curve(results.history(run), title),
            "bits": corpus_figures.bits_by_model(bits, orders),
            **closing_pictures(results, run),
            "copying": corpus_figures.rates_by_source(
                rates, COPYING, sources, "Share of characters inside verbatim copies."
            ),
            **inside.pop("pictures"),
        },
        **inside,
        "cells": results.cells(run),
        "scores": score_rows(results, run, bits),
        "sources": sources,
        "structure": structure_rows(rates, sources),
        "definitions": definitions(rates["metric"].unique()),
        "half_width": results.settings.half_width,
        "comparisons": comparison_table(
            in_order(results.own_table(run, "comparisons")),
            results.own_table(run, "precision"),
            results.settings.level,
        ),
        "samples": excerpts(results, run),
    }


def summary(bits: dict[str, Interval], kenlm: str, lead: Interval, training: dict[str, Any]) -> str:
    """The page in a sentence or two: `lead` is what the network needs more than the best n-gram."""
    needs = "more" if lead.estimate > 0 else "less"
    sure = lead.low > 0 or lead.high < 0
    context = number(kenlm) - 1
    return (
        f"The network ({network_words(training)}) needs {bits[NETWORK].estimate:.3f} bits per "
        f"symbol of unseen text, {abs(lead.estimate):.3f} {needs} than the best n-gram with "
        f"Kneser-Ney smoothing, chosen on other text ({context:.0f} symbols of context, "
        f"{bits[kenlm].estimate:.3f} bits); the difference is between {lead.low:.3f} and "
        f"{lead.high:.3f}." + (" The two cannot be told apart." if not sure else "")
    )


def sample_sources(results: Results, run: str) -> list[str]:
    """Sources of samples that the page compares: held-out text first."""
    measured = list(results.table(run, "structure")["source"].unique())
    networks = [s for s in map(temperature_source, TEMPERATURES) if s in measured]
    baselines = members(measured, NGRAM, KENLM)
    return [HELD_OUT, *networks, *baselines]


def score_rows(results: Results, run: str, bits: dict[str, Interval]) -> list[dict[str, Any]]:
    """Rows of the table of cross-entropies."""
    table = results.table(run, "scores")
    rows = []
    table = table[table["part"] == "test"] if "part" in table else table
    for source, interval in bits.items():
        mine = table[table["source"] == source]
        scale = math.log(2)
        estimate, low, high = (value * scale for value in interval[:3])
        nats = Interval(estimate, low, high, interval.n)
        share = mine["impossible"].sum() / (mine["symbols"] + mine["impossible"]).sum()
        rows.append({"label": label(source), "bits": interval, "nats": nats, "impossible": share})
    return rows


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


def comparison_table(
    comparisons: pd.DataFrame, precision: pd.DataFrame, level: float
) -> dict[str, Any]:
    """Both tables as one for readers: `others`, and `rows` of metric, unit, `cells` (a dictionary
    for each other, with ratio, low, high, sure; None where there is no comparison), half_width,
    phi and text of the network's figure."""
    others = list(comparisons["other"].unique())
    sharp = precision[precision["source"] == COMPARED].set_index("metric")
    rows = []
    for (metric, unit), group in comparisons.groupby(["metric", "unit"], sort=False):
        known = group.assign(sure=group["p_holm"] < 1 - level).set_index("other")
        known = known[["ratio", "low", "high", "sure"]].to_dict("index")
        own = sharp.loc[metric, ["half_width", "phi", "text"]].to_dict()
        cells = [known.get(other) for other in others]
        rows.append({"metric": metric, "unit": unit, "cells": cells, **own})
    return {"others": others, "rows": rows}


def excerpts(results: Results, run: str) -> list[dict[str, str]]:
    """The beginning of the first sample of the network at each temperature, then of n-grams."""
    beginnings = results.excerpts(run)["beginnings"]
    wanted = [temperature_source(t) for t in (*TEMPERATURES, 0.0)]
    wanted += members(beginnings, NGRAM)
    return [
        {"label": label(source), "text": beginnings[source]}
        for source in wanted
        if source in beginnings
    ]


def terminal_summary(results: Results, run: str) -> list[str]:
    """The page of a run in two small tables, for a terminal."""
    bits = {
        source: results.bits(run, source)
        for source in results.table(run, "scores")["source"].unique()
    }
    corpus = results.corpus_of(run)
    lines = [f"{results.config.corpora[corpus].title}, {results.config.scale} scale", ""]
    scored = {label(s): bits[s].estimate for s in bits if math.isfinite(bits[s].estimate)}
    lines += _aligned(pd.DataFrame({"bits per symbol of the test part": scored}), 3)
    sources = [HELD_OUT, *map(temperature_source, TEMPERATURES)]
    sources += [ngram_source(n) for n in results.config.baselines[corpus].ngram_orders]
    rates = results.rates(run)
    rates["metric"] += ", " + rates["unit"]
    found = rates.pivot_table("estimate", "source", "metric", sort=False)
    shown = [name for name in found if name.split(",")[0] in TERMINAL_METRICS]
    found = found.reindex(sources)[shown].rename(label).dropna(how="all")
    return [*lines, *_aligned(found, 2), f"page: {results.paths.reports / 'pages' / run}.html"]


def _aligned(table: pd.DataFrame, digits: int) -> list[str]:
    """A table as lines, and an empty one."""
    text = table.to_string(index_names=False, float_format=f"%.{digits}f", na_rep="")
    return [*text.splitlines(), ""]
