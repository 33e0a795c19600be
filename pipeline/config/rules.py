"""What values a setting may have: a rule holds, or says what to use instead."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from pipeline.lm.io.errors import InputError

MOST = 10**9
"""Of what is counted: symbols, streams, steps. More is a slip of the keyboard."""
MOST_AT_ONCE, MOST_BEGINNINGS = 100_000, 10_000
"""Streams, and beginnings of a beam search, whose states lie in memory side by side."""


class Rule(NamedTuple):
    """A test of a value, and in words what passes it. No rule lets NaN pass."""

    holds: Callable[[Any], bool]
    words: str


def one_of(*values: str) -> Rule:
    """One of some names."""
    return Rule(lambda value: value in values, f"{', '.join(values[:-1])} or {values[-1]}")


def between(low: float, high: float) -> Rule:
    """A number from `low` to `high`, both included."""
    return Rule(lambda value: low <= value <= high, f"{low:,} to {high:,}")


COUNT = Rule(between(1, MOST).holds, f"1 or more, at most {MOST:,}")
STREAMS = between(1, MOST_AT_ONCE)
BEAM = between(1, MOST_BEGINNINGS)
NATURAL = Rule(between(0, MOST).holds, f"0 or more, at most {MOST:,}")
POSITIVE = Rule(lambda value: value > 0, "a number above 0")
POSITIVE_FINITE = Rule(lambda value: 0 < value < math.inf, "a finite number above 0")
NOT_NEGATIVE = Rule(lambda value: 0 <= value < math.inf, "a finite number, 0 or more")
FINITE = Rule(math.isfinite, "a finite number")
SHARE = Rule(lambda value: 0 <= value < 1, "0 or more, below 1")
SEED = between(0, 2**32 - 1)


def check(settings: object, section: str, rule: Rule, *names: str) -> None:
    """InputError unless a rule holds for some settings, or for all items of one that is a list."""
    for name in names:
        value = getattr(settings, name)
        for item in value if isinstance(value, list) else [value]:
            if not rule.holds(item):
                verb = "has" if isinstance(value, list) else "is"
                raise InputError(f"{section}.{name} {verb} {item!r}: use {rule.words}")
