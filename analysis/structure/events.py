"""What every kind of text is reduced to: events, and counts over an exposure."""

from typing import Literal, NamedTuple

Outcome = Literal["ok", "mismatch", "unclosed", "unopened", "censored"]
"""How a delimiter fared: closed by its own kind; closed by another; never closed though the text
went on; closed without an opening; still open where the window ends, so nobody can tell."""

VIOLATIONS = frozenset({"mismatch", "unclosed", "unopened"})


class Event(NamedTuple):
    """One thing seen in a text, at byte offset `position`."""

    position: int
    kind: str
    outcome: str


class Measure(NamedTuple):
    """One figure of one window, kept as a ratio so that it can be pooled and bootstrapped.

    The figure of many windows is sum(events) / sum(exposure), times 1,000 if `unit` says so.
    """

    name: str
    events: float
    exposure: float
    unit: str
    """`per 1,000 characters`, `share`, `characters`: see the constants of this module."""


PER_THOUSAND = "per 1,000 characters"
SHARE = "share"
CHARACTERS = "characters"
