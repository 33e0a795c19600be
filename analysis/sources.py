"""Ours beside the sources' figures, row by row: the post, the reply, KJF."""

import math
from typing import Any

import numpy as np

from analysis.evidence.sweeps import REFERENCE
from analysis.results import NETWORK, NotRunError, Results
from analysis.statistics import Interval
from pipeline.params import load_yaml

NGRAM_TABLES = {"warpeace": "kjf-warpeace-ngrams", "linux": "kjf-linux-ngrams"}
GRIDS = {"kjf-warpeace": "kjf-warpeace-lstm"}


def in_nats(bits: Interval) -> Interval:
    """Of a cross-entropy in bits."""
    estimate, low, high = (value * math.log(2) for value in bits[:3])
    return Interval(estimate, low, high, bits.n)


def ngram_rows(results: Results, run: str) -> list[dict[str, Any]]:
    """Kneser-Ney by symbols of context, ours and the published, in nats; the network last."""
    published = load_yaml(REFERENCE)[NGRAM_TABLES[run]]["nats"]
    orders = sorted(results.config.baselines[run].kenlm_orders)
    rows = [
        {
            "name": f"{order - 1} symbols of context (KenLM's order {order})",
            "ours": in_nats(results.bits(run, f"kenlm:{order}")),
            "theirs": published.get(order - 1),
        }
        for order in orders
    ]
    headline = load_yaml(REFERENCE)["kjf-headline"]["nats"]
    network = in_nats(results.bits(run, NETWORK))
    rows.append({"name": "network", "ours": network, "theirs": headline[f"{run} network"]})
    return rows


def grid_rows(results: Results, sweep: str) -> list[dict[str, Any]]:
    """The runs of a grid, ours and the published, nats per symbol."""
    published = load_yaml(REFERENCE)[GRIDS[sweep]]["nats"]
    runs = results.sweep(sweep).sort_values(["model.cell", "model.hidden", "model.layers"])
    rows = []
    for run in runs.to_dict("records"):
        cell, hidden, layers = (run[f"model.{key}"] for key in ("cell", "hidden", "layers"))
        theirs = published.get(cell, {}).get(hidden)
        rows.append(
            {
                "cell": cell.upper(),
                "hidden": hidden,
                "layers": layers,
                "parameters": run["parameters"],
                "ours": run["bits"] * np.log(2),
                "theirs": theirs[layers - 1] if theirs else None,
            }
        )
    return rows


def tables(results: Results) -> dict[str, Any]:
    """Both kinds of tables; of one that waits for a run, the reason."""
    found: dict[str, Any] = {"ngrams": [], "grids": []}
    for run in NGRAM_TABLES:
        entry = {"run": run, "title": results.config.corpora[run].title}
        found["ngrams"].append(entry | _or_reason(ngram_rows, results, run))
    for sweep in GRIDS:
        entry = {"run": sweep, "title": results.config.sweeps[sweep].title}
        found["grids"].append(entry | _or_reason(grid_rows, results, sweep))
    return found


def _or_reason(make: Any, results: Results, name: str) -> dict[str, Any]:
    try:
        return {"rows": make(results, name), "waits": ""}
    except NotRunError as reason:
        return {"rows": [], "waits": str(reason)}
