"""Figures of what goes on inside networks: evolution, gates, errors, loops."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from omegaconf import DictConfig

from analysis.report.plots.figures import (
    GREY,
    KENLM_COLOUR,
    MARKERS,
    NETWORK_COLOUR,
    NGRAM_COLOURS,
    Picture,
    Series,
    bars,
    end_labels,
    key_of,
    picture,
    say_why,
    style,
    values_of,
)
from analysis.results.inside import KIND_GROUPS, LOOPING
from analysis.statistics import Interval
from pipeline.lm.sources import (
    HELD_OUT,
    NETWORK,
    TRAINED,
    UNTRAINED,
    label,
    ngram_source,
    number,
    temperature_source,
)

COLUMNS = ["estimate", "low", "high", "n"]
LAYER_COLOURS = [NETWORK_COLOUR, KENLM_COLOUR, NGRAM_COLOURS[3], NGRAM_COLOURS[0]]
KIND_COLOURS = [KENLM_COLOUR, "#7f5aa2", "#c7b16d", NETWORK_COLOUR, "#e08e45", "#a9c29a", GREY]
GATE_NAMES = {"i": "input gate", "f": "forget gate", "o": "output gate",
              "r": "reset gate", "z": "update gate"}  # fmt: skip
FORM = ["full stops in place", "commas in place", "quote errors"]
ABSENT = {
    "entropy": "no samples",
    "distinct-2": "no two words or marks in a row",
    "non-words": "no dictionary,\nor no words in small letters",
    LOOPING: "no samples",
}
"""Why a panel of the figure of temperatures may be empty."""
WORD_LENGTHS = "non-words of "
BETWEEN_SPACES = "characters between spaces"
NEAREST_TICK = 2.5
"""Times the last, of training steps that have a number in the narrowest panel."""


def intervals(rows: pd.DataFrame) -> list[Interval]:
    """Rows of a table of figures."""
    return [Interval(*row) for row in rows[COLUMNS].to_numpy()]


def curve(axes: Axes, places: Sequence[float], found: list[Interval], **shape: Any) -> None:
    """A line with intervals."""
    estimates = [i.estimate for i in found]
    axes.errorbar(places, estimates, yerr=bars(found), capsize=2, ms=4.5, lw=1.5, **shape)


def metric_curve(
    axes: Axes, rates: pd.DataFrame, metric: str, sources: dict[str, float], **shape: Any
) -> float | None:
    """One metric over sources at their places, and the held-out floor as a dotted line; returns the
    last estimate, None where no source has one."""
    rows = rates[rates["metric"] == metric].set_index("source")
    shown = [source for source in sources if source in rows.index]
    places = [sources[source] for source in shown]
    curve(axes, places, intervals(rows.loc[shown]), **shape)
    if HELD_OUT in rows.index:
        axes.axhline(rows.loc[HELD_OUT, "estimate"], color=shape["color"], ls=":", lw=1.5)
    return float(rows.loc[shown[-1], "estimate"]) if shown else None


def evolution(rates: pd.DataFrame, history: pd.DataFrame, title: str) -> Picture:
    """Samples by iteration, panel by panel in the order in which the post sees things appear."""
    taken = sorted((number(s), s) for s in rates["source"].unique() if s != HELD_OUT)
    sources = {source: at for at, source in taken if at}  # step 0, random symbols, has no logarithm
    banded = [m for m in rates["metric"].unique() if m.startswith(WORD_LENGTHS)]

    def draw(bits: Axes, spaces: Axes, words: Axes, form: Axes) -> None:
        early = history[history["step"] <= max(sources.values()) * 1.1]
        bits.plot(early["step"], early["validation_bits"], color=NETWORK_COLOUR)
        bits.set(ylabel="bits per character", title="validation part")
        metric_curve(spaces, rates, BETWEEN_SPACES, sources, color=NETWORK_COLOUR, marker="o")
        spaces.set(ylabel="characters", ylim=(0, None), title=BETWEEN_SPACES)
        named = []
        shades = [NETWORK_COLOUR, *[GREY] * max(len(banded) - 2, 0), KENLM_COLOUR]
        for metric, colour in zip(banded, shades[: len(banded)], strict=True):
            name = metric.removeprefix(WORD_LENGTHS).removesuffix(" letters").replace("-", "–")
            last = metric_curve(words, rates, metric, sources, color=colour, marker="")
            if last is not None:
                named.append((last, name, colour))
        words.set(ylabel="share of words", ylim=(0, 1.02), title="non-words, by letters")
        end_labels(words, named)
        named = []
        for metric, colour, marker in zip(FORM, LAYER_COLOURS, MARKERS, strict=False):
            last = metric_curve(form, rates, metric, sources, color=colour, marker=marker)
            if last is not None:
                named.append((last, metric.replace(" in place", ""), colour))
        form.set(ylabel="share", ylim=(0, 1.02), title="full stops and commas in place")
        end_labels(form, named)
        steps = list(sources.values())
        marked = steps[:1]  # nearer ones would run into each other
        for at in steps:
            if at >= NEAREST_TICK * marked[-1]:
                marked.append(at)
        for axes in (bits, spaces, words, form):
            axes.set(xscale="log", xlabel="training steps", xlim=(min(steps) * 0.85, None))
            axes.set_xticks(marked, [f"{at:g}" for at in marked])
            axes.tick_params(axis="x", labelsize=8)
            axes.minorticks_off()

    return picture(
        draw,
        f"Samples of the {title} network after {', '.join(f'{at:g}' for at in sources.values())} "
        "steps: " + values_of(rates, [BETWEEN_SPACES, *banded, *FORM], [*sources, HELD_OUT]),
        "Samples taken while training (temperature 1), with 95 % intervals over streams. Dotted: "
        "held-out text, cut into pieces as they are. A full stop or comma is in place if what "
        "stands around it allows one; quotation marks err where opening and closing ones do not "
        "alternate.",
        panels=(2, 2),
    )


def gates(shares: pd.DataFrame, run: str, settings: DictConfig) -> Picture:
    """The two shares of every gate unit, a panel a gate, a colour a layer."""
    names, layers = list(shares["gate"].unique()), sorted(shares["layer"].unique())
    trained = shares[shares["network"] == TRAINED]
    before = shares[shares["network"] == UNTRAINED]

    def draw(*panels: Axes) -> None:
        for axes, gate in zip(panels, names, strict=True):
            axes.plot([0, 1], [1, 0], color=GREY, lw=0.8)
            floor = before[before["gate"] == gate]
            axes.plot(floor["right"], floor["left"], "x", color=GREY, ms=7, mew=2, rasterized=True)
            for layer, rows in trained[trained["gate"] == gate].groupby("layer"):
                axes.plot(rows["right"], rows["left"], "o", color=layer_colour(layer), ms=3.2,
                          alpha=0.55, mew=0, rasterized=True)  # fmt: skip
            axes.set(
                title=GATE_NAMES[gate], xlabel=f"time above {settings.right:g}", xlim=(-0.02, 1.02)
            )
            axes.set(ylim=(-0.02, 1.02))
            axes.set(ylabel=f"time below {settings.left:g}")

    means = trained.groupby(["gate", "layer"], sort=False)[["right", "left"]].mean()
    said = [
        f"{GATE_NAMES[row.gate]} of layer {row.layer} {row.right:.2f} and {row.left:.2f}"
        for row in means.reset_index().itertuples()
    ]
    return picture(
        draw,
        f"Gates of the {run} network, mean share of the time that units are nearly open and nearly "
        f"shut: {', '.join(said)}.",
        "Each point is a gate unit: the share of the time that it is nearly open (above "
        f"{settings.right:g}, right-saturated) and nearly shut (below {settings.left:g}, "
        "left-saturated) while the network reads held-out text. Crosses: the same network before "
        "training.",
        panels=(1, len(names)),
        key=[
            *(Series(f"layer {layer}", layer_colour(layer), "o", "") for layer in layers),
            Series("untrained", GREY, "x", ""),
        ],
    )


def layer_colour(layer: int) -> str:
    """Of layer 1, 2, ..."""
    return LAYER_COLOURS[(layer - 1) % len(LAYER_COLOURS)]


def errors(
    shares: pd.DataFrame, sources: list[str], names: dict[str, str], settings: DictConfig
) -> Picture:
    """What the errors of some models are, as stacked bars of errors per 100 symbols."""
    kinds = list(KIND_GROUPS.values())
    table = shares.pivot_table(index="source", columns="kind", values="errors") * 100

    def draw(axes: Axes) -> None:
        for row, source in enumerate(reversed(sources)):
            left = 0.0
            for kind, colour in zip(kinds, KIND_COLOURS, strict=True):
                width = table.loc[source, kind]
                axes.barh(row, width, left=left, color=colour, height=0.62)
                left += width
            axes.text(left + 0.3, row, f"{left:.1f}", va="center", fontsize=9)
        axes.set_yticks(range(len(sources)), [names.get(s, label(s)) for s in reversed(sources)])
        axes.set(xlabel="errors per 100 symbols of held-out text")
        axes.margins(x=0.08)
        axes.grid(axis="y", visible=False)

    return picture(
        draw,
        "Errors of each model per 100 symbols, by kind: "
        + ", ".join(f"{label(s)} {table.loc[s].sum():.1f}" for s in sources)
        + ".",
        f"Symbols to which a model gave less than {settings.threshold:g}, peeled off kind by kind "
        f"from the left: those that some n-gram of up to {settings.oracle_context} symbols of "
        f"context gets right; those in words seen in the last {max(settings.memory):,} characters; "
        f"those in words that the training part has {max(settings.rare)} times or less; first "
        "symbols of words; punctuation; white space; the rest.",
        key=[Series(k, c, "s", "") for k, c in zip(kinds, KIND_COLOURS, strict=True)],
    )


def temperature(rates: pd.DataFrame, temperatures: list[float], orders: list[int]) -> Picture:
    """Entropy, variety, spelling and loops of samples by temperature; n-grams as points."""
    sources = {temperature_source(t): t for t in temperatures}
    ends = [temperature_source(t) for t in (temperatures[0], temperatures[-1])]
    ngrams = [ngram_source(order) for order in orders]
    metrics = {
        "entropy": ("entropy of symbols", "bits per character"),
        "distinct-2": ("distinct word pairs", "share of pairs"),
        "non-words": ("non-words", "share of words"),
        LOOPING: (LOOPING, "share of samples"),
    }
    shown = [*sources, *ngrams, HELD_OUT]

    def draw(*panels: Axes) -> None:
        for axes, (metric, (title, unit)) in zip(panels, metrics.items(), strict=True):
            axes.set_title(title)
            rows = rates[(rates["metric"] == metric) & rates["source"].isin(shown)]
            rows = rows.dropna(subset="estimate").set_index("source")
            if rows.empty:
                say_why(axes, ABSENT[metric])
                continue
            metric_curve(axes, rates, metric, sources, color=NETWORK_COLOUR, marker="o")
            there = [s for s in ngrams if s in rows.index]
            for source in there:
                colour = style(source, ngrams)["color"]
                place = 1 + 0.03 * (ngrams.index(source) - (len(ngrams) - 1) / 2)
                axes.plot(place, rows.loc[source, "estimate"], "^", ms=4.5, color=colour)
            # The interval of a greedy sample that loops, of few words, would flatten the rest.
            axes.set(xlabel="temperature", ylabel=unit, xlim=(-0.06, None))
            axes.set_ylim(0, 1.08 * rows["estimate"].max() or 1)

    return picture(
        draw,
        "Samples by temperature. " + values_of(rates, list(metrics), [*ends, HELD_OUT]),
        "The network's samples by temperature, 0 being greedy, with 95 % intervals over windows "
        "(over samples for loops); beside them unsmoothed n-grams, sampled at temperature 1. "
        "Dotted: held-out text. A sample ends in a loop if its end repeats, three times and over "
        "100 characters at least.",
        panels=(2, 2),
        key=key_of([NETWORK, *ngrams, HELD_OUT]),
    )
