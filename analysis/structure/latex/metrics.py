r"""LaTeX source text as counted events: environments, math, braces, references.

`latex_compile` adds the compiler's view.
"""

from typing import NamedTuple

from analysis.structure.events import (
    PER_THOUSAND,
    SHARE,
    VIOLATIONS,
    Event,
    Measure,
)
from analysis.structure.latex.lexer import THEOREMS, Mark, marks, synchronised
from analysis.structure.latex.spans import Span, match_marks

REACH = 2000
"""Characters within which an environment should be closed to count as kept in mind."""


class Context(NamedTuple):
    """What the training text lets a window of another text take for granted."""

    labels: frozenset[bytes] = frozenset()
    """Labels, as references name them."""

    @classmethod
    def of(cls, documents: dict[str, bytes]) -> "Context":
        """Labels of documents by file name: `lemma-x` of algebra.tex also is `algebra-lemma-x`."""
        found: set[bytes] = set()
        for name, text in documents.items():
            stem = name.rpartition("/")[2].removesuffix(".tex").encode()
            own = labels(text)
            found |= own | {stem + b"-" + label for label in own}
        return cls(frozenset(found))


EMPTY = Context()


def labels(text: bytes) -> set[bytes]:
    """Labels that a text defines."""
    return {mark.name for mark in marks(text) if mark.kind == "label"}


def events(text: bytes, context: Context = EMPTY) -> list[Event]:
    """Events of one window, in order of position.

    Kinds environment, math and brace with their outcomes; reference with `ok` or `dangling`.
    """
    start = synchronised(text)
    seen = list(marks(text[start:]))
    found = [
        Event(span.start, span.kind, span.outcome) for span in match_marks(seen, len(text) - start)
    ]
    found += _references(seen, context)
    return sorted(event._replace(position=event.position + start) for event in found)


def _references(found: list[Mark], context: Context) -> list[Event]:
    own = {mark.name for mark in found if mark.kind == "label"}
    return [
        Event(
            mark.position,
            "reference",
            "ok" if mark.name in own or mark.name in context.labels else "dangling",
        )
        for mark in found
        if mark.kind == "reference"
    ]


def measure(text: bytes, context: Context) -> list[Measure]:
    """Figures of one window."""
    text = text[synchronised(text) :]
    size = len(text)
    seen = list(marks(text))
    found = match_marks(seen, size)
    references = _references(seen, context)
    dangling = sum(reference.outcome == "dangling" for reference in references)
    opened = [
        span
        for span in found
        if span.kind == "environment" and span.stop > span.start and span.start + REACH <= size
    ]
    kept = sum(span.outcome == "ok" and span.stop - span.start <= REACH for span in opened)
    return [
        *(_violations(found, kind, size) for kind in ("environment", "math", "brace")),
        *(
            Measure(
                f"environment {outcome}", _count(found, "environment", outcome), size, PER_THOUSAND
            )
            for outcome in sorted(VIOLATIONS)
        ),
        Measure("dangling reference", dangling, len(references), SHARE),
        Measure(f"environment closed within {REACH}", kept, len(opened), SHARE),
        Measure("environments", _opened(found), size, PER_THOUSAND),
    ]


def _violations(found: list[Span], kind: str, size: int) -> Measure:
    count = sum(_count(found, kind, outcome) for outcome in VIOLATIONS)
    return Measure(f"{kind} violation", count, size, PER_THOUSAND)


def _count(found: list[Span], kind: str, outcome: str) -> int:
    return sum(span.kind == kind and span.outcome == outcome for span in found)


def _opened(found: list[Span]) -> int:
    return sum(span.kind == "environment" and span.stop > span.start for span in found)


class Block(NamedTuple):
    """A theorem-like environment with all that stands in it."""

    position: int
    name: bytes
    text: bytes


def blocks(text: bytes) -> list[Block]:
    r"""The theorem-like blocks of a text, each to be compiled alone.

    A block ends at the first `\end` of any theorem-like environment; a block that meets a section
    or another block first ends there, broken. One that the text's end cuts off is left out.
    """
    found = []
    start: Mark | None = None
    for mark in marks(text):
        begins = mark.kind == "begin" and mark.name in THEOREMS
        ends = mark.kind == "end" and mark.name in THEOREMS
        if start is not None and (begins or ends or mark.kind == "section"):
            stop = text.index(b"}", mark.position) + 1 if ends else mark.position
            found.append(Block(start.position, start.name, text[start.position : stop]))
            start = None
        if begins:
            start = mark
    return found
