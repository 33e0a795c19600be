"""Drawings of what single cells do, and of how sure models are."""

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from analysis.report.plots import figures
from analysis.report.plots.figures import GREY, KENLM_COLOUR, NETWORK_COLOUR, Picture, Series
from pipeline.lm.sources import NETWORK, TRAINED, UNTRAINED, label

POST_SHARE = 0.05
"""Of cells that the post found to be interpretable."""
EXCITED, QUIET = "#2f9e57", "#3b78d8"
STRENGTH = 0.8
"""Opacity of a cell at 1 or -1: letters stay legible on it."""
COLUMNS = 80
"""Symbols of a line of a strip."""
ARROWS = "↵⇥←"
FIRST_UNUSUAL = 0x530
"""From here on the font lacks some characters."""
OTHER = "·"
ADVANCE = 0.602
"""Width of a character of that font, in its size."""
POINTS = 72
"""In an inch."""
LINE = 0.17
"""Inches."""
BAR = 0.8


@dataclass(frozen=True)
class Strip:
    """Some text coloured by one cell: a label, and what the cell holds, for each symbol."""

    row: dict[str, Any]
    """Of cells.tsv."""
    labels: list[str]
    values: list[float]
    """Of the cell, -1 to 1."""

    inside: list[bool]
    """Whether the feature holds there."""

    @property
    def symbols(self) -> list[tuple[str, float, bool]]:
        """A character, the value and whether the feature holds, of each symbol."""
        short = [name if len(name) == 1 else OTHER for name in self.labels]
        return list(zip(short, self.values, self.inside, strict=True))

    @property
    def lines(self) -> list[tuple[str, NDArray[np.float64]]]:
        """The text in lines of `COLUMNS` characters of the figures' font, and their values."""
        usual = [
            name if name in ARROWS or (len(name) == 1 and ord(name) < FIRST_UNUSUAL) else OTHER
            for name in self.labels
        ]
        return [
            ("".join(usual[some]), np.array(self.values[some]))
            for some in (slice(at, at + COLUMNS) for at in range(0, len(usual), COLUMNS))
        ]


def score_curves(scores: dict[str, list[float]], interpretable: float) -> Picture:
    """The share of cells that score at least so much on their best feature, by network."""

    def draw(axes: Axes) -> None:
        for name, colour, line in ((TRAINED, NETWORK_COLOUR, "-"), (UNTRAINED, GREY, ":")):
            best = np.sort(scores[name])
            share = 1 - np.arange(len(best)) / len(best)
            axes.step(
                [0, *best, 1], [1, *share, 0], line, where="post", color=colour, lw=2,
            )  # fmt: skip
        axes.axvline(interpretable, color=GREY, lw=1)
        axes.text(interpretable + 0.01, 1, "interpretable", va="top")
        axes.axhline(POST_SHARE, color=GREY, lw=1, ls="--")
        axes.text(0.01, POST_SHARE, "the post's 5 %", va="bottom")
        axes.set(
            xlabel="best score of a cell in both halves: |2 AUC − 1| or |ρ|",
            ylabel="share of cells with at least that", xlim=(0, 1), ylim=(0, 1.02),
        )  # fmt: skip

    shares = {name: np.mean(np.array(of) >= interpretable) for name, of in scores.items()}
    return figures.picture(
        draw,
        f"Share of cells that score at least {interpretable:g} on some feature: "
        f"{shares[TRAINED]:.1%} in the trained network, {shares[UNTRAINED]:.1%} before training.",
        "For every score, the share of cells that reach it on their best feature in both halves of "
        f"the text; one that never changes scores 0. From {interpretable:g} on a cell counts as "
        "interpretable. Dotted: the same network before training.",
        key=[
            Series("trained network", NETWORK_COLOUR),
            Series("untrained network", GREY, ls=":"),
        ],
    )


def confidence(table: pd.DataFrame) -> Picture:
    """How probable the likeliest next symbol is, by class of symbols: a panel a model."""
    sources = list(table["source"].unique())
    sums = table.pivot_table("symbols", ["source", "class"], "least", aggfunc="sum", fill_value=0)
    shares = sums.div(sums.sum(axis=1), axis=0)
    edges = list(shares.columns)
    totals = table.groupby(["source", "class"])[["right", "symbols"]].sum()
    right = totals["right"] / totals["symbols"]
    own = shares.loc[NETWORK]
    classes = list(own[edges[-2:]].sum(axis=1).sort_values().index)
    counts = sums.loc[NETWORK].sum(axis=1)

    def draw(*panels: Axes) -> None:
        figure = _figure(panels[0], 1.6 + 0.27 * len(classes))
        for axes, source in zip(panels, sources, strict=True):
            left = np.zeros(len(classes))
            for place, edge in enumerate(edges):
                width = shares.loc[source].reindex(classes)[edge].to_numpy()
                axes.barh(
                    range(len(classes)), width, BAR, left, color=NETWORK_COLOUR,
                    alpha=(place + 1) / len(edges), lw=0,
                )  # fmt: skip
                left = left + width
            hits = right.loc[source].reindex(classes)
            axes.plot(hits, range(len(classes)), "|", color=KENLM_COLOUR, ms=13, mew=2)
            axes.set_title(label(source), fontsize=10)
            axes.set(xlim=(0, 1), xticks=(0, 0.5, 1), yticks=[])
            axes.grid(visible=False)
        ticks = [f"{name} ({counts[name]:,})" for name in classes]
        panels[0].set_yticks(range(len(classes)), ticks)
        figure.supxlabel("share of symbols read", fontsize=10)
        figure.legend(
            handles=_legend(edges), loc="outside upper center", ncols=len(edges) + 1,
            title="probability of the likeliest next symbol", handlelength=1, columnspacing=1,
        )  # fmt: skip

    sure = own[edges[-2:]].sum(axis=1)
    return figures.picture(
        draw,
        f"Share of symbols after which the network gives its likeliest next symbol {edges[-2]:g} "
        f"or more: " + ", ".join(f"{name} {sure[name]:.0%}" for name in reversed(classes)) + ".",
        "How sure each model is of what comes next, by what has just been read (in brackets, how "
        "many symbols). Blue: the share of symbols for which it was right. An unsmoothed n-gram is "
        "sure of whatever followed once.",
        (1, len(sources)),
        apart=False,
    )


def _figure(axes: Axes, height: float) -> Figure:
    """The figure that some axes stand in, made `height` inches high."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.set_figheight(height)
    return figure


def _legend(edges: list[float]) -> list[Patch | Line2D]:
    ends = [*edges[1:], 1.0]
    buckets: list[Patch | Line2D] = [
        Patch(color=NETWORK_COLOUR, alpha=(place + 1) / len(edges), lw=0, label=f"{low:g}–{high:g}")
        for place, (low, high) in enumerate(zip(edges, ends, strict=True))
    ]
    mark = Line2D([], [], color=KENLM_COLOUR, marker="|", ls="", ms=11, mew=2, label="it was right")
    return [*buckets, mark]


def strips(found: list[Strip]) -> Picture:
    """Some text for each feature, coloured by its best cell, as the post does."""
    heights = [2 + len(strip.lines) for strip in found]

    def draw(axes: Axes) -> None:
        _figure(axes, LINE * sum(heights)).set_layout_engine("none")
        mpl.rcParams["text.hinting"] = "none"  # else letters drift from their columns
        axes.set_position((0, 0, 1, 1))
        axes.set(xlim=(0, COLUMNS), ylim=(sum(heights), 0))
        axes.axis("off")
        top = 0
        for strip, height in zip(found, heights, strict=True):
            row = strip.row
            title = f"{row['feature']}: layer {row['layer']}, cell {row['cell']}"
            axes.text(0.5, top + 1.4, title, fontweight="bold", va="center", parse_math=False)
            for place, (text, values) in enumerate(strip.lines, top + 2):
                _line(axes, text, values, place)
            top += height

    words = ", ".join(strip.row["feature"] for strip in found)
    return figures.picture(
        draw,
        f"Held-out text coloured by the best cell of each feature: {words}.",
        "Green: the cell is excited (near 1); blue: it is quiet (near -1).",
    )


def _line(axes: Axes, text: str, values: NDArray, top: int) -> None:
    """One line of a strip; each symbol has a column of the width of the font's."""
    colours = np.where(values[:, None] > 0, to_rgb(EXCITED), to_rgb(QUIET))
    shades = np.column_stack([colours, STRENGTH * np.abs(values)])[None]
    axes.imshow(shades, extent=(0, len(text), top + 1, top), aspect="auto", interpolation="nearest")
    size = figures.WIDTH * POINTS / COLUMNS / ADVANCE
    axes.text(0, top + 0.55, text, fontsize=size, family="DejaVu Sans Mono", va="center",
              parse_math=False)  # fmt: skip
