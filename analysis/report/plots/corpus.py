"""Figures of a corpus's page: its network's training, bits per symbol, copying."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.report.plots.figures import (
    KENLM_COLOUR,
    NETWORK_COLOUR,
    TEXT,
    Picture,
    Series,
    end_labels,
    picture,
    values_of,
)
from analysis.statistics import Interval
from pipeline.lm.sources import HELD_OUT, NETWORK, kenlm_source, label

NEAR = 1.0
"""Bits above the best model that a figure of bits shows; what lies higher needs no figure."""
ROW = 0.36
"""Inches of a source's row."""
BAND = 6
"""Points of an interval that is drawn as a band behind its dot."""


def training_curve(history: pd.DataFrame, title: str) -> Picture:
    """Cross-entropy of the training and validation part over the training."""

    def draw(axes: Axes) -> None:
        ends = []
        for column, name, line in (
            ("train_bits", "training part", "--"),
            ("validation_bits", "validation part", "-"),
        ):
            axes.plot(history["epoch"], history[column], line, color=NETWORK_COLOUR, lw=1.8)
            ends.append((history[column].iloc[-1], name, TEXT))
        both = history[["train_bits", "validation_bits"]]
        near = max(both.min().max() + 2 * NEAR, both.iloc[-1].max())  # a network may overfit
        axes.set(xlabel="epochs", ylabel="bits per symbol")
        axes.set_ylim(top=min(axes.get_ylim()[1], near))
        end_labels(axes, ends)

    best, last = history.loc[history["validation_bits"].idxmin()], history.iloc[-1]
    return picture(
        draw,
        f"Training of the {title} network: validation cross-entropy is lowest after "
        f"{best['epoch']:.0f} epochs, at {best['validation_bits']:.2f} bits per symbol; after "
        f"{last['epoch']:.0f} it is {last['validation_bits']:.2f}, that of the training part "
        f"{last['train_bits']:.2f}.",
        "Cross-entropy while training. The dashed line is the mean since the point before.",
    )


def bits_panel(axes: Axes, kenlm: Mapping[int, Interval], network: Interval | None) -> None:
    """Bits per symbol by symbols of context, `kenlm`, and the network as a line; only what is near
    the best."""
    contexts = sorted(kenlm)
    found = [kenlm[context] for context in contexts]
    axes.plot(contexts, [i.estimate for i in found], "s-", color=KENLM_COLOUR, ms=3.5, lw=1.5)
    axes.fill_between(
        contexts, [i.low for i in found], [i.high for i in found], color=KENLM_COLOUR, alpha=0.2,
        lw=0,
    )  # fmt: skip
    shown = [*found, network] if network else found
    best = min(i.estimate for i in shown)
    least = min([best, *(i.low for i in shown if i.low == i.low)])  # one window has no interval
    axes.set(ylim=(least - 0.05, best + NEAR), xlim=(0, max(contexts) + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    last = found[-1].estimate
    ends = [(last, f"counts {last:.2f}", KENLM_COLOUR)]
    if network:
        axes.axhline(network.estimate, color=NETWORK_COLOUR, lw=1.8)
        axes.axhspan(network.low, network.high, color=NETWORK_COLOUR, alpha=0.2, lw=0)
        ends.append((network.estimate, f"network {network.estimate:.2f}", NETWORK_COLOUR))
    end_labels(axes, ends)


def bits_by_model(bits: dict[str, Interval], kenlm_orders: list[int]) -> Picture:
    """Test bits per symbol: Kneser-Ney by order, and the network as a line."""
    found = {order - 1: bits[kenlm_source(order)] for order in kenlm_orders}

    def draw(axes: Axes) -> None:
        bits_panel(axes, found, bits[NETWORK])
        axes.set(xlabel="symbols of context", ylabel="test bits per symbol")

    best, shortest = min(found, key=lambda n: found[n].estimate), min(found)
    return picture(
        draw,
        f"Test bits per symbol: network {bits[NETWORK].estimate:.3f}; Kneser-Ney "
        f"{found[shortest].estimate:.3f} with {shortest} symbols of context, "
        f"{found[best].estimate:.3f} with {best}.",
        "Bits per symbol on the test part, by the network and by counts smoothed by Kneser-Ney, "
        f"with 95 % intervals (bootstrap over windows, or documents where they are few). Lower is "
        f"better; what is more than {NEAR:g} bit above the best is "
        "left out of the figure and stands in the table.",
    )


def rates_by_source(
    rates: pd.DataFrame, metrics: list[str], sources: list[str], caption: str
) -> Picture:
    """Some shares of every source, a row a source, as dots on their intervals."""
    colours = (NETWORK_COLOUR, KENLM_COLOUR)

    def draw(axes: Axes) -> None:
        for metric, colour, off in zip(metrics, colours, (-0.17, 0.17), strict=True):
            rows = rates[rates["metric"] == metric].set_index("source")
            for place, source in enumerate(sources):
                if source in rows.index:
                    row = rows.loc[source]
                    axes.plot([row["low"], row["high"]], [place + off] * 2, color=colour, lw=BAND,
                              alpha=0.3, solid_capstyle="butt")  # fmt: skip
                    axes.plot(row["estimate"], place + off, "o", color=colour, ms=4)
                    axes.annotate(
                        f"{row['estimate']:.1%}", (row["estimate"], place + off), (7, 0),
                        fontsize=8, textcoords="offset points", va="center",
                    )  # fmt: skip
        axes.set_yticks(range(len(sources)), [label(source) for source in sources])
        axes.set(xlim=(-0.02, 1.12), ylim=(len(sources) - 0.4, -0.6))
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        axes.grid(axis="y", visible=False)

    assert sources[0] == HELD_OUT
    return picture(
        draw,
        values_of(rates, metrics, sources),
        f"{caption} Bands: 95 % intervals. The first row is real text that no model has seen.",
        key=[Series(m, c, "o", "") for m, c in zip(metrics, colours, strict=True)],
        height=ROW * len(sources) + 0.5,
    )
