"""Figures of the small experiments on single networks, one each, from the rows of results/course.

A line is the mean over seeds, the band behind it reaches from the least to the largest of them.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from analysis.report.plots.figures import (
    GREY,
    KENLM_COLOUR,
    NETWORK_COLOUR,
    NGRAM_COLOURS,
    Picture,
    Series,
    picture,
)

COLOURS = [NETWORK_COLOUR, KENLM_COLOUR, NGRAM_COLOURS[1], NGRAM_COLOURS[4], GREY]
BAND = "Bands: from the least to the largest of the seeds."


def chosen(rows: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The rows that have certain values in some columns."""
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return rows


def line(axes: Axes, rows: pd.DataFrame, name: str, value: str = "value", **style: Any) -> None:
    """A value along its curve."""
    by_place = rows.groupby("at")[value]
    places = by_place.mean().index
    axes.plot(places, by_place.mean(), label=name, lw=1.6, ms=4, **style)
    axes.fill_between(places, by_place.min(), by_place.max(), alpha=0.18, lw=0,
                      color=style.get("color"))  # fmt: skip


def dots(axes: Axes, rows: Iterable[tuple[str, pd.DataFrame]]) -> None:
    """A value a row, all its seeds, the floor as a tick; the first row on top."""
    named = list(rows)[::-1]
    for place, (_, mine) in enumerate(named):
        axes.plot(mine["floor"], [place] * len(mine), "|", color=GREY, ms=15, mew=2)
        axes.plot(mine["value"], [place] * len(mine), "o", color=NETWORK_COLOUR, ms=5, alpha=0.6)
    axes.set_yticks(range(len(named)), [name for name, _ in named])
    axes.set(ylim=(-0.6, len(named) - 0.4))
    axes.grid(axis="y", visible=False)


def said(rows: pd.DataFrame, by: str = "setting", form: str = ".2f") -> str:
    """Means by a column, in words."""
    means = rows.groupby(by, sort=False)["value"].mean()
    return ", ".join(f"{name} {value:{form}}" for name, value in means.items())


def ends(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows at the end of each curve."""
    return rows[rows["at"] == rows.groupby(["experiment", "setting"])["at"].transform("max")]


def hello(rows: pd.DataFrame) -> Picture:
    """Loss by step, with state and without."""
    ways = {str(name): mine for name, mine in rows.groupby("setting")}

    def draw(axes: Axes) -> None:
        for colour, (name, mine) in zip(COLOURS, ways.items(), strict=False):
            line(axes, mine, name, color=colour)
        axes.axhline(rows["floor"].iloc[0], ls=":", color=GREY)
        axes.set(xlabel="steps", ylabel="nats per symbol", yscale="log")

    return picture(
        draw,
        f"Loss on hello at the end, nats per symbol: {said(ends(rows), form='.3g')}.",
        f"Loss while a network learns “hello”, with state and without. {BAND}",
        key=[*map(Series, ways, COLOURS), Series("least without state", GREY, ls=":")],
    )


def diagram(rows: pd.DataFrame) -> Picture:
    """The post's diagram at three times: hidden values and scores, step by step."""
    letters = "helo"
    times = ["before", "after one update", "at the end"]
    first = chosen(rows, seed=rows["seed"].min())

    def draw(*panels: Axes) -> None:
        for axes, time in zip(panels, times, strict=True):
            mine = chosen(first[first["metric"].str.match("hidden|score ")], setting=time)
            table = mine.pivot_table(index="metric", columns="at", values="value")
            units = [name for name in table.index if name.startswith("hidden")]
            names = [*(f"score {k}" for k in range(len(letters))), *units]
            values = table.loc[names].to_numpy()
            axes.imshow(values, cmap="RdBu_r", vmin=-6, vmax=6, aspect="auto", alpha=0.55)
            for (row, column), value in np.ndenumerate(values):
                right = row < len(letters) and letters[row] == "ello"[column]
                axes.text(
                    column,
                    row,
                    f"{value:.1f}".replace("-0.0", "0.0"),
                    fontsize=9,
                    ha="center",
                    va="center",
                    weight="bold" if right else "normal",
                )
                if right:
                    axes.add_patch(_box(column, row))
            axes.set_xticks(range(4), list("hell"))
            axes.set_yticks(range(len(names)), [*letters, *(f"unit {k + 1}" for k, _ in
                                                            enumerate(units))])  # fmt: skip
            axes.tick_params(length=0)
            axes.axhline(len(letters) - 0.5, color=GREY, lw=1)
            axes.grid(visible=False)
            axes.set_title(time, fontsize=10)
            axes.set(xlabel="letter read")
        for axes in panels[1:]:
            axes.set_yticklabels([])

    rise = chosen(rows, metric="all four right scores rise")
    likelier = chosen(rows, metric="all four right probabilities rise")
    found = (
        "Over many starts, one update makes all four right scores rise in "
        f"{rise['value'].mean():.0%}, all four right probabilities in "
        f"{likelier['value'].mean():.0%}; a step as long in a random direction, in "
        f"{rise['floor'].mean():.0%} and {likelier['floor'].mean():.0%}."
    )
    return picture(
        draw,
        "Scores of h, e, l, o and hidden values of three units at each of the four steps, before "
        f"training, after one update and at the end. {found}",
        "The post's diagram with real numbers: the scores of h, e, l and o (boxed: the right next "
        f"letter) and the three hidden values, at each letter read. {found}",
        panels=(1, 3),
        apart=False,
    )


def _box(column: int, row: int) -> Rectangle:
    return Rectangle((column - 0.47, row - 0.45), 0.94, 0.9, fill=False, ec="#1b6e3c", lw=1.6)


def by_hand(rows: pd.DataFrame) -> Picture:
    """Both losses, one over the other."""
    losses = chosen(rows, metric="training loss")
    names = map(str, losses["setting"].unique())
    key = [Series(name, colour, ls=ls) for name, colour, ls in
           zip(names, (NETWORK_COLOUR, KENLM_COLOUR), "-:", strict=True)]  # fmt: skip

    def draw(axes: Axes) -> None:
        for one in key:
            line(axes, chosen(losses, setting=one.name), one.name, color=one.color, ls=one.ls)
        axes.set(xlabel="steps", ylabel="training loss, nats per symbol")

    gap = chosen(rows, metric="loss difference")["value"].max()
    return picture(
        draw,
        f"Training loss of the NumPy network and of PyTorch's: they differ by {gap:.0e} at most.",
        f"The losses of the same start trained in NumPy and in PyTorch lie on one another. {BAND}",
        key=key,
    )


def gist(rows: pd.DataFrame) -> Picture:
    """The gist's smooth loss, and what n-grams reach that have read as much."""
    bits = chosen(rows, metric="test bits")

    def draw(axes: Axes) -> None:
        curve = chosen(rows, metric="smooth loss")
        line(axes, curve, "the gist, smooth loss", color=NETWORK_COLOUR)
        last = curve["at"].max()
        for name, mine in bits.groupby("setting", sort=False):
            mean = mine["value"].mean()
            axes.plot(last * 1.015, mean, "o" if name == "gist" else "_", ms=7, mew=2,
                      color=NETWORK_COLOUR if name == "gist" else KENLM_COLOUR)  # fmt: skip
            axes.annotate(f"{name} {mean:.2f}", (last * 1.04, mean), va="center", fontsize=8)
        axes.set(xlabel="iterations of 25 symbols", ylabel="bits per symbol", xlim=(0, last * 1.4))
        axes.set_xticks([k for k in axes.get_xticks() if k <= last])

    return picture(
        draw,
        f"Test bits per symbol: {said(bits)}.",
        "The gist's running loss as it reads Shakespeare, and at the right the test bits per "
        f"symbol of its network and of n-grams that have read as much. {BAND}",
    )


def optimisers(rows: pd.DataFrame) -> Picture:
    """Loss curves at each optimiser's best rate; the loss reached by rate."""
    reached = chosen(rows, metric="training nats")
    names = list(reached["setting"].unique())
    means = reached.groupby(["setting", "at"])["value"].agg(lambda v: v.mean(skipna=False))
    at_best = {name: f"{name} at {means[name].idxmin():g}" for name in names}

    def draw(left: Axes, right: Axes) -> None:
        for name, colour in zip(names, COLOURS, strict=False):
            curve = chosen(rows, setting=at_best[name], metric="training loss")
            line(left, curve, name, color=colour)
            line(right, chosen(reached, setting=name), name, color=colour, marker="o")
        left.set(xlabel="steps", ylabel="training loss, nats per symbol", title="at the best rate")
        right.set(xlabel="learning rate", xscale="log", title="by rate", ylabel="at the end")
        right.axhline(reached["floor"].mean(), ls=":", color=GREY)
        least, most = reached["value"].min(), min(reached["value"].max(), 6)
        right.set_ylim(least - 0.2, most + 0.2)

    best = {name: chosen(reached, setting=name).groupby("at")["value"].mean().min()
            for name in names}  # fmt: skip
    return picture(
        draw,
        "Lowest training loss at the end, nats per symbol: "
        + ", ".join(f"{name} {value:.2f}" for name, value in best.items())
        + ".",
        "Loss of one small vanilla RNN under each optimiser: at its best rate, and at the end by "
        f"rate. Dotted: symbol frequencies alone. {BAND}",
        panels=(1, 2),
        key=list(map(Series, at_best.values(), COLOURS)),
    )


def clipping(rows: pd.DataFrame) -> Picture:
    """Share of trainings that explode, by rate."""
    exploded = chosen(rows, metric="exploded")
    kinds = list(dict.fromkeys(name.rpartition(", ")[0] for name in exploded["setting"]))

    def draw(*panels: Axes) -> None:
        for axes, kind in zip(panels, kinds, strict=True):
            for way, style in (("not clipped", "-"), ("clipped", "--")):
                mine = chosen(exploded, setting=f"{kind}, {way}")
                share = mine.groupby("at")["value"].mean()
                axes.plot(share, f"o{style}", label=way, color=COLOURS[way == "clipped"], ms=4)
            axes.set(xscale="log", ylim=(-0.06, 1.06), title=kind)
            axes.set_xticks(share.index, [f"{rate:g}" for rate in share.index])
            axes.minorticks_off()
        for axes in panels[::2]:
            axes.set(ylabel="share that explode")
        for axes in panels[-2:]:
            axes.set(xlabel="learning rate")

    return picture(
        draw,
        f"Share of trainings that explode, over all rates: {said(exploded)}.",
        "Share of trainings, over seeds, that end no better than guessing or without a number, by "
        "learning rate, with gradients clipped and not.",
        panels=((len(kinds) + 1) // 2, 2),
        key=[Series("not clipped", COLOURS[0], "o"), Series("clipped", COLOURS[1], "o", "--")],
    )


def powers(rows: pd.DataFrame) -> Picture:
    """Gradient norms by distance and the power law."""
    norms = chosen(rows, metric="gradient norm")
    radii = sorted(chosen(rows, metric="growth per step")["at"].unique())

    def draw(*panels: Axes) -> None:
        for axes, kind in zip(panels, ("linear", "tanh"), strict=True):
            for radius, colour in zip(radii, COLOURS, strict=True):
                mine = chosen(norms, setting=f"{kind}, {radius:g}")
                line(axes, mine, f"radius {radius:g}", color=colour)
                axes.plot(mine["at"], mine["floor"], ":", color=colour, lw=1.2)
            axes.set(yscale="log", title=kind, xlabel="steps back, k")
            axes.set(ylabel="gradient, 1 at k = 1")
        panels[1].sharey(panels[0])

    growth = chosen(rows, metric="growth per step", setting="tanh")
    return picture(
        draw,
        f"Growth of the gradient per step back with tanh, by radius: {said(growth, 'at')}.",
        f"Mean norm of a gradient by steps back, by spectral radius; dotted: its powers. {BAND}",
        panels=(1, 2),
        key=[Series(f"radius {r:g}", c) for r, c in zip(radii, COLOURS, strict=True)],
    )
