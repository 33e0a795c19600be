"""The sections of a corpus's page on what goes on inside its network, from results."""

from typing import Any

import pandas as pd

from analysis.report.plots import figures
from analysis.report.plots import inside as inside_figures
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from analysis.statistics import Interval
from pipeline.lm.samples import EVOLUTION, read_evolution
from pipeline.lm.sources import HELD_OUT, NETWORK, NGRAM, label, members, temperature_source

EXCERPT = 300
"""Characters shown of each sample taken while training, at most."""
VISIBLE = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"})
SIDES = ("left", "right")


def sections(results: Results, run: str) -> dict[str, Any]:
    """What templates/inside_sections.html shows; `pictures` by name, None where there is none."""
    rates = pd.concat([results.rates(run), inside.loop_rates(results, run)])
    orders = list(results.config.baselines[results.corpus_of(run)].ngram_orders)
    shares = inside.error_shares(results, run)
    compared = compared_models(results, run)
    evolving = run in results.config.inside.evolution
    loops = inside.loop_periods(results, run)
    return {
        "pictures": {
            "temperature": inside_figures.temperature(rates, inside.temperatures(rates), orders),
            "evolution": evolution_picture(results, run) if evolving else None,
            "gates": gates_picture(results, run),
            "errors": inside_figures.errors(shares, compared, {}),
        },
        "evolution": evolution_samples(results, run) if evolving else [],
        "gates": gate_rows(results, run),
        "loops": loops[loops["looping"] > 0].to_dict("records"),
        "no_loops": loops.loc[loops["looping"] == 0, "source"].tolist(),
        "greedy_loop": greedy_loop(results, run),
        "error_models": compared,
        "errors": error_rows(results, run, compared),
    }


def compared_models(results: Results, run: str) -> list[str]:
    """The models whose errors the page shows: the network, the best KenLM, the n-grams."""
    sources = results.own_table(run, "errors")["source"].unique()
    ngrams = members(sources, NGRAM)
    return [NETWORK, results.best_kenlm(run), *ngrams]


def evolution_picture(results: Results, run: str) -> figures.Picture:
    """Samples by iteration as curves."""
    rates = results.rates_of(results.own_table(run, "evolution"))
    title = results.config.corpora[results.corpus_of(run)].title
    return inside_figures.evolution(rates, results.history(run), title)


def evolution_samples(results: Results, run: str) -> list[dict[str, str]]:
    """The beginning of each sample taken while training, and of held-out text."""
    found = read_evolution(results.paths.run_results(run) / EVOLUTION)
    shown = {f"after {n} steps": texts[0].decode("utf-8", "replace") for n, texts in found.items()}
    shown[label(HELD_OUT)] = results.excerpts(run)["beginnings"][HELD_OUT]
    return [{"label": name, "text": sample[:EXCERPT]} for name, sample in shown.items()]


def gates_picture(results: Results, run: str) -> figures.Picture | None:
    """The gates, if the network's cells have any."""
    try:
        shares = inside.gate_shares(results, run)
    except NotRunError:
        return None
    return inside_figures.gates(shares, results.config.corpora[results.corpus_of(run)].title)


def gate_rows(results: Results, run: str) -> list[dict[str, Any]]:
    """Rows of the table of gates: trained shares with intervals, untrained ones beside."""
    if results.own_table(run, "gates").empty:
        return []
    table = inside.gate_summary(results, run).set_index(["network", "layer", "gate", "side"])
    rows = []
    for layer, gate in dict.fromkeys(key[1:3] for key in table.index):
        cells = {
            f"{network} {side}": Interval(
                *table.loc[(network, layer, gate, side), inside_figures.COLUMNS]
            )
            for network in ("trained", "untrained")
            for side in SIDES
        }
        rows.append({"layer": layer, "gate": inside_figures.GATE_NAMES[gate], **cells})
    return rows


def greedy_loop(results: Results, run: str) -> dict[str, Any] | None:
    """What the first greedy sample repeats, and from where on; None if it does not."""
    table = results.own_table(run, "loops")
    greedy = table[table["source"] == temperature_source(0)].iloc[0]
    if not greedy["period"]:
        return None
    found = {name: int(greedy[name]) for name in ("start", "period", "symbols")}
    return found | {"text": results.excerpts(run)["loop"].translate(VISIBLE)}


def error_rows(results: Results, run: str, sources: list[str]) -> list[dict[str, Any]]:
    """Rows of the table of errors, a kind each: shares of each model's errors and of symbols."""
    table = inside.error_shares(results, run).set_index(["kind", "source"])
    kinds = [kind for kind in inside.KIND_GROUPS.values() if kind in table.index]
    rows = [
        {
            "kind": kind,
            "symbols": table.loc[(kind, NETWORK), "symbols"],
            "near": table.loc[(kind, NETWORK), "near"],
            "cells": [Interval(*table.loc[(kind, s), inside_figures.COLUMNS]) for s in sources],
        }
        for kind in kinds
    ]
    totals = inside.error_rates(results, run).set_index("source")
    everything = [Interval(*totals.loc[s, inside_figures.COLUMNS]) for s in sources]
    return [*rows, {"kind": "errors of all symbols", "cells": everything}]
