"""The sections of a corpus's page on what goes on inside its network, from results."""

from typing import Any

import pandas as pd

from analysis.report.plots import figures
from analysis.report.plots import inside as inside_figures
from analysis.results import inside
from analysis.results.reader import NotRunError
from analysis.results.run import RunResults, rates_of
from analysis.statistics import Interval
from pipeline.lm.samples import EVOLUTION, read_evolution
from pipeline.lm.sources import (
    HELD_OUT,
    NETWORK,
    NGRAM,
    TRAINED,
    UNTRAINED,
    label,
    members,
    temperature_source,
)

EXCERPT = 300
"""Characters shown of each sample taken while training, at most."""
VISIBLE = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥", "\r": "←"})
SIDES = ("left", "right")


def sections(run: RunResults) -> dict[str, Any]:
    """What templates/inside_sections.html shows; `pictures` by name, None where there is none."""
    rates = pd.concat([run.rates(), inside.loop_rates(run)])
    orders = list(run.config.baselines[run.corpus].ngram_orders)
    shares = inside.error_shares(run)
    compared = compared_models(run)
    evolving = run.name in run.config.inside.evolution
    loops = inside.loop_periods(run)
    return {
        "pictures": {
            "temperature": inside_figures.temperature(rates, inside.temperatures(rates), orders),
            "evolution": evolution_picture(run) if evolving else None,
            "gates": gates_picture(run),
            "errors": inside_figures.errors(shares, compared, {}, run.config.inside.errors),
        },
        "evolution": evolution_samples(run) if evolving else [],
        "gates": gate_rows(run),
        "saturated": run.config.inside.gates,
        "near_miss": run.config.inside.errors.near,
        "loops": loops[loops["looping"] > 0].to_dict("records"),
        "no_loops": loops.loc[loops["looping"] == 0, "source"].tolist(),
        "greedy_loop": greedy_loop(run),
        "error_models": compared,
        "errors": error_rows(run, compared),
    }


def compared_models(run: RunResults) -> list[str]:
    """The models whose errors the page shows: the network, the best KenLM, the n-grams."""
    sources = run.own_table("errors")["source"].unique()
    ngrams = members(sources, NGRAM)
    return [NETWORK, run.best_kenlm(), *ngrams]


def evolution_picture(run: RunResults) -> figures.Picture:
    """Samples by iteration as curves."""
    rates = rates_of(run.own_table("evolution"), run.settings)
    return inside_figures.evolution(rates, run.history(), run.title)


def evolution_samples(run: RunResults) -> list[dict[str, str]]:
    """The beginning of each sample taken while training, and of held-out text."""
    found = read_evolution(run.paths.run_results(run.name) / EVOLUTION)
    shown = {f"after {n} steps": texts[0].decode("utf-8", "replace") for n, texts in found.items()}
    shown[label(HELD_OUT)] = run.excerpts()["beginnings"][HELD_OUT]
    return [{"label": name, "text": sample[:EXCERPT]} for name, sample in shown.items()]


def gates_picture(run: RunResults) -> figures.Picture | None:
    """The gates, if the network's cells have any."""
    try:
        shares = inside.gate_shares(run)
    except NotRunError:
        return None
    return inside_figures.gates(shares, run.title, run.config.inside.gates)


def gate_rows(run: RunResults) -> list[dict[str, Any]]:
    """Rows of the table of gates: trained shares with intervals, untrained ones beside."""
    if run.own_table("gates").empty:
        return []
    table = inside.gate_summary(run).set_index(["network", "layer", "gate", "side"])
    rows = []
    for layer, gate in dict.fromkeys(key[1:3] for key in table.index):
        cells = {
            f"{network} {side}": Interval(
                *table.loc[(network, layer, gate, side), inside_figures.COLUMNS]
            )
            for network in (TRAINED, UNTRAINED)
            for side in SIDES
        }
        rows.append({"layer": layer, "gate": inside_figures.GATE_NAMES[gate], **cells})
    return rows


def greedy_loop(run: RunResults) -> dict[str, Any] | None:
    """What the first greedy sample repeats, and from where on; None if it does not."""
    table = run.own_table("loops")
    greedy = table[table["source"] == temperature_source(0)].iloc[0]
    if not greedy["period"]:
        return None
    found = {name: int(greedy[name]) for name in ("start", "period", "symbols")}
    return found | {"text": run.excerpts()["loop"].translate(VISIBLE)}


def error_rows(run: RunResults, sources: list[str]) -> list[dict[str, Any]]:
    """Rows of the table of errors, a kind each: shares of each model's errors and of symbols."""
    table = inside.error_shares(run).set_index(["kind", "source"])
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
    totals = inside.error_rates(run).set_index("source")
    everything = [Interval(*totals.loc[s, inside_figures.COLUMNS]) for s in sources]
    return [*rows, {"kind": "errors of all symbols", "cells": everything}]
