"""What all drawings share: one drawing of a figure, whose colours follow the theme of its page."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.statistics import Interval
from pipeline.lm.sources import HELD_OUT, KENLM, NETWORK, family, label, members, of_network

mpl.use("Agg")

WIDTH, HEIGHT = 5.2, 2.9
"""Inches of a figure of one panel; it can be read at 340 px and at 600."""
PANEL = (3.4, 2.4)
"""Inches of each of several panels; a page has as many side by side as fit."""
TEXT, GRID, BACK = "#1d2430", "#d9dde3", "#ffffff"
NETWORK_COLOUR, KENLM_COLOUR, NGRAM_COLOUR, GREY = "#c2334a", "#1f7396", "#6b7a2f", "#737985"
VARIABLES = {
    TEXT: "text",
    GRID: "line",
    BACK: "back",
    NETWORK_COLOUR: "network",
    KENLM_COLOUR: "kneser-ney",
    NGRAM_COLOUR: "ngram",
    GREY: "soft",
}
"""What a page calls these colours; others are the same in both themes."""
NGRAM_COLOURS = ["#c7b16d", "#a8923f", "#7f8f4e", "#5b8c5a", "#3f7d68"]
MARKERS = "sD^v<>"
LABEL_GAP = 0.085
"""Of a panel's height, between the middles of two labels at its right."""


@dataclass(frozen=True)
class Series:
    """A line of a key: its name, colour and shape, as matplotlib names them."""

    name: str
    color: str
    marker: str = ""
    ls: str = "-"


@dataclass(frozen=True)
class Picture:
    """A figure: the SVG of each panel, or one of all if they are a `whole`; a key to their lines;
    the words that replace it and explain it; and all of it as a PNG."""

    panels: list[Markup]
    key: list[dict[str, str]]
    alt: str
    caption: str
    png: bytes
    layout: str
    """Panels `flow`, stand in `pairs`, or are a `whole`, which small screens scroll."""


def picture(
    draw: Callable[..., None],
    alt: str,
    caption: str,
    panels: tuple[int, int] = (1, 1),
    key: Sequence[Series] = (),
    apart: bool = True,
    height: float = HEIGHT,
) -> Picture:
    """Draw a figure. `draw` gets the axes of each panel, `panels` being rows, columns: on a page
    they flow, those of two columns in pairs, unless they are not `apart`; the PNG has them in rows.
    A single one is `height` inches high."""
    with mpl.rc_context(SETTINGS):
        together = _together(draw, panels, key, height)
        png = _saved(together, "png")
        if apart and panels != (1, 1):
            figures = [Figure(PANEL, layout="constrained") for _ in range(panels[0] * panels[1])]
            draw(*(figure.subplots() for figure in figures))
            figures = [figure for figure in figures if figure.axes[0].get_visible()]
        else:
            figures = [_together(draw, panels, (), height)]
        drawn = []
        for place, figure in enumerate(figures):
            mpl.rcParams["svg.hashsalt"] = f"{alt} {place}"  # no name twice on a page
            drawn.append(inline(_saved(figure, "svg").decode()))
    entries = [{"name": one.name, "colour": themed(one.color), **STROKES[one.ls]} for one in key]
    layout = "pairs" if panels[1] == 2 else "flow"
    return Picture(drawn, entries, alt, caption, png, layout if apart else "whole")


def say_why(axes: Axes, reason: str) -> None:
    """A panel that has nothing to show says so."""
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, f"not measured:\n{reason}", ha="center", va="center",
              transform=axes.transAxes)  # fmt: skip


STROKES = {
    "-": {"dashes": "", "width": "2"},
    "--": {"dashes": "5 3", "width": "2"},
    ":": {"dashes": "2 3", "width": "2"},
    "": {"dashes": "0 9 7 99", "width": "7"},
}
"""How a key draws a line of each style; without a line there is a dot."""


SETTINGS: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes.facecolor": "none",
    "savefig.facecolor": BACK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), TEXT
    ),
}


def _together(
    draw: Callable[..., None], panels: tuple[int, int], key: Sequence[Series], height: float
) -> Figure:
    rows, columns = panels
    size = (WIDTH, height) if panels == (1, 1) else (PANEL[0] * columns, PANEL[1] * rows)
    figure = Figure(size, layout="constrained")
    draw(*figure.subplots(rows, columns, squeeze=False).flat)
    if key:
        lines = [Line2D([], [], color=s.color, marker=s.marker, ls=s.ls, label=s.name) for s in key]
        figure.legend(handles=lines, loc="outside upper left", ncols=min(4, len(key)))
    return figure


def _saved(figure: Figure, kind: str) -> bytes:
    target = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(target, format=kind, dpi=150, metadata=metadata)
    return target.getvalue()


def inline(svg: str) -> Markup:
    """An SVG of matplotlib's as part of a page: its colours by the page's variables, no style that
    a content-security policy forbids, no name of a group, no number finer than can be seen."""
    size = re.search(r'viewBox="[^"]*"', svg)
    assert size
    body = svg[svg.index("</defs>") + len("</defs>") :]
    body = re.sub(r">\s*\n\s*<", "><", re.sub("<!--.*?-->", "", body, flags=re.DOTALL))
    body = re.sub("<[a-zA-Z][^>]*>", lambda tag: _tag(tag[0]), body)
    return Markup(f'<svg {size[0]} aria-hidden="true">{body.strip()}')


def _tag(tag: str) -> str:
    tag = re.sub(r"\s*\n\s*", " ", tag)
    tag = re.sub(' style="([^"]*)"', lambda found: _attributes(found[1]), tag)
    tag = re.sub('<g id="[^"]*"', "<g", tag).replace("xlink:href", "href")
    tag = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", tag)
    tag = re.sub(r"-?\d+\.\d{2,}", lambda number: f"{float(number[0]):.4g}", tag)
    return themed(tag)


def _attributes(style: str) -> str:
    """The declarations of an inline style as attributes; the page chooses the font."""
    pairs = [part.split(": ", 1) for part in style.split("; ") if ": " in part]
    return "".join(
        f' {name}="{value}"'
        for name, value in pairs
        if name != "font-family" or "Mono" in value.split(",")[0]
    )


def themed(text: str) -> str:
    """A text with the shared colours as a page's variables."""
    return re.sub("|".join(VARIABLES), lambda found: f"var(--{VARIABLES[found[0]]})", text)


def style(source: str, sources: Sequence[str]) -> dict[str, Any]:
    """Colour, marker and line of a source among those of a figure: four stand out, the network,
    real text, and of both kinds of n-grams the last; the others are grey."""
    if of_network(source):
        return {"color": NETWORK_COLOUR, "marker": "o", "ls": "-"}
    if source == HELD_OUT:
        return {"color": TEXT, "marker": "", "ls": ":"}
    if source not in members(sources, family(source))[-1:]:
        return {"color": GREY, "marker": "", "ls": "-"}
    if family(source) == KENLM:
        return {"color": KENLM_COLOUR, "marker": "s", "ls": "-"}
    return {"color": NGRAM_COLOUR, "marker": "^", "ls": "-"}


def key_of(sources: Sequence[str]) -> list[Series]:
    """The key to lines in the `style` of their sources; the grey ones have one entry."""
    found: dict[str, Series] = {}
    for source in sources:
        shape = style(source, sources)
        name = "other n-grams" if shape["color"] == GREY else label(source)
        found[name] = Series(name, **shape)
    return sorted(found.values(), key=lambda one: one.color == GREY)


def end_labels(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names of lines at the right of a panel, each at the height of its line's end, as (value,
    name, colour); those that would overlap are moved apart, and none stands beside the title."""
    low, high = axes.get_ylim()
    ends = sorted(ends)
    heights: list[float] = []
    for value, _, _ in ends:
        height = min(max((value - low) / (high - low), 0), 1)
        heights.append(max([height, *(h + LABEL_GAP for h in heights[-1:])]))
    highest = 1 - LABEL_GAP / 2
    for place in reversed(range(len(heights))):
        heights[place] = min(heights[place], highest)
        highest = heights[place] - LABEL_GAP
    for height, (_, name, colour) in zip(heights, ends, strict=True):
        axes.annotate(
            name, (1.02, height), xycoords="axes fraction", color=colour, fontsize=9, va="center"
        )


def ends_of(table: pd.DataFrame, by: str) -> str:
    """In words the estimates at the least and the largest value of a column: the network's, and the
    range of the others'."""
    known = table.dropna(subset="estimate")
    said = []
    for at in dict.fromkeys((known[by].min(), known[by].max())):
        here = known[known[by] == at].set_index("source")["estimate"]
        others = here.drop(NETWORK, errors="ignore")
        own = f"network {here[NETWORK]:.2f}, " if NETWORK in here else ""
        said.append(f"at {at:g} {own}n-grams {others.min():.2f} to {others.max():.2f}")
    return ", ".join(said)


def values_of(rates: pd.DataFrame, metrics: list[str], sources: list[str]) -> str:
    """In words some metrics of every source."""
    said = []
    for metric in metrics:
        found = rates[rates["metric"] == metric].set_index("source")["estimate"]
        values = [f"{label(source)} {found[source]:.2f}" for source in sources if source in found]
        said.append(f"{metric}: {', '.join(values)}")
    return "; ".join(said) + "."


def bars(intervals: list[Interval]) -> list[list[float]]:
    """Distances to the bounds, as matplotlib wants them; a missing bound draws none."""
    low = [max(0.0, i.estimate - i.low) if i.low == i.low else 0.0 for i in intervals]
    high = [max(0.0, i.high - i.estimate) if i.high == i.high else 0.0 for i in intervals]
    return [low, high]
