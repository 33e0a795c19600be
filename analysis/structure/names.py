"""Names, one a line: which are new, how many differ, which look like names."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from analysis.structure.events import SHARE, Event, Measure

FORM = re.compile(
    rb"[A-Z](?>(?:[a-z]|(?<=[A-Za-z])[-' ](?=[A-Za-z])|(?<=[a-z'\- ])[A-Z](?=[a-z]))+)(?<=[a-z])"
)
"""A capital, then small letters; more parts after a hyphen, apostrophe or space, or as LeeAnn."""


class Context(NamedTuple):
    """The names of the training text."""

    known: frozenset[bytes] = frozenset()
    folded: frozenset[bytes] = frozenset()
    """The same in small letters."""
    listed: frozenset[bytes] = frozenset()
    """Those of the whole list, held-out ones too."""

    @classmethod
    def of(cls, training: bytes, held_out: bytes = b"") -> "Context":
        """From the lines of the training text, and of what was held out."""
        known = frozenset(lines(training))
        return cls(known, frozenset(name.lower() for name in known), known.union(lines(held_out)))


NOTHING = Context()


def lines(text: bytes) -> list[bytes]:
    """The names of a window; empty lines and a last line without its end are left out."""
    return [name for line in text.split(b"\n")[:-1] if (name := line.strip())]


def events(text: bytes, context: Context = NOTHING) -> list[Event]:
    """Each name as an event `form` (ok or malformed) and one `novelty` (novel or known)."""
    found, position = [], 0
    for line in text.split(b"\n")[:-1]:
        name = line.strip()
        if name:
            form = "ok" if FORM.fullmatch(name) else "malformed"
            novelty = "known" if name in context.known else "novel"
            found += [Event(position, "form", form), Event(position, "novelty", novelty)]
        position += len(line) + 1
    return found


def measure(text: bytes, context: Context) -> list[Measure]:
    """The figures of one window: of its names one by one, and of the different ones among them.

    `unique` falls as the number of names grows: compare only windows of one size.
    """
    found = lines(text)
    unique = set(found)
    folded = {name.lower() for name in unique}
    valid = sum(FORM.fullmatch(name) is not None for name in found)
    unlisted = sum(name not in context.listed for name in found)
    return [
        Measure("novel", sum(name not in context.known for name in found), len(found), SHARE),
        Measure("novel, whole list", unlisted, len(found), SHARE),
        Measure("valid form", valid, len(found), SHARE),
        Measure("unique", len(unique), len(found), SHARE),
        Measure("novel, unique", len(unique - context.known), len(unique), SHARE),
        Measure("novel, case ignored", len(folded - context.folded), len(folded), SHARE),
    ]


def natural_novelty(names: Sequence[bytes]) -> Measure:
    """Share of real names that occur once: how novel each is to the list without it.

    The floor below which a sampler of new names copies more than the language does.
    """
    counts = Counter(names)
    once = sum(count == 1 for count in counts.values())
    return Measure("natural novelty", once, len(names), SHARE)
