"""All drawing of the project: tables of results to figures for pages, in their reader's theme."""

import base64
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.statistics import Interval
from pipeline.lm.sources import (
    HELD_OUT,
    KENLM,
    NETWORK,
    family,
    kenlm_source,
    label,
    members,
    of_network,
)

mpl.use("Agg")

WIDTH, HEIGHT = 7.2, 3.4
"""Inches; at 100 dots an inch they read well at 800 px and less."""
PANEL_HEIGHT = 0.8
LIGHT = {"text": "#1d2430", "grid": "#d9dde3", "back": "#ffffff"}
DARK = {"text": "#e4e7ec", "grid": "#3a4250", "back": "#171b22"}
NETWORK_COLOUR = "#d1495b"
KENLM_COLOUR = "#2e86ab"
NGRAM_COLOURS = ["#c7b16d", "#a8923f", "#7f8f4e", "#5b8c5a", "#3f7d68"]
METRIC_COLOURS = [NETWORK_COLOUR, KENLM_COLOUR, NGRAM_COLOURS[3]]
MARKERS = "sD^v<>"


@dataclass(frozen=True)
class Picture:
    """A figure as a data URI in its reader's theme, as PNG in the light one, and words: those that
    replace it, and those that explain it."""

    image: str
    alt: str
    caption: str
    png: bytes


def picture(
    draw: Callable[..., None], alt: str, caption: str, panels: tuple[int, int] = (1, 1)
) -> Picture:
    """Draw once: `draw` gets the axes of each panel, `panels` being rows, columns."""
    rows, columns = panels
    # Rows of a larger figure are lower: each panel is narrower too.
    height = HEIGHT * (1 if rows == 1 else PANEL_HEIGHT * rows)
    svg, png = io.BytesIO(), io.BytesIO()
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(*figure.subplots(rows, columns, squeeze=False).flat)
        figure.savefig(svg, format="svg", metadata=dict.fromkeys(SAID_OF_ITSELF))
        figure.savefig(png, format="png", dpi=150)
    content = base64.b64encode(in_any_theme(svg.getvalue().decode()).encode()).decode("ascii")
    return Picture(f"data:image/svg+xml;base64,{content}", alt, caption, png.getvalue())


SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "figure",  # the same figure gives the same bytes
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.7,
    "axes.facecolor": LIGHT["back"],
    "figure.facecolor": LIGHT["back"],
    "savefig.facecolor": LIGHT["back"],
    "legend.frameon": False,
    "legend.fontsize": 9,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"),
        LIGHT["text"],
    ),
}
SAID_OF_ITSELF = ("Creator", "Date", "Format", "Type")
STYLED = re.compile(r'style="([^"]*)"')
TAG = re.compile("<[^>]*>")
LONG_NUMBER = re.compile(r"[0-9]+[.][0-9]{3,}")


def in_any_theme(svg: str) -> str:
    """A figure drawn in the light theme, as one in its reader's: the theme's colours are variables.

    Each style is written once, and coordinates have two digits after the point: half the size.
    """
    styles: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return f'class="{styles.setdefault(found[1], f"s{len(styles)}")}"'

    def short(tag: re.Match[str]) -> str:
        return LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}", tag[0])

    svg = TAG.sub(short, STYLED.sub(named, svg))
    rules = [
        _variables(LIGHT),
        f"@media (prefers-color-scheme: dark) {{ {_variables(DARK)} }}",
        *(f".{name} {{ {_by_variables(style)} }}" for style, name in styles.items()),
    ]
    return svg.replace("</style>", "\n".join(["", *rules, "</style>"]), 1)


def _variables(theme: dict[str, str]) -> str:
    return f":root {{ {'; '.join(f'--{name}: {value}' for name, value in theme.items())} }}"


def _by_variables(style: str) -> str:
    for name, value in LIGHT.items():
        style = style.replace(value, f"var(--{name})")
    return style


def style(source: str, sources: list[str]) -> dict[str, str]:
    """Colour and marker of a source among those of a figure."""
    if of_network(source):
        return {"color": NETWORK_COLOUR, "marker": "o"}
    alike = members(sources, family(source))
    place = alike.index(source) if source in alike else 0
    marker = MARKERS[place % len(MARKERS)]
    if family(source) == KENLM:
        return {"color": KENLM_COLOUR, "marker": marker}
    return {"color": NGRAM_COLOURS[place % len(NGRAM_COLOURS)], "marker": marker}


def training_curve(history: pd.DataFrame, title: str) -> Picture:
    """Cross-entropy of the training and validation part over the training."""

    def draw(axes: Axes) -> None:
        for column, name, line in (
            ("train_bits", "training part", "--"),
            ("validation_bits", "validation part", "-"),
        ):
            axes.plot(
                history["epoch"], history[column], line, color=NETWORK_COLOUR, label=name, lw=1.8
            )
        axes.set(xlabel="epochs", ylabel="bits per symbol")
        axes.legend()

    best, last = history.loc[history["validation_bits"].idxmin()], history.iloc[-1]
    return picture(
        draw,
        f"Training of the {title} network: validation cross-entropy is lowest after "
        f"{best['epoch']:.0f} epochs, at {best['validation_bits']:.2f} bits per symbol; after "
        f"{last['epoch']:.0f} it is {last['validation_bits']:.2f}, that of the training part "
        f"{last['train_bits']:.2f}.",
        "Cross-entropy while training. The dashed line is the mean since the point before.",
    )


def bits_by_model(bits: dict[str, Interval], kenlm_orders: list[int]) -> Picture:
    """Test bits per symbol: Kneser-Ney by order, and the network as a line."""

    def draw(axes: Axes) -> None:
        rows = [(order - 1, bits[kenlm_source(order)]) for order in kenlm_orders]
        contexts, found = zip(*rows, strict=True)
        axes.errorbar(
            contexts,
            [i.estimate for i in found],
            yerr=bars(list(found)),
            fmt="s-",
            color=KENLM_COLOUR,
            capsize=3,
            label="modified Kneser-Ney (KenLM)",
        )
        network = bits[NETWORK]
        axes.axhline(network.estimate, color=NETWORK_COLOUR, label="network", lw=1.8)
        axes.axhspan(network.low, network.high, color=NETWORK_COLOUR, alpha=0.2, lw=0)
        axes.set(xlabel="symbols of context", ylabel="test bits per symbol", xticks=contexts)
        axes.legend()

    kenlm = {order - 1: bits[kenlm_source(order)].estimate for order in kenlm_orders}
    best, shortest = min(kenlm, key=lambda n: kenlm[n]), min(kenlm)
    return picture(
        draw,
        f"Test bits per symbol: network {bits[NETWORK].estimate:.3f}; Kneser-Ney "
        f"{kenlm[shortest]:.3f} with {shortest} symbols of context, {kenlm[best]:.3f} with {best}.",
        "Bits per symbol on the test part, with 95 % intervals (bootstrap over windows, or, where "
        "they are few, documents). Lower is better.",
    )


def closing_by_distance(table: pd.DataFrame, closers: str) -> Picture:
    """Mean probability of the true closer by distance since its opening, a line a model."""
    sources = list(table["source"].unique())

    def draw(axes: Axes) -> None:
        edges = sorted(table["distance"].unique())
        for source in sources:
            rows = table[table["source"] == source].sort_values("distance")
            places = [edges.index(d) for d in rows["distance"]]
            found = [Interval(*row) for row in rows[["estimate", "low", "high", "n"]].to_numpy()]
            shape = style(source, sources)
            axes.errorbar(
                places,
                rows["estimate"],
                yerr=bars(found),
                capsize=2,
                lw=2.2 if source == NETWORK else 1.2,
                ms=5,
                label=label(source),
                **shape,  # type: ignore[arg-type]
            )
        axes.set_xticks(range(len(edges)), [f"{edge}+" for edge in edges])
        axes.set(xlabel="bytes since the opening", ylabel="probability of the closer", ylim=(0, 1))
        axes.legend(ncols=2)

    return picture(
        draw,
        f"Mean probability that each model gives to the true closing {closers}, by distance since "
        f"the opening: {ends_of(table, 'distance')}.",
        f"Probability of the true {closers} where it stands in held-out text, by distance since "
        "its opening; 95 % intervals over windows.",
    )


def rates_by_source(
    rates: pd.DataFrame, metrics: list[str], sources: list[str], caption: str
) -> Picture:
    """Some shares of every source, as points with intervals; the held-out floor as a line."""

    def draw(axes: Axes) -> None:
        for place, metric in enumerate(metrics):
            rows = rates[rates["metric"] == metric].set_index("source")
            shown = [source for source in sources if source in rows.index]
            found = [Interval(*rows.loc[s, ["estimate", "low", "high", "n"]]) for s in shown]
            _series(axes, range(len(shown)), found, place, metric, line="")
            _floor(axes, rows, place)
            axes.set_xticks(range(len(shown)), [label(s) for s in shown], rotation=30, ha="right")
        axes.set(ylabel=_unit(rates, metrics), ylim=(0, None))
        axes.legend()

    return picture(
        draw, values_of(rates, metrics, sources), caption + " Dotted: the held-out text."
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


def _unit(rates: pd.DataFrame, metrics: list[str]) -> str:
    return rates.loc[rates["metric"].isin(metrics), "unit"].iloc[0]


def _series(
    axes: Axes, places: Sequence[float], found: list[Interval], place: int, name: str, line: str
) -> None:
    axes.errorbar(
        places,
        [i.estimate for i in found],
        yerr=bars(found),
        fmt=MARKERS[place] + line,
        color=METRIC_COLOURS[place],
        capsize=3,
        label=name,
    )


def _floor(axes: Axes, rows: pd.DataFrame, place: int) -> None:
    if HELD_OUT in rows.index:
        floor = rows.loc[HELD_OUT, "estimate"]
        axes.axhline(floor, color=METRIC_COLOURS[place], ls=":", lw=1.5)


def bars(intervals: list[Interval]) -> list[list[float]]:
    """Distances to the bounds, as matplotlib wants them; a missing bound draws none."""
    low = [max(0.0, i.estimate - i.low) if i.low == i.low else 0.0 for i in intervals]
    high = [max(0.0, i.high - i.estimate) if i.high == i.high else 0.0 for i in intervals]
    return [low, high]
