"""Figures of closings: a panel a class of closers, a line a model, by distance."""

import html
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from analysis.report.plots.figures import (
    NETWORK_COLOUR,
    Picture,
    bars,
    ends_of,
    key_of,
    picture,
    style,
)
from analysis.results.reader import COMPARED
from analysis.results.run import RunResults
from analysis.statistics import Interval
from pipeline.lm.sources import HELD_OUT, NETWORK, TEMPERATURE, label, members

COLUMNS = 2
LABELS = 5
"""So many distances can all be named below a panel; of more, every other."""
LEAST_DISTANCES = 3
"""A line of fewer points shows nothing about distance."""
FIGURES = {
    "probability": "probability of the closer",
    "likeliest": "share where it is the likeliest",
    "typed": "probability among its kind",
}
"""Figures of closing.tsv, and their axes' titles."""
CAPTIONS = {
    "probability": "Probability that each model gives to the true closer, all its symbols, where "
    "it stands in held-out text.",
    "likeliest": "Share of true closers every symbol of which was the model's likeliest.",
    "typed": "Probability of the true closer given that one of its kind stands here: among ), ] "
    "and }, or of the name after \\end{ and </. Quotes and comments have no kind.",
}
COMMENT = " A comment ends at the next */, so none is violated."
ENDS = {"right": "closed rightly", "violated": "violated"}


def pictures(run: RunResults) -> dict[str, Picture | None]:
    """All figures by name; None where there is nothing to show."""
    settings = run.settings
    counts = closings_by_class(run)
    classes = [closer for closer, n in counts.items() if n >= settings.least_closings]
    rare = [f"{shown(closer)} ({n})" for closer, n in counts.items() if closer not in classes]
    left_out = f" Left out for fewer than {settings.least_closings} closings: {', '.join(rare)}."
    note = left_out if rare else ""
    sparse = f" Distances with fewer than {settings.least_at_distance} closings are not drawn."
    found: dict[str, Picture | None] = {}
    for figure in FIGURES:
        tables = {closer: by_distance(run, closer, figure) for closer in classes}
        tables = {closer: table for closer, table in tables.items() if len(table)}
        found[f"closing-{figure}"] = (
            closing_by_class(tables, figure, sparse + note) if tables else None
        )
    ends = run.table("incidence")
    kept = [closer for closer in classes if closer in set(ends["closer"])]
    found["closing-ends"] = incidence_by_class(ends, kept, note) if kept else None
    return found


def closings_by_class(run: RunResults) -> dict[str, int]:
    """How many true closings of each class the test part has, most first."""
    table = run.table("closing")
    mine = table[table["source"] == NETWORK].groupby("closer")["n"].sum()
    return {str(c): int(n) for c, n in mine.sort_values(ascending=False).items()}


def by_distance(run: RunResults, closer: str, figure: str) -> pd.DataFrame:
    """`RunResults.closing` of one class at the distances that have closings enough; empty if they
    are too few for a line."""
    settings = run.settings
    table = run.closing([closer], figure).dropna(subset="estimate")
    table = table[table["n"] >= settings.least_at_distance]
    counted = table.drop_duplicates("distance")
    enough = len(counted) >= LEAST_DISTANCES and counted["n"].sum() >= settings.least_closings
    return table if enough else table[:0]


def closing_by_class(tables: dict[str, pd.DataFrame], figure: str, note: str) -> Picture:
    """One figure of closing.tsv: `tables` as `RunResults.closing` gives them, by class."""
    sources = list(next(iter(tables.values()))["source"].unique())

    def draw(*panels: Axes) -> None:
        for axes, (closer, table) in zip(panels, tables.items(), strict=False):
            distance_panel(axes, table, sources)
            count = table[table["source"] == sources[0]]["n"].sum()
            _title(axes, f"{shown(closer)}: {count:,} closings")
        _finish(panels, len(tables), FIGURES[figure])

    return picture(
        draw,
        f"{FIGURES[figure]}, by distance since the opening. "
        + " ".join(f"{shown(c)}: {ends_of(table, 'distance')}." for c, table in tables.items()),
        f"{CAPTIONS[figure]} By distance since its opening; 95 % intervals over windows.{note}",
        panels=(-(-len(tables) // COLUMNS), COLUMNS),
        key=key_of(sources),
    )


def distance_panel(axes: Axes, table: pd.DataFrame, sources: Sequence[str]) -> None:
    """A line a source, by distance since the opening."""
    edges = sorted(table["distance"].unique())
    for source in sources:
        rows = table[table["source"] == source].sort_values("distance")
        places = [edges.index(d) for d in rows["distance"]]
        _line(axes, places, _intervals(rows, "estimate", "low", "high"), source, sources)
    every = 1 + (len(edges) > LABELS)
    axes.set_xticks(range(0, len(edges), every), [f"{edge}+" for edge in edges[::every]])
    axes.set(xlim=(-0.3, len(edges) - 0.7), ylim=(-0.02, 1.02))
    axes.set(xlabel="characters since the opening")


def incidence_by_class(table: pd.DataFrame, classes: Sequence[str], note: str) -> Picture:
    """How delimiters end in text written freely: a row a class, rightly and violated."""
    networks = members(table["source"].unique(), TEMPERATURE)
    sources = [s for s in table["source"].unique() if s == COMPARED or s not in networks]

    farthest = table[table["distance"] == table["distance"].max()]

    def draw(*panels: Axes) -> None:
        cells = [(closer, end) for closer in classes for end in ENDS]
        for axes, (closer, end) in zip(panels, cells, strict=True):
            mine = table[table["closer"] == closer]
            for source in sources:
                rows = mine[mine["source"] == source].sort_values("distance")
                found = _intervals(rows, end, f"{end}_low", f"{end}_high")
                _line(axes, rows["distance"], found, source, sources)
            _title(axes, f"{shown(closer)}: {ENDS[end]}")
            axes.set(xscale="log", ylim=(-0.02, 1.02))
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.set(xlabel="characters since the opening")
        _finish(panels, len(cells), "share of openings")

    return picture(
        draw,
        f"Share of delimiters closed rightly within {farthest['distance'].max():,} bytes: "
        + " ".join(_said(farthest[farthest["closer"] == c], c, sources) for c in classes),
        "In text written freely: share of the delimiters opened that are closed rightly, or "
        "violated, within so many bytes. Cumulative incidence, what the sample's end cuts off "
        "censored; 95 % intervals over samples. Dotted: the held-out text."
        f"{COMMENT if '*/' in classes else ''}{note}",
        panels=(len(classes), len(ENDS)),
        key=key_of(sources),
    )


def _said(rows: pd.DataFrame, closer: str, sources: list[str]) -> str:
    """What becomes of one class of delimiters, in words."""
    right = rows.set_index("source")["right"]
    own = [f"{label(s)} {right[s]:.2f}" for s in (COMPARED, HELD_OUT) if s in right]
    others = [right[s] for s in sources if s in right and s not in (COMPARED, HELD_OUT)]
    if others:
        own.append(f"n-grams {min(others):.2f} to {max(others):.2f}")
    return f"{shown(closer)} {', '.join(own)}."


def _intervals(rows: pd.DataFrame, *columns: str) -> list[Interval]:
    values = rows[list(columns)].to_numpy()
    return [Interval(estimate, low, high, len(rows)) for estimate, low, high in values]


def _line(
    axes: Axes,
    places: Sequence[float],
    found: list[Interval],
    source: str,
    sources: Sequence[str],
) -> None:
    shape = style(source, sources)
    network = shape["color"] == NETWORK_COLOUR
    axes.errorbar(
        places,
        [i.estimate for i in found],
        yerr=bars(found),
        ms=4,
        lw=2 if network else 1.2,
        elinewidth=0.8,
        zorder=3 if network else 2,
        **shape,
    )


def _finish(panels: Sequence[Axes], used: int, y: str) -> None:
    """Spare panels away."""
    for place, axes in enumerate(panels):
        axes.set_visible(place < used)
        axes.set_ylabel(y, fontsize=9)


def _title(axes: Axes, text: str) -> None:
    """A panel's title; a $ in it starts no formula."""
    axes.set_title(text, loc="left", fontsize=10, parse_math=False)


def shown(closer: str) -> str:
    """A class of closers for readers."""
    if closer.startswith(("</", "&lt;/")):
        return f"{html.unescape(closer)} of the {'XML' if closer.startswith('<') else 'wikitext'}"
    return html.unescape(closer)
