"""Claims as the index shows them: tiles, and a small drawing for each part."""

import math
from dataclasses import dataclass
from typing import Any

from analysis.claims.verdicts import NOT_RUN, Part, Verdict

SOURCES = {
    "post": "The post (Karpathy, 2015)",
    "reply": "The reply (Goldberg, 2015)",
    "KJF": "Its measured sequel (Karpathy, Johnson and Fei-Fei, 2015)",
    "course": "A course on recurrent networks",
}
"""What claims call their sources, and their names for readers."""
MARGIN = 0.12
"""Of a drawing's width, beyond what it shows."""
MAGNITUDES = 100
"""Figures so far apart stand on a logarithmic scale."""


@dataclass(frozen=True)
class Drawing:
    """A part's rule and figure on one line. All places are per cent of its width, None where there
    is nothing."""

    zone: tuple[float, float]
    """Where the rule holds: left and width."""
    dot: float
    low: float | None
    high: float | None
    floor: float | None


def drawing(part: Part) -> Drawing | None:
    """None without a figure or without a rule."""
    if part.estimate is None or (part.lowest is None and part.highest is None):
        return None
    seen = [part.estimate, part.low, part.high, part.floor, part.lowest, part.highest]
    values = [value for value in seen if value is not None]
    scale, left, width = _scale(values, part.unit)

    def at(value: float | None, otherwise: float | None = None) -> float | None:
        if value is None:
            return otherwise
        return round(100 * (scale(value) - left) / width, 2)

    start, end = at(part.lowest, 0.0), at(part.highest, 100.0)
    dot = at(part.estimate)
    assert start is not None and end is not None and dot is not None
    return Drawing((start, round(end - start, 2)), dot, at(part.low), at(part.high), at(part.floor))


def _scale(values: list[float], unit: str) -> tuple[Any, float, float]:
    """How a value is placed, where the line begins and how long it is."""
    if unit.startswith("share") and min(values) >= 0 and max(values) <= 1:
        return float, -0.02, 1.04
    far = min(values) > 0 and max(values) / min(values) > MAGNITUDES
    scale = math.log if far else float
    low, high = scale(min(values)), scale(max(values))
    margin = MARGIN * ((high - low) or abs(high) or 1)
    return scale, low - margin, high - low + 2 * margin


def row(claim: Verdict) -> dict[str, Any]:
    """A claim with the drawings of its parts, how many of them are settled, what it waits for."""
    done = sum(part.verdict != NOT_RUN for part in claim.parts)
    waits = dict.fromkeys(part.reason for part in claim.parts if part.verdict == NOT_RUN)
    return {
        "claim": claim,
        "parts": [(part, drawing(part)) for part in claim.parts],
        "done": done,
        "waits": ", ".join(reason.removeprefix("waits for ") for reason in waits),
    }


def rows(claims: list[Verdict]) -> dict[str, list[dict[str, Any]]]:
    """All claims in three groups, each in its order: `settled`, `partly` (some parts are) and
    `waiting` (none is)."""
    found = [row(claim) for claim in claims]
    return {
        "settled": [r for r in found if r["claim"].verdict != NOT_RUN],
        "partly": [r for r in found if r["claim"].verdict == NOT_RUN and r["done"]],
        "waiting": [r for r in found if not r["done"]],
    }


def tiles(claims: list[Verdict]) -> dict[str, list[dict[str, Any]]]:
    """All claims by the name of their source."""
    found: dict[str, list[dict[str, Any]]] = {}
    for claim in claims:
        found.setdefault(SOURCES.get(claim.source, claim.source), []).append(row(claim))
    return found
