"""What a symbol of a text stands in: features by the parsers of each kind of text.

A feature is a function of a whole text and its kind: T bytes -> values (T,), bool where a byte is
inside something or not, float where there is a degree (NaN where there is none). A value tells what
is so once the byte has been read: something is open from the first byte of its opener up to the
first of its closer.
"""

import ast
import re
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.structure import wiki
from analysis.structure.c import lexer as c_lexer
from analysis.structure.delimiters.fates import fates
from analysis.structure.delimiters.lexers import python_tokens
from analysis.structure.latex import spans as latex_spans
from analysis.structure.python import metrics as python
from pipeline.lm.io.errors import InputError
from pipeline.lm.vocabulary import Vocabulary

Values = NDArray[Any]
"""(T,) of bool or float64."""
Span = tuple[int, int]
"""First byte inside, first byte after."""

LETTER = rb"[A-Za-z\x80-\xff]"
WORD_START = re.compile(rb"(?<!%b)%b" % (LETTER, LETTER))
CAPITALS = re.compile(rb"[A-Z]{2,}")
WWW = re.compile(rb"www")
ESCAPED_QUOTES = re.compile(rb"(&quot;(?>(?:(?!&quot;)[^\n])*))&quot;")
C_IF = re.compile(rb"\bif\s*(?=\()")
TAB = 8


def inside(length: int, spans: Iterable[Span]) -> NDArray[np.bool_]:
    """(T,) whether a byte is in some span."""
    depth = np.zeros(length + 1, np.int64)
    for start, stop in spans:
        depth[min(start, length)] += 1
        depth[min(stop, length)] -= 1
    return depth[:-1].cumsum() > 0


def closed(text: bytes, kind: str, *closers: str) -> list[Span]:
    """Delimiters that are rightly closed by one of `closers`, in order of opening."""
    return [
        (fate.opened, fate.ended)
        for fate in fates(text, kind)
        if fate.outcome == "ok" and fate.closer in closers
    ]


def matches(pattern: re.Pattern[bytes], text: bytes) -> list[Span]:
    """Where a pattern matches."""
    return [match.span() for match in pattern.finditer(text)]


def url(text: bytes, kind: str) -> Values:
    """Inside http:// or https:// and what follows."""
    return inside(len(text), matches(wiki.URL, text))


def www(text: bytes, kind: str) -> Values:
    """One of the letters of `www`."""
    return inside(len(text), matches(WWW, text))


def link(text: bytes, kind: str) -> Values:
    """Inside [[ ]]."""
    return inside(len(text), closed(text, kind, "]]"))


def link_position(text: bytes, kind: str) -> Values:
    """Bytes since the innermost [[; NaN outside [[ ]]."""
    values = np.full(len(text), np.nan)
    for start, stop in closed(text, kind, "]]"):
        values[start:stop] = np.arange(stop - start)
    return values


def quotes(text: bytes, kind: str) -> Values:
    """Inside double quotation marks; in a Wikipedia dump these are written &quot;."""
    if kind == "wikipedia":
        return inside(len(text), [match.span(1) for match in ESCAPED_QUOTES.finditer(text)])
    return inside(len(text), closed(text, kind, '"', "”"))


def parentheses(text: bytes, kind: str) -> Values:
    """Inside round brackets."""
    return inside(len(text), closed(text, kind, ")"))


def _tokens(text: bytes, kind: str, *kinds: str) -> Values:
    """Inside lexemes of C, or tokens of Python, of some kinds."""
    if kind == "c":
        found = [(lexeme.start, lexeme.stop, lexeme.kind) for lexeme in c_lexer.mask(text).lexemes]
    else:
        found = [(start, stop, token) for token, start, stop in python_tokens(text)]
    return inside(len(text), [(start, stop) for start, stop, name in found if name in kinds])


def comment(text: bytes, kind: str) -> Values:
    """Inside a comment."""
    return _tokens(text, kind, "comment")


def string(text: bytes, kind: str) -> Values:
    """Inside a string of one line."""
    return _tokens(text, kind, "string")


def long_string(text: bytes, kind: str) -> Values:
    """Inside a string in triple quotes."""
    return _tokens(text, kind, "long")


def condition(text: bytes, kind: str) -> Values:
    """Inside the condition of an `if` statement."""
    if kind == "c":
        code = c_lexer.mask(text).code
        opened = {match.end() for match in C_IF.finditer(code)}
        spans = [span for span in closed(text, kind, ")") if span[0] in opened]
    else:
        spans = [
            span
            for statement in python.statements(text)
            if statement.tree is not None
            for span in _conditions(
                statement.tree, text[statement.start : statement.stop], statement.start
            )
        ]
    return inside(len(text), spans)


def _conditions(tree: ast.Module, source: bytes, offset: int) -> list[Span]:
    """The tests of `if` and `elif` in a statement, whose source begins at byte `offset`."""
    lines = list(accumulate(map(len, source.splitlines(True)), initial=offset))
    return [
        (
            lines[node.test.lineno - 1] + node.test.col_offset,
            lines[(node.test.end_lineno or 1) - 1] + (node.test.end_col_offset or 0),
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
    ]


def environment(text: bytes, kind: str) -> Values:
    r"""Inside \begin{...} ... \end{...} of anything but the whole document."""
    found = latex_spans.spans(text)
    spans = [
        (span.start, span.stop)
        for span in found
        if span.outcome == "ok" and span.kind == "environment" and span.name != b"document"
    ]
    return inside(len(text), spans)


def math(text: bytes, kind: str) -> Values:
    """Inside math: dollars, brackets with a backslash, or an environment of displayed math."""
    spans = [
        (span.start, span.stop)
        for span in latex_spans.spans(text)
        if span.outcome == "ok" and (span.kind == "math" or span.name in latex_spans.DISPLAYS)
    ]
    return inside(len(text), spans)


def indentation(text: bytes, kind: str) -> Values:
    """Columns of white space at the line's beginning, as far as they have been read."""
    values = np.zeros(len(text))
    at = 0
    for line in text.split(b"\n"):
        blank = len(line) - len(line.lstrip(b" \t"))
        columns = 0
        for place in range(blank):
            columns += TAB - columns % TAB if line[place : place + 1] == b"\t" else 1
            values[at + place] = columns
        values[at + blank : at + len(line)] = columns
        at += len(line) + 1
    return values


def line_position(text: bytes, kind: str) -> Values:
    """Bytes since the last line break; the break itself has 0."""
    place = np.arange(len(text))
    breaks = np.frombuffer(text, np.uint8) == ord("\n")
    return (place - np.maximum.accumulate(np.where(breaks, place, -1))).astype(float)


def word_start(text: bytes, kind: str) -> Values:
    """The first letter of a word."""
    return inside(len(text), matches(WORD_START, text))


def capitals(text: bytes, kind: str) -> Values:
    """In a run of two capital letters or more."""
    return inside(len(text), matches(CAPITALS, text))


def _after(pattern: bytes) -> Callable[[bytes, str], Values]:
    """The byte just read is one of a class."""
    compiled = re.compile(pattern)
    return lambda text, kind: inside(len(text), matches(compiled, text))


FEATURES: dict[str, Callable[[bytes, str], Values]] = {
    "inside a URL": url,
    "www": www,
    "inside [[ ]]": link,
    "position in [[ ]]": link_position,
    "inside quotes": quotes,
    "inside parentheses": parentheses,
    "inside a comment": comment,
    "inside a string": string,
    "inside a long string": long_string,
    "inside an if-condition": condition,
    "inside \\begin ... \\end": environment,
    "inside math": math,
    "indentation depth": indentation,
    "position in the line": line_position,
    "word start": word_start,
    "run of capitals": capitals,
    "after a line break": _after(rb"\n"),
    "after a space": _after(rb" "),
    "after a letter": _after(LETTER),
}


def of_symbols(
    names: list[str], ids: NDArray, vocabulary: Vocabulary, kind: str
) -> dict[str, Values]:
    """Features of a text of symbols: each (T,), read off at the last byte of each symbol."""
    if unknown := [name for name in names if name not in FEATURES]:
        raise InputError(f"cells: no feature {unknown[0]!r}: use {', '.join(FEATURES)}")
    different, place = np.unique(ids, return_inverse=True)
    lengths = np.array(
        [len(vocabulary.decode(different[i : i + 1])) for i in range(len(different))]
    )
    last = lengths[place].cumsum() - 1
    text = vocabulary.decode(np.asarray(ids))
    return {name: FEATURES[name](text, kind)[last] for name in names}


def begins(values: Values) -> NDArray[np.bool_]:
    """(T,) where something begins; a degree begins anew where it falls."""
    if values.dtype == bool:
        return values & ~np.concatenate([[False], values[:-1]])
    filled = np.nan_to_num(values, nan=-1.0)
    return np.diff(filled, prepend=filled[:1]) < 0
