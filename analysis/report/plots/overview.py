"""The figures of the index: a panel a corpus."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from analysis.report.plots.closing import distance_panel
from analysis.report.plots.corpus import NEAR, bits_panel
from analysis.report.plots.figures import Picture, key_of, picture
from analysis.statistics import Interval

COLUMNS = 3

Bits = tuple[Mapping[int, Interval], Interval | None]
"""Of Kneser-Ney by symbols of context, and of the network, if it was run."""


def bits(found: Mapping[str, Bits]) -> Picture:
    """Bits per symbol by symbols of context, by the titles of corpora."""

    def draw(*panels: Axes) -> None:
        for place, axes in enumerate(panels):
            axes.set_visible(place < len(found))
        for axes, (title, (kenlm, network)) in zip(panels, found.items(), strict=False):
            bits_panel(axes, kenlm, network)
            axes.set_title(title)
            axes.set(xlabel="symbols of context")

    said = []
    for title, (kenlm, network) in found.items():
        best = min(kenlm, key=lambda context: kenlm[context].estimate)
        own = f"network {network.estimate:.2f}, " if network else "network not run, "
        said.append(f"{title}: {own}counts {kenlm[best].estimate:.2f} with {best} symbols")
    return picture(
        draw,
        f"Bits per symbol of unseen text. {'; '.join(said)}.",
        "How many bits a symbol of unseen text costs a model: the better it predicts, the fewer. "
        "Blue: n-gram counts, smoothed by Kneser-Ney, by how many symbols they look back; red: the "
        "network, which looks back as far as it likes. Bands: 95 % intervals of each; which of two "
        "is better is told passage by passage, so bands may overlap. Each panel ends "
        f"{NEAR:g} bit above its best.",
        panels=(-(-len(found) // COLUMNS), COLUMNS),
    )


def closing(found: Mapping[str, pd.DataFrame]) -> Picture:
    """Probability of the true closer by distance, by titles of panels; tables as
    `RunResults.closing` gives them."""
    sources = list(dict.fromkeys(s for table in found.values() for s in table["source"]))
    columns = min(COLUMNS, len(found))

    def draw(*panels: Axes) -> None:
        for place, axes in enumerate(panels):
            axes.set_visible(place < len(found))
        for axes, (title, table) in zip(panels, found.items(), strict=False):
            distance_panel(axes, table, sources)
            axes.set_title(title, parse_math=False)

    return picture(
        draw,
        "Mean probability of the true closing bracket by distance since its opening.",
        "The probability that each model gives to the right closing bracket, where one stands in "
        "unseen text, by how many characters back it was opened. 95 % intervals.",
        panels=(-(-len(found) // columns), columns),
        key=key_of(sources),
    )
