"""The page of one corpus, from the run of the same name."""

import math
from typing import Any

import pandas as pd

from analysis.report.inside_sections import sections
from analysis.report.pages import definitions, in_order, network_words
from analysis.report.plots import corpus as corpus_figures
from analysis.report.plots.closing import pictures as closing_pictures
from analysis.results.reader import COMPARED, Results
from analysis.results.run import RunResults
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


def page_content(results: Results, name: str) -> dict[str, Any]:
    """Everything the page of a run shows."""
    run = results.run(name)
    training = run.training()
    rates = in_order(run.rates())
    orders = list(run.config.baselines[run.corpus].kenlm_orders)
    bits = bits_by_source(run)
    sources = sample_sources(run)
    inside = sections(run)
    kenlm = run.best_kenlm()
    return {
        "scale": run.config.scale,
        "figures_csv": "../figures.csv",
        "title": run.title,
        "summary": summary(bits, kenlm, run.bits_difference(NETWORK, kenlm), training),
        "manifest": results.manifest(run.corpus),
        "training": training,
        "network": network_words(training),
        "pictures": {
            "training": corpus_figures.training_curve(run.history(), run.title),
            "bits": corpus_figures.bits_by_model(bits, orders),
            **closing_pictures(run),
            "copying": corpus_figures.rates_by_source(
                rates, COPYING, sources, "Share of characters inside verbatim copies."
            ),
            **inside.pop("pictures"),
        },
        **inside,
        "cells": run.cells(),
        "scores": score_rows(run, bits),
        "sources": sources,
        "structure": structure_rows(rates, sources),
        "definitions": definitions(rates["metric"].unique()),
        "half_width": run.settings.half_width,
        "comparisons": comparison_table(
            in_order(run.own_table("comparisons")),
            run.own_table("precision"),
            run.settings.level,
        ),
        "samples": excerpts(run),
    }


def bits_by_source(run: RunResults) -> dict[str, Interval]:
    """Test bits per symbol of every model that was scored."""
    return {source: run.bits(source) for source in run.table("scores")["source"].unique()}


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


def sample_sources(run: RunResults) -> list[str]:
    """Sources of samples that the page compares: held-out text first."""
    measured = list(run.table("structure")["source"].unique())
    networks = [s for s in map(temperature_source, TEMPERATURES) if s in measured]
    baselines = members(measured, NGRAM, KENLM)
    return [HELD_OUT, *networks, *baselines]


def score_rows(run: RunResults, bits: dict[str, Interval]) -> list[dict[str, Any]]:
    """Rows of the table of cross-entropies."""
    table = run.table("scores")
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


def excerpts(run: RunResults) -> list[dict[str, str]]:
    """The beginning of the first sample of the network at each temperature, then of n-grams."""
    beginnings = run.excerpts()["beginnings"]
    wanted = [temperature_source(t) for t in (*TEMPERATURES, 0.0)]
    wanted += members(beginnings, NGRAM)
    return [
        {"label": label(source), "text": beginnings[source]}
        for source in wanted
        if source in beginnings
    ]


def terminal_summary(run: RunResults) -> list[str]:
    """The page of a run in two small tables, for a terminal."""
    bits = bits_by_source(run)
    lines = [f"{run.title}, {run.config.scale} scale", ""]
    scored = {label(s): bits[s].estimate for s in bits if math.isfinite(bits[s].estimate)}
    lines += _aligned(pd.DataFrame({"bits per symbol of the test part": scored}), 3)
    sources = [HELD_OUT, *map(temperature_source, TEMPERATURES)]
    sources += [ngram_source(n) for n in run.config.baselines[run.corpus].ngram_orders]
    rates = run.rates()
    rates["metric"] += ", " + rates["unit"]
    found = rates.pivot_table("estimate", "source", "metric", sort=False)
    shown = [name for name in found if name.split(",")[0] in TERMINAL_METRICS]
    found = found.reindex(sources)[shown].rename(label).dropna(how="all")
    return [*lines, *_aligned(found, 2), f"page: {run.paths.reports / 'pages' / run.name}.html"]


def _aligned(table: pd.DataFrame, digits: int) -> list[str]:
    """A table as lines, and an empty one."""
    text = table.to_string(index_names=False, float_format=f"%.{digits}f", na_rep="")
    return [*text.splitlines(), ""]
