"""C below the grammar: comments, literals and directives masked, brackets matched.

Everything is linear in the text and survives any bytes: generated C is rarely C.
"""

import re
from bisect import bisect_left
from typing import NamedTuple

from analysis.structure.events import Event, Outcome

BLANK = bytes(byte if byte == 0x0A else 0x20 for byte in range(256))
_COMMENT = rb"/\*[^*]*+(?>(?:\*(?!/)[^*]*+)*)(?:\*/)?|//[^\n]*"
_LEXEME = re.compile(
    rb"""(?P<directive>^[ \t]*\#(?>(?:\\\r?\n|%b|"(?>(?:\\.|[^"\\\n]++)*)"?|[^\n\\/"]++|[^\n])*))
       |(?P<comment>%b)
       |(?P<string>"(?>(?:\\.|[^"\\\n]++)*)"?)
       |(?P<character>'(?:(?:\\[^\n]|[^'\\\n]){1,12}')?)
       |(?P<stray>\*/)"""
    % (_COMMENT, _COMMENT),
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# A column-0 line that only a declaration, a definition or a comment starts (no label, no brace),
# or the end of a definition: here nothing is open, whatever came before.
_SYNCHRONISE = re.compile(rb"^(?:/\*|//|[A-Za-z_]\w*+(?!\s*:)|\}[^\n]*\n)", re.MULTILINE)
_BRACKET = re.compile(rb"[][(){}]")
CONDITIONAL = re.compile(rb"[ \t]*#[ \t]*(if|el|endif)")
MAX_DEPTH = 100
"""Nesting deeper than this is no code: everything open is given up as unclosed."""
_OPENER_OF = {b")": b"(", b"]": b"[", b"}": b"{"}


class Lexeme(NamedTuple):
    """A masked stretch: `kind` is directive, comment, string, character or stray (a lone `*/`)."""

    kind: str
    start: int
    stop: int
    outcome: Outcome


class Masked(NamedTuple):
    """A text and what is left of it: same length, same lines."""

    text: bytes
    code: bytes
    """Comments and directives are spaces, and so is the inside of quotes."""
    lexemes: list[Lexeme]
    """In order of position."""

    def lexemes_within(self, start: int, stop: int) -> list[Lexeme]:
        """Those that start in [start, stop)."""
        first = bisect_left(self.lexemes, start, key=lambda lexeme: lexeme.start)
        last = bisect_left(self.lexemes, stop, key=lambda lexeme: lexeme.start)
        return self.lexemes[first:last]


def synchronised(text: bytes) -> int:
    """Offset of the first place where nothing can be open: a window is measured from there."""
    match = _SYNCHRONISE.search(text)
    if match is None:
        return len(text)
    return match.end() if match[0].startswith(b"}") else match.start()


def mask(text: bytes) -> Masked:
    """Mask a text read from a place where nothing is open."""
    code = bytearray(text)
    lexemes = []
    for match in _LEXEME.finditer(text):
        kind = match.lastgroup
        assert kind is not None
        start, stop = match.span()
        outcome = _outcome(kind, match[0], stop == len(text))
        lexemes.append(Lexeme(kind, start, stop, outcome))
        if kind in ("string", "character") and outcome == "ok":
            start, stop = start + 1, stop - 1
        code[start:stop] = text[start:stop].translate(BLANK)
    return Masked(text, bytes(code), lexemes)


def _outcome(kind: str, lexeme: bytes, last: bool) -> Outcome:
    if kind == "stray":
        return "unopened"
    if kind == "comment":
        whole = lexeme.startswith(b"//") or (len(lexeme) >= 4 and lexeme.endswith(b"*/"))
    elif kind in ("string", "character"):
        whole = len(lexeme) > 1 and lexeme[-1] == lexeme[0]
    else:
        whole = True
    return "ok" if whole else "censored" if last else "unclosed"


def literal_events(masked: Masked) -> list[Event]:
    """Comments (`/*`) and quotes (`"`, `'`)."""
    kinds = {"comment": "/*", "stray": "/*", "string": '"', "character": "'"}
    return [
        Event(lexeme.start, kinds[lexeme.kind], lexeme.outcome)
        for lexeme in masked.lexemes
        if lexeme.kind in kinds
    ]


class _Stack:
    """Open brackets as (position, bracket), and what became of every one."""

    def __init__(self) -> None:
        self.open: list[tuple[int, bytes]] = []
        self.outcomes: dict[int, tuple[bytes, Outcome]] = {}

    def end(self, depth: int, outcome: Outcome) -> None:
        """Take the brackets above `depth` off the stack."""
        for position, bracket in self.open[depth:]:
            self.outcomes[position] = bracket, outcome
        del self.open[depth:]

    def close(self, position: int, opener: bytes, column_0: bool) -> None:
        found = self._outermost_brace() if column_0 and opener == b"{" else self._nearest(opener)
        if found is not None:
            self.end(found + 1, "unclosed")
            self.end(found, "ok")
        elif opener != b"{" and self.open and self.open[-1][1] != b"{":
            self.end(len(self.open) - 1, "mismatch")
        else:
            self.outcomes[position] = opener, "unopened"

    def _outermost_brace(self) -> int | None:
        return next((depth for depth, (_, other) in enumerate(self.open) if other == b"{"), None)

    def _nearest(self, opener: bytes) -> int | None:
        for depth in reversed(range(len(self.open))):
            if self.open[depth][1] == opener:
                return depth
            if self.open[depth][1] == b"{":
                break
        return None


def bracket_events(masked: Masked) -> list[Event]:
    """One event for each bracket opened, and one for each closing bracket that nothing opened.

    A closing bracket takes the nearest opening one of its kind; those passed over are unclosed.
    Round and square brackets do not reach across a brace: if none of their kind is open inside
    it, one of the other kind is closed wrongly (mismatch). A brace in column 0 belongs to a
    definition: an opening one leaves all before it unclosed, a closing one ends the definition.
    Every branch of an `#if` starts with what was open at the `#if`.
    """
    stack = _Stack()
    branches: list[list[tuple[int, bytes]]] = []
    for position, mark in _marks(masked):
        column_0 = position == 0 or masked.code[position - 1] == 0x0A
        if mark == b"if":
            branches.append(stack.open.copy())
        elif mark == b"el":
            if branches:
                stack.open = branches[-1].copy()
        elif mark == b"endif":
            if branches:
                branches.pop()
        elif mark in _OPENER_OF:
            stack.close(position, _OPENER_OF[mark], column_0)
        else:
            if (mark == b"{" and column_0) or len(stack.open) == MAX_DEPTH:
                stack.end(0, "unclosed")
            stack.open.append((position, mark))
        if column_0 and mark in (b"{", b"}"):
            branches.clear()
    stack.end(0, "censored")
    return [
        Event(position, bracket.decode(), outcome)
        for position, (bracket, outcome) in sorted(stack.outcomes.items())
    ]


def _marks(masked: Masked) -> list[tuple[int, bytes]]:
    """Brackets and conditional directives in order."""
    marks = [(match.start(), match[0]) for match in _BRACKET.finditer(masked.code)]
    for lexeme in masked.lexemes:
        if lexeme.kind == "directive" and (
            match := CONDITIONAL.match(masked.text, lexeme.start, lexeme.stop)
        ):
            marks.append((lexeme.start, match[1]))
    return sorted(marks)
