"""Figures of the small experiments in which networks learn a task; `course` has the others."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.report.plots.course import BAND, COLOURS, chosen, dots, line, said
from analysis.report.plots.figures import GREY, Picture, Series, picture
from analysis.report.plots.memory import CELL_STYLES

CELLS = {cell.upper(): style for cell, style in CELL_STYLES.items()}


def memory(rows: pd.DataFrame) -> Picture:
    """Error by length: adding by three cells, a vanilla RNN on two tasks."""
    rows = rows.assign(value=rows["value"] / rows["floor"])
    adding = rows[rows["experiment"] == "adding: add"]
    limit = rows[rows["experiment"].str.startswith("limit")]
    cells = list(map(str, adding["setting"].unique()))
    copying = {**CELLS["RNN"], "ls": "--"}

    def draw(left: Axes, right: Axes) -> None:
        for cell in cells:
            line(left, chosen(adding, setting=cell), cell, **CELLS[cell])
        line(right, chosen(limit, experiment="limit: add"), "adding", **CELLS["RNN"])
        line(right, chosen(limit, experiment="limit: copy"), "copying", **copying)
        for axes, title in ((left, "adding, three cells"), (right, "a vanilla RNN")):
            axes.axhline(1, color=GREY, ls=":")
            axes.set(title=title, xlabel="steps in a sequence", ylim=(-0.04, 1.3))
        left.set(ylabel="error, guessing being 1")
        right.axhline(0.2, color=GREY, lw=0.8, ls="--")

    far = adding[adding["at"] == adding["at"].max()]
    return picture(
        draw,
        f"Error in adding over {adding['at'].max():g} steps, guessing being 1: {said(far)}.",
        "Mean squared error by length, that of guessing being 1 (dotted). Right: what is below the "
        f"dashed line counts as solved. {BAND}",
        panels=(1, 2),
        key=[*(Series(cell, **CELLS[cell]) for cell in cells), Series("RNN, copying", **copying)],
    )


def inductive(rows: pd.DataFrame) -> Picture:
    """Share told without an error, by length."""

    def draw(*panels: Axes) -> None:
        for axes, (task, mine) in zip(panels, rows.groupby("experiment", sort=False), strict=True):
            for cell, own in mine.groupby("setting", sort=False):
                line(axes, own, str(cell), **{**CELLS[str(cell)], "marker": ""})
            axes.plot(mine["at"].unique(), mine.groupby("at")["floor"].mean(), ":", color=GREY)
            axes.axvline(
                mine.loc[mine["text"] == "learnt", "at"].max(), color=GREY, lw=0.8, ls="--"
            )
            axes.set(title=str(task), xlabel="length", ylim=(-0.04, 1.06))
        panels[0].set(ylabel="told without an error")

    return picture(
        draw,
        "Share told without an error over all lengths tested: "
        + "; ".join(f"{task}: {said(mine)}" for task, mine in rows.groupby("experiment"))
        + ".",
        "Share of sequences told without an error by length: counting (as many b as there were a) "
        "and copying. Dashed: the longest learnt from. Dotted: guessing. " + BAND,
        panels=(1, 2),
        key=[
            Series(str(cell), **{**CELLS[str(cell)], "marker": ""})
            for cell in rows["setting"].unique()
        ],
    )


def shapes(rows: pd.DataFrame) -> Picture:
    """Every measure of every task, beside its floor."""
    networks = chosen(rows, setting="network")

    def draw(axes: Axes) -> None:
        dots(axes, ((f"{task}: {metric}", mine) for (task, metric), mine in
                    networks.groupby(["experiment", "metric"], sort=False)))  # fmt: skip
        axes.set(xlabel="share", xlim=(-0.03, 1.03))

    return picture(
        draw,
        f"Shares reached, mean over measures: {said(networks, 'experiment')}.",
        "What a small network reaches on each shape of sequences, a point a seed. Ticks: floors.",
    )


def classes(rows: pd.DataFrame) -> Picture:
    """Names told right; how far packed and padded are apart."""
    accuracy = chosen(rows, metric="accuracy")
    apart = chosen(rows, metric="largest difference")

    def draw(left: Axes, right: Axes) -> None:
        dots(left, [("names", accuracy)])
        left.set(xlabel="share told right", xlim=(0.5, 1))
        both_ways_read = apart.assign(value=apart["floor"])
        dots(right, [("pads not read", apart.assign(floor=np.nan)),
                     ("pads read", both_ways_read.assign(floor=np.nan))])  # fmt: skip
        right.set(xlabel="largest difference", xscale="log")
        right.axvline(1e-6, color=GREY, ls="--", lw=1)

    return picture(
        draw,
        f"Share of names told right {accuracy['value'].mean():.2f}, always the larger class "
        f"{accuracy['floor'].mean():.2f}. Packed and padded differ by {apart['value'].max():.0e} "
        f"at most; by {apart['floor'].max():.0e} where a backward pass reads the pads.",
        "Left: unseen first names told to be female or male; tick: always the larger class. Right: "
        "loss and gradients of packed against padded sequences; dashed: a millionth.",
        panels=(1, 2),
    )


def states(rows: pd.DataFrame) -> Picture:
    """The states of one network in the plane, coloured by class and by position."""
    points = rows[rows["metric"].isin(["across", "up"])]

    def draw(*panels: Axes) -> None:
        for row, layout in enumerate(("PCA", "t-SNE")):
            mine = chosen(points, setting=layout)
            table = mine.pivot_table(index=["at", "text"], columns="metric", values="value")
            words = table.index.get_level_values("text").str.split(" ")
            kind, position = (np.array([word[k] for word in words]) for k in (0, 1))
            shade = np.minimum(position.astype(int), 8)
            ways = (("class", [COLOURS[k == "male"] for k in kind], None),
                    ("position", shade, "viridis"))  # fmt: skip
            for axes, (name, colour, scale) in zip(panels[2 * row :], ways, strict=False):
                drawn = axes.scatter(table["across"], table["up"], c=colour, cmap=scale, s=7,
                                     alpha=0.8, lw=0, rasterized=True)  # fmt: skip
                axes.set_title(f"{layout}, by {name}", fontsize=10)
                axes.set(xticks=[], yticks=[])
                if scale:
                    axes.figure.colorbar(drawn, ax=axes, label="letter")

    near = rows[rows["metric"].str.startswith("neighbours")]
    words = [
        f"{name} {mine['value'].mean():.2f} of the {metric.rpartition(' ')[2]} "
        f"({mine['floor'].mean():.2f})"
        for (name, metric), mine in near.groupby(["setting", "metric"], sort=False)
    ]
    found = (
        "Share of a state's nearest neighbours that are of its own class or position (labels "
        f"shuffled): {', '.join(words)}."
    )
    return picture(
        draw,
        f"Hidden states laid out by PCA and by t-SNE. {found}",
        "A hidden state of each unseen name, after a letter drawn at random, laid out by PCA and "
        "by t-SNE; coloured by the name's class and by the letter's place in it (8: or later). "
        + found,
        panels=(2, 2),
        key=[Series("female", COLOURS[0], "o", ""), Series("male", COLOURS[1], "o", "")],
    )


def both_ways(rows: pd.DataFrame) -> Picture:
    """Accuracy of the tag."""

    def draw(axes: Axes) -> None:
        dots(axes, rows.groupby("setting", sort=False))
        axes.set(xlabel="share of letters tagged right", xlim=(0, 1.03))

    return picture(
        draw,
        f"Share of letters tagged right: {said(rows)}; always the most frequent tag "
        f"{rows['floor'].mean():.2f}.",
        "How many letters of the word are still to come, told at each letter, a point a seed. "
        "Ticks: always the most frequent tag.",
    )
