"""Tables of what goes on inside networks -> figures with intervals, for pages and claims."""

import pandas as pd

from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults, rates_of
from analysis.statistics import (
    mean_interval,
    paired_difference,
    ratio_interval,
    seeds_interval,
    seeds_ratio_interval,
)
from analysis.structure.events import SHARE
from pipeline.lm.sources import NETWORK, TEMPERATURE, members, number

LOOPING = "samples that end in a loop"
KIND_GROUPS = {
    "n-gram": "n-gram",
    "memory": "word seen shortly before",
    "rare": "rare word",
    "word start": "start of a word",
    "punctuation": "punctuation",
    "white space": "white space",
    "rest": "rest",
}
"""How a kind of error begins, and what readers know it by; in the order of peeling."""


def kind_group(kind: str) -> str:
    """The group of a kind of error: `memory 100` is a `word seen shortly before`."""
    return next(name for start, name in KIND_GROUPS.items() if kind.startswith(start))


def gate_shares(run: RunResults) -> pd.DataFrame:
    """Share of the time each gate unit is saturated: columns network, layer, gate, unit, left,
    right. NotRunError if the cells have no gates."""
    table = run.own_table("gates")
    if table.empty:
        raise NotRunError(f"{run.name}: the network's cells have no gates")
    sides = {side: table[side] / table["symbols"] for side in ("left", "right")}
    return table[["network", "layer", "gate", "unit"]].assign(**sides)


def gate_summary(run: RunResults) -> pd.DataFrame:
    """Mean share over the units of a layer's gate, with intervals over units: columns network,
    layer, gate, side, estimate, low, high, n."""
    rows = []
    for keys, units in gate_shares(run).groupby(["network", "layer", "gate"], sort=False):
        for side in ("left", "right"):
            found = mean_interval(units[side], **run.settings.bootstrap())
            names = dict(zip(("network", "layer", "gate"), keys, strict=True))
            rows.append({**names, "side": side, **found._asdict()})
    return pd.DataFrame(rows)


def error_shares(run: RunResults) -> pd.DataFrame:
    """What the errors of every model are, by `kind_group`: columns source, kind, errors (of all
    symbols), share (of its errors; also as estimate, with low, high and n windows or documents),
    near (share of the kind's errors that are near misses), symbols (the kind's share of all
    symbols: what errors made at random would be)."""
    table = run.own_table("errors")
    table = table.assign(kind=table["kind"].map(kind_group))
    sums = table.groupby(["source", "window", "kind"], sort=False)[["symbols", "errors", "near"]]
    table = sums.sum().reset_index()
    rows = []
    for source, mine in table.groupby("source", sort=False):
        totals = mine.groupby("window")[["symbols", "errors"]].sum()
        everything = totals.sum()
        for kind, group in mine.groupby("kind", sort=False):
            by_window = group.set_index("window")
            found = ratio_interval(
                by_window["errors"], totals["errors"], **run.settings.bootstrap()
            )
            here = by_window.sum()
            rows.append(
                {
                    "source": source,
                    "kind": kind,
                    "errors": here["errors"] / everything["symbols"],
                    "share": found.estimate,
                    **found._asdict(),
                    "near": here["near"] / max(here["errors"], 1),
                    "symbols": here["symbols"] / everything["symbols"],
                }
            )
    return pd.DataFrame(rows)


def error_rates(run: RunResults) -> pd.DataFrame:
    """Errors of all symbols by model: columns source, estimate, low, high, n (windows or
    documents)."""
    table = run.own_table("errors")
    windows = table.groupby(["source", "window"], sort=False)[["symbols", "errors"]].sum()
    rows = []
    for source, mine in windows.groupby(level="source", sort=False):
        found = ratio_interval(mine["errors"], mine["symbols"], **run.settings.bootstrap())
        rows.append({"source": source, **found._asdict()})
    return pd.DataFrame(rows)


def errors_of_runs(runs: list[RunResults]) -> pd.DataFrame:
    """As `error_shares`, of the networks of several runs of one corpus, each called by its run, and
    of the corpus's n-grams."""
    tables = [
        error_shares(run).assign(source=lambda t, name=run.name: t["source"].replace(NETWORK, name))
        for run in runs
    ]
    return pd.concat(tables).drop_duplicates(["source", "kind"])


def error_change(small: RunResults, large: RunResults) -> pd.DataFrame:
    """What a large network errs less than a small one, per 100 symbols: columns kind, share (of all
    that go away), estimate, low, high, n; paired by window or document."""
    sides = []
    for run in (small, large):
        table = run.own_table("errors")
        mine = table[table["source"] == NETWORK]
        mine = mine.assign(kind=mine["kind"].map(kind_group))
        sides.append(mine.groupby(["kind", "window"], sort=False)[["symbols", "errors"]].sum())
    windows = sides[0].groupby(level="window")["symbols"].sum() / 100
    total = sides[0]["errors"].sum() - sides[1]["errors"].sum()
    rows = []
    for kind in sides[0].index.unique("kind"):
        first, second = (side.loc[kind, "errors"] for side in sides)
        found = paired_difference(first, second, windows[first.index], **small.settings.bootstrap())
        share = (first.sum() - second.sum()) / total
        rows.append({"kind": kind, "share": share, **found._asdict()})
    return pd.DataFrame(rows)


def loop_rates(run: RunResults) -> pd.DataFrame:
    """Share of samples that end in a loop, as `rates_of` gives shares."""
    table = run.own_table("loops")
    looping = table.assign(metric=LOOPING, unit=SHARE, exposure=1, events=table["period"] > 0)
    return rates_of(looping, run.settings)


def loop_periods(run: RunResults) -> pd.DataFrame:
    """Of the samples of each source, greedy ones first: columns source, streams, looping, period
    (median of those that loop, NaN if none do), shortest, longest, start (median)."""
    table = run.own_table("loops")
    rows = []
    for source, mine in table.groupby("source", sort=False):
        loops = mine[mine["period"] > 0]
        rows.append(
            {
                "source": source,
                "streams": len(mine),
                "looping": len(loops),
                "period": loops["period"].median(),
                "shortest": loops["period"].min(),
                "longest": loops["period"].max(),
                "start": loops["start"].median(),
            }
        )
    return pd.DataFrame(rows)


def gradient_shares(results: Results) -> pd.DataFrame:
    """Mean gradient norm over windows relative to that at the smallest distance: index cell,
    network, state, seed; columns the distances."""
    norms = results.common_table("gradients").pivot_table(
        index=["cell", "network", "state", "seed"], columns="distance", values="norm", sort=False
    )
    return norms.div(norms[norms.columns.min()], axis=0)


def gradient_decay(results: Results) -> pd.DataFrame:
    """Gradient shares by distance, geometric means over seeds: columns cell, network, state,
    distance, estimate, low, high, n."""
    rows = []
    for keys, mine in gradient_shares(results).groupby(["cell", "network", "state"], sort=False):
        names = dict(zip(("cell", "network", "state"), keys, strict=True))
        for distance in sorted(mine.columns):
            found = seeds_ratio_interval(mine[distance], results.settings.level)
            rows.append({**names, "distance": distance, **found._asdict()})
    return pd.DataFrame(rows)


def memory_errors(results: Results) -> pd.DataFrame:
    """Error by length, that of guessing being 1, over seeds: columns task, cell, length,
    steps (mean), estimate, low, high, n."""
    table = results.common_table("memory_tasks")
    table = table.assign(error=table["error"] / table["guessing"])
    rows = []
    for keys, mine in table.groupby(["task", "cell", "length"], sort=False):
        found = seeds_interval(mine["error"], results.settings.level)
        found = found._replace(low=max(0.0, found.low))  # no squared error is less
        names = dict(zip(("task", "cell", "length"), keys, strict=True))
        rows.append({**names, "steps": mine["steps"].mean(), **found._asdict()})
    return pd.DataFrame(rows)


def temperatures(rates: pd.DataFrame) -> list[float]:
    """The temperatures of which there are samples, ascending."""
    return sorted(map(number, members(rates["source"].unique(), TEMPERATURE)))
