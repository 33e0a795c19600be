"""Ours beside the sources' figures, row by row: the post, the reply, KJF.

What is theirs stands in conf/reference.yaml, what is ours is computed, or the row says what it
waits for.
"""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

from omegaconf import OmegaConf

from analysis.claims.evidence import FIGURES, Figure, measured
from analysis.claims.evidence.sweeps import REFERENCE, TABLE_AXES
from analysis.results.reader import COMPARED, NotRunError, Results
from analysis.statistics import Interval
from pipeline.config.params import load_yaml
from pipeline.lm.sources import HELD_OUT, NETWORK, kenlm_source, ngram_source

NGRAM_TABLES = {"warpeace": "kjf-warpeace-ngrams", "linux-kjf": "kjf-linux-ngrams"}
GRIDS = {"kjf-warpeace": "kjf-warpeace-lstm", "kjf-linux": "kjf-linux-lstm"}
TITLES = {"kjf-warpeace": "War and Peace", "kjf-linux": "Linux"}
LAYERS = (1, 2, 3)
REPLY_CORPUS = "shakespeare"


def reference() -> dict[str, Any]:
    """conf/reference.yaml."""
    found = OmegaConf.to_container(load_yaml(REFERENCE))
    assert isinstance(found, dict)
    return found  # type: ignore[return-value]


def figure_rows(results: Results) -> list[dict[str, Any]]:
    """A row a figure of the sources: what, source, unit, recalled, `pairs` of name (empty but where
    theirs is a table), theirs, ours (None if not run), and what it waits for."""
    return [_figure_row(results, entry) for entry in reference()["figures"]]


def _figure_row(results: Results, entry: Mapping[str, Any]) -> dict[str, Any]:
    theirs, fixed = entry["theirs"], entry["with"]
    if isinstance(theirs, Mapping):
        asked = [(name, value, {**fixed, entry["over"]: name}) for name, value in theirs.items()]
    else:
        asked = [("", theirs, fixed)]
    pairs, waits = [], ""
    for name, value, arguments in asked:
        ours: Figure | None = None
        try:
            ours = measured(results, entry["figure"], arguments)
        except NotRunError as reason:
            waits = str(reason)
        pairs.append({"name": name, "theirs": value, "ours": ours})
    kept = {name: entry[name] for name in ("what", "source", "unit")}
    return {**kept, "recalled": entry.get("recalled", False), "pairs": pairs, "waits": waits}


def ngram_rows(results: Results, run: str) -> list[dict[str, Any]]:
    """Kneser-Ney by symbols of context, ours and the published, in nats; our network last."""
    published = reference()[NGRAM_TABLES[run]]["nats"]
    orders = sorted(results.config.baselines[results.run(run).corpus].kenlm_orders)
    rows = [_ngram_row(results, run, kenlm_source(n), n, published.get(n - 1)) for n in orders]
    return [*rows, _ngram_row(results, run, NETWORK, None, None)]


def _ngram_row(
    results: Results, run: str, source: str, order: int | None, theirs: float | None
) -> dict[str, Any]:
    ours, waits = None, ""
    try:
        ours = FIGURES["nats"](results, run, source)
    except NotRunError as reason:
        waits = str(reason)
    return {"order": order, "ours": ours, "theirs": theirs, "waits": waits}


def grid_rows(results: Results, sweep: str) -> list[dict[str, Any]]:
    """The runs of a grid and the published ones, nats per symbol: a row a cell and size, with
    `layers`, for 1, 2 and 3 of them, ours and theirs (None where there is none)."""
    ours = _grid(results, sweep)
    theirs = {
        (cell, hidden, layers): nats
        for cell, sizes in reference()[GRIDS[sweep]]["nats"].items()
        for hidden, row in sizes.items()
        for layers, nats in zip(LAYERS, row, strict=True)
    }
    planned = results.config.sweeps.get(sweep, {}).get("grid", {})
    cells, units = (planned.get(f"model.{key}", []) for key in ("cell", "hidden"))
    sizes = dict.fromkeys(
        [key[:2] for key in theirs] + list(product(cells, units)) + [key[:2] for key in ours]
    )
    return [
        {
            "cell": cell.upper(),
            "hidden": hidden,
            "layers": [
                {"ours": ours.get((cell, hidden, n)), "theirs": theirs.get((cell, hidden, n))}
                for n in LAYERS
            ],
        }
        for cell, hidden in sizes
    ]


def _grid(results: Results, sweep: str) -> dict[tuple[str, int, int], float]:
    """Our test nats per symbol by cell, units and layers; empty before the sweep is run."""
    try:
        runs = results.sweep(sweep, *TABLE_AXES)
    except NotRunError:
        return {}
    return {
        tuple(run[key] for key in TABLE_AXES): run["bits"] * math.log(2)
        for run in runs.sort_values(list(TABLE_AXES)).to_dict("records")
    }


def sample_rows(results: Results) -> list[dict[str, Any]]:
    """The reply's samples and as much of ours, by symbols of context; ours "" if not run."""
    try:
        beginnings = results.baseline_excerpts(REPLY_CORPUS)["beginnings"]
    except NotRunError:
        beginnings = {}
    return [
        {
            "order": order,
            "theirs": text,
            "ours": beginnings.get(ngram_source(order), "")[: len(text)],
        }
        for order, text in reference()["samples"].items()
    ]


def printed_rows(results: Results) -> list[dict[str, Any]]:
    """A row a metric of the samples that the post prints: title of the corpus that ours read,
    metric, unit, theirs (what was counted, and in how much), ours at temperature 1 and held-out
    text's (None if not run)."""
    rows = []
    for corpus, settings in results.config.post.items():
        try:
            table = results.printed(str(corpus))
        except NotRunError:
            continue
        run = results.stand_in(str(corpus))
        title = results.run(run).title
        sums = table.groupby(["metric", "unit"], sort=False)[["events", "exposure"]].sum()
        for (metric, unit), found in sums.iterrows():
            if metric in settings.shown and found["exposure"]:
                ours, floor = (
                    _rate(results, run, metric, source) for source in (COMPARED, HELD_OUT)
                )
                names = {"title": title, "metric": metric, "unit": unit}
                rows.append({**names, **found, "ours": ours, "floor": floor})
    return rows


def _rate(results: Results, run: str, metric: str, source: str) -> Interval | None:
    try:
        return results.run(run).rate(metric, source)
    except NotRunError:
        return None


def tables(results: Results) -> dict[str, Any]:
    """What templates/sources.html and the index show of the sources' figures."""
    return {
        "figures_beside": figure_rows(results),
        "reply_samples": sample_rows(results),
        "printed": printed_rows(results),
        "ngrams": [
            {"title": results.config.corpora[run].title, "rows": ngram_rows(results, run)}
            for run in NGRAM_TABLES
        ],
        "grids": [
            {"title": TITLES[sweep], "rows": grid_rows(results, sweep),
             "waits": "" if _grid(results, sweep) else f"waits for the networks of sweep “{sweep}”"}
            for sweep in GRIDS
        ],
    }  # fmt: skip
