"""Figures of what networks can remember: gradients by distance, and the memory tasks."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.report.plots.figures import (
    GREY,
    KENLM_COLOUR,
    NETWORK_COLOUR,
    NGRAM_COLOUR,
    Picture,
    Series,
    picture,
)
from analysis.report.plots.inside import curve, intervals

CELL_STYLES = {
    "rnn": {"color": KENLM_COLOUR, "marker": "s"},
    "gru": {"color": NGRAM_COLOUR, "marker": "^"},
    "lstm": {"color": NETWORK_COLOUR, "marker": "o"},
}
TASK_NAMES = {"copy": "copy the first number", "add": "add the two marked numbers"}


def gradients(decay: pd.DataFrame, words: str) -> Picture:
    """Gradient norms by distance, relative to the nearest; before training and after."""
    networks = list(decay["network"].unique())

    def draw(*panels: Axes) -> None:
        for axes, network in zip(panels, networks, strict=True):
            for (cell, state), rows in decay[decay["network"] == network].groupby(
                ["cell", "state"], sort=False
            ):
                line = "--" if state == "c" else "-"
                curve(axes, rows["distance"], intervals(rows), ls=line, **CELL_STYLES[cell])
            axes.set(yscale="log", title=network, xlabel="symbols back, k")
            axes.set(ylabel="gradient, 1 at k = 1")
        lowest = min(axes.get_ylim()[0] for axes in panels)
        for axes in panels:
            axes.set(ylim=(lowest, 10))

    lines = decay[["cell", "state"]].drop_duplicates().itertuples(index=False)
    far = decay["distance"].max()
    ends = decay[(decay["distance"] == far) & (decay["state"] == "h")]
    said = [f"{r.cell.upper()} {r.network} {r.estimate:.1e}" for r in ends.itertuples()]
    return picture(
        draw,
        f"Gradient norms {far} symbols back relative to 1 symbol back: {', '.join(said)}.",
        f"Mean norm of the gradient of one symbol's loss by the state h (or c) some symbols "
        f"before, relative to that one symbol before; {words}. 95 % intervals over seeds.",
        panels=(1, len(networks)),
        key=[
            Series(
                cell.upper() + (", by its cell c" if state == "c" else ""),
                **CELL_STYLES[cell],
                ls="--" if state == "c" else "-",
            )
            for cell, state in lines
        ],
    )


def memory(table: pd.DataFrame) -> Picture:
    """Error by length: a panel a task; guessing dotted."""
    tasks = list(table["task"].unique())

    def draw(*panels: Axes) -> None:
        for axes, task in zip(panels, tasks, strict=True):
            mine = table[table["task"] == task]
            lengths = sorted(mine["length"].unique())
            places = {length: place for place, length in enumerate(lengths)}
            for offset, (cell, rows) in enumerate(mine.groupby("cell", sort=False)):
                at = [places[length] + 0.06 * (offset - 1) for length in rows["length"]]
                curve(axes, at, intervals(rows), **CELL_STYLES[cell])
            axes.axhline(1, color=GREY, ls=":", lw=2)
            axes.set_xticks(range(len(lengths)), [f"{n:g}" for n in lengths])
            axes.set(title=TASK_NAMES[task], xlabel="steps in a sequence")
            axes.set(ylabel="error, guessing being 1", ylim=(-0.04, 1.35))

    longest = table["length"].max()
    said = [
        f"{row.cell.upper()} on {row.task} {row.estimate:.2f}"
        for row in table[table["length"] == longest].itertuples()
    ]
    return picture(
        draw,
        f"Error relative to guessing at the longest sequences, {longest} steps: {', '.join(said)}.",
        "Mean squared error relative to guessing, mean over seeds with 95 % intervals (bootstrap "
        "over seeds), of networks trained on sequences of all lengths. Dotted: guessing.",
        panels=(1, len(tasks)),
        key=[
            *(Series(cell.upper(), **CELL_STYLES[cell]) for cell in table["cell"].unique()),
            Series("guessing", GREY, "", ":"),
        ],
    )
