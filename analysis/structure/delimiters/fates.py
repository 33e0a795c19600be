"""Opening and closing delimiters: true closings of real text, and how those of samples fare.

One stack (stack.py) serves both, fed by one lexer for each kind of text (lexers.py). Strings and
comments hide what is in them and are delimiters themselves.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.statistics import Interval
from analysis.structure.c import lexer as c_lexer
from analysis.structure.delimiters.incidences import incidence_intervals
from analysis.structure.delimiters.lexers import LEXERS, PYTHON_HEAD
from analysis.structure.delimiters.stack import Fate, Stack, group
from analysis.structure.events import VIOLATIONS, Event
from analysis.structure.latex import lexer as latex_lexer

__all__ = [
    "Closing",
    "Fate",
    "Incidence",
    "beginning",
    "buckets",
    "closings",
    "fates",
    "group",
    "incidence",
    "nesting_depth",
    "violations",
]


class Closing(NamedTuple):
    """A right closing: `closer` stands at byte `position`, its opener at byte `opened`."""

    position: int
    opened: int
    closer: str


class Incidence(NamedTuple):
    """Of delimiters opened, the share closed rightly, or violated, within a distance (bytes)."""

    distance: float
    right: Interval
    violated: Interval
    censored: int
    """Cut off by their window's end by then, so that nobody can tell."""
    at_risk: int
    """Still open after that."""


def fates(text: bytes, kind: str) -> list[Fate]:
    """What became of each delimiter of a text, in order of opening.

    Args:
        text: of one window.
        kind: c, python, latex, wikipedia, prose, shakespeare or names.
    """
    stack = Stack()
    LEXERS[kind](text, stack)
    return stack.finish(len(text))


def beginning(text: bytes, kind: str) -> int:
    """Offset of the first place where nothing can be open.

    In a piece of a text, marks that open as well as close ($, quotes) cannot be told before it.
    """
    if kind == "python":
        head = PYTHON_HEAD.search(text)
        return head.start() if head else len(text)
    find = {"c": c_lexer.synchronised, "latex": latex_lexer.synchronised}.get(kind)
    return find(text) if find else 0


def closings(text: bytes, kind: str) -> list[Closing]:
    """Every right closing of a text, in order; its distance is `position - opened` bytes."""
    right = [fate for fate in fates(text, kind) if fate.outcome == "ok"]
    return sorted(Closing(fate.ended, fate.opened, fate.closer) for fate in right)


def violations(text: bytes, kind: str) -> list[Event]:
    """Each delimiter as an event where it ended, its kind the class of the closer."""
    return sorted(Event(fate.ended, group(fate.closer), fate.outcome) for fate in fates(text, kind))


def nesting_depth(found: Sequence[Fate]) -> int:
    """Most delimiters open at once, among those closed rightly."""
    right = [fate for fate in found if fate.outcome == "ok"]
    steps = [(fate.opened, 1) for fate in right] + [(fate.ended, -1) for fate in right]
    return max(np.cumsum([step for _, step in sorted(steps)]).tolist(), default=0)


def buckets(distances: ArrayLike, edges: ArrayLike) -> NDArray[np.intp]:
    """Bucket of each distance, (n,): i where edges[i] <= distance < edges[i + 1]; the last is open.

    Args:
        distances: (n,), at least edges[0].
        edges: ascending lower edges.
    """
    return np.searchsorted(np.asarray(edges), np.asarray(distances), side="right") - 1


def incidence(
    windows: Sequence[Sequence[Fate]],
    closer: str,
    distances: Sequence[float],
    *,
    resamples: int,
    seed: int,
    level: float,
) -> list[Incidence]:
    """How delimiters of a class end, by distance, those cut by the window's end censored.

    Args:
        windows: `fates` of each window.
        closer: class of closers, as `group` names it.
        distances: where the cumulative incidences are read, in bytes.
        resamples: bootstrap resamples, over windows.
        seed: of the bootstrap.
        level: coverage of the intervals.
    """
    rows = [
        (window, fate.ended - fate.opened, _cause(fate.outcome))
        for window, found in enumerate(windows)
        for fate in found
        if group(fate.closer) == closer and fate.outcome != "unopened" and fate.ended > fate.opened
    ]
    window, length, cause = np.array(rows, int).reshape(-1, 3).T
    cut = [int(((cause == 0) & (length <= distance)).sum()) for distance in distances]
    left = [int((length > distance).sum()) for distance in distances]
    right, violated = incidence_intervals(
        length, cause, window, len(windows), distances,
        resamples=resamples, seed=seed, level=level,
    )  # fmt: skip
    return [Incidence(*row) for row in zip(distances, right, violated, cut, left, strict=True)]


def _cause(outcome: str) -> int:
    return 1 if outcome == "ok" else 2 if outcome in VIOLATIONS else 0
