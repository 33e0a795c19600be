"""What every kind of text is reduced to: events, and counts over an exposure."""

import re
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

    The figure of many windows is sum(events) / sum(exposure), both in units of `unit`.
    """

    name: str
    events: float
    exposure: float
    unit: str
    """`per 1,000 characters`, `share`, ...: see the constants of this module."""

    @property
    def scaled_exposure(self) -> float:
        """The exposure in units of `unit`."""
        return self.exposure / CHARACTERS_IN.get(self.unit, 1)


PER_THOUSAND = "per 1,000 characters"
PER_HUNDRED_THOUSAND = "per 100,000 characters"
JUDGED = "told from real text, AUC"
"""The metric of the machine judge: 1 tells always, .5 is guessing."""
SHARE = "share"
CHARACTERS = "characters"
LEVELS = "levels"
CHARACTERS_IN = {PER_THOUSAND: 1_000, PER_HUNDRED_THOUSAND: 100_000}


def run_length(metric: str) -> int:
    """Exposure that one event of a metric fills at least: copies of 50 symbols, `copied at 50`,
    come in runs of 50; most events come one by one."""
    found = re.fullmatch(r"(?:copied|novel) at (\d+)", metric)
    return int(found[1]) if found else 1
