"""Every figure of the report in one CSV.

Columns: kind, run, name, source, unit, estimate, low, high, n (what was resampled), floor (a
claim's, or the figure of real text), rule, verdict, page (where it is drawn or stands). Kinds:
claim; theirs, a figure that a source prints, and beside, ours of the same; bits per symbol,
structure, closing, loops, errors, gates, cells, sweep. Text that a spreadsheet would take for a
formula is quoted by an apostrophe.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from analysis.claims.verdicts import Verdict
from analysis.results import inside
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from pipeline.lm.sources import HELD_OUT, NETWORK

COLUMNS = [
    "kind", "run", "name", "source", "unit", "estimate", "low", "high", "n", "floor", "rule",
    "verdict", "page",
]  # fmt: skip
BOUNDS = ("estimate", "low", "high", "n")
SECTIONS = {
    "bits per symbol": "bits",
    "structure": "structure",
    "closing": "closing",
    "loops": "temperature",
    "errors": "errors",
    "gates": "gates",
    "cells": "cells",
}
"""Of a corpus's page, by the kind of figures that stand there."""
FORMULA = (*"=+-@\t\r\n", *"＝＋－＠")
"""What a formula begins with; the wide ones where a spreadsheet is set to Japanese or Chinese."""

Rows = list[dict[str, Any]]


def figures_table(results: Results, claims: list[Verdict], beside: Rows) -> pd.DataFrame:
    """All figures there are; `beside` as `analysis.claims.reference.figure_rows` gives them."""
    rows = [
        {"kind": "claim", "run": " ".join(claim.runs), "name": f"{claim.id}: {part.measured}",
         "source": claim.source, "unit": part.unit, "estimate": part.estimate, "low": part.low,
         "high": part.high, "n": part.n, "floor": part.floor, "rule": part.rule,
         "verdict": part.verdict, "page": f"index.html#{claim.id}"}
        for claim in claims
        for part in claim.parts
    ]  # fmt: skip
    rows += _beside(beside)
    for make in (_bits, _structure, _closing, _loops, _errors, _gates, _cells):
        for run in results.config.experiments:
            rows += _there(make, results.run(run))
    for sweep in results.config.sweeps:
        rows += _there(_sweep, results, sweep)
    table = pd.DataFrame(rows, columns=COLUMNS)
    pages = {run for run in results.config.baselines if run in set(table["run"])}
    drawn = table["kind"].isin(SECTIONS) & table["run"].isin(pages)
    places = table["kind"].map(SECTIONS)
    table.loc[drawn, "page"] = "pages/" + table["run"].astype(str) + ".html#" + places
    _add_floors(table)
    texts = ["run", "name", "source", "unit"]
    table[texts] = table[texts].map(lambda v: f"'{v}" if str(v).startswith(FORMULA) else v)
    return table


def _add_floors(table: pd.DataFrame) -> None:
    """Beside each figure of a text's structure that of real text."""
    structure = table["kind"] == "structure"
    real = table[structure & (table["source"] == HELD_OUT)].set_index(["run", "name"])["estimate"]
    keys = pd.MultiIndex.from_frame(table.loc[structure, ["run", "name"]])
    table.loc[structure, "floor"] = real.reindex(keys).to_numpy()


def _there(make: Callable[..., Rows], *of: Any) -> Rows:
    """The figures of a kind of one run, or of a sweep; none while they wait for it."""
    try:
        return make(*of)
    except NotRunError:
        return []


def _beside(rows: Rows) -> Rows:
    found: Rows = []
    for row in rows:
        for pair in row["pairs"]:
            name = f"{row['what']} {pair['name']}".strip()
            common = {"name": name, "source": row["source"], "unit": row["unit"]}
            found.append({"kind": "theirs", "estimate": pair["theirs"], **common})
            if pair["ours"]:
                found.append({"kind": "beside", **common, **_interval(pair["ours"])})
    return found


def _bits(run: RunResults) -> Rows:
    return [
        {"kind": "bits per symbol", "run": run.name, "name": "test cross-entropy", "source": source,
         "unit": "bits per symbol", **_interval(run.bits(source))}
        for source in run.scored()
    ]  # fmt: skip


def _structure(run: RunResults) -> Rows:
    return [
        {"kind": "structure", "run": run.name, "name": row.metric, "source": row.source,
         "unit": row.unit, **_interval(row)}
        for row in run.rates().itertuples()
    ]  # fmt: skip


def _closing(run: RunResults) -> Rows:
    return [
        {"kind": "closing", "run": run.name, "name": f"true {closer}, {row.distance}+ bytes back",
         "source": row.source, "unit": "probability", **_interval(row)}
        for closer in run.table("closing")["closer"].unique()
        for row in run.closing([closer], "probability").itertuples()
    ]  # fmt: skip


def _loops(run: RunResults) -> Rows:
    return [
        {"kind": "loops", "run": run.name, "name": row.metric, "source": row.source,
         "unit": row.unit, **_interval(row)}
        for row in inside.loop_rates(run).itertuples()
    ]  # fmt: skip


def _errors(run: RunResults) -> Rows:
    return [
        {"kind": "errors", "run": run.name, "name": row.kind, "source": row.source,
         "unit": "share of errors", **_interval(row)}
        for row in inside.error_shares(run).itertuples()
    ]  # fmt: skip


def _gates(run: RunResults) -> Rows:
    return [
        {"kind": "gates", "run": run.name,
         "name": f"layer {row.layer}, gate {row.gate}, {row.side}",
         "source": f"{row.network} network", "unit": "share of the time", **_interval(row)}
        for row in inside.gate_summary(run).itertuples()
    ]  # fmt: skip


def _cells(run: RunResults) -> Rows:
    return [
        {"kind": "cells", "run": run.name, "name": name, "source": f"{network} network",
         "unit": "share of cells", **{key: found.get(key) for key in BOUNDS}}
        for network, shares in run.cells()["shares"].items()
        for name, found in shares.items()
    ]  # fmt: skip


def _sweep(results: Results, sweep: str) -> Rows:
    varied = [
        name
        for key, values in results.config.sweeps[sweep].grid.items()
        for name in (
            [f"{key}.{part}" for part in values[0]] if OmegaConf.is_dict(values[0]) else [key]
        )
    ]
    return [
        {"kind": "sweep", "run": sweep, "source": NETWORK, "unit": "bits per symbol",
         "name": ", ".join(f"{key} {run[key]}" for key in varied), "estimate": run["bits"]}
        for run in results.sweep(sweep, *varied).to_dict("records")
    ]  # fmt: skip


def _interval(found: Any) -> dict[str, float]:
    return {name: getattr(found, name) for name in BOUNDS if hasattr(found, name)}
