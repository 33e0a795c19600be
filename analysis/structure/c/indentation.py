"""Indentation of C, kernel style: each line of a block one tab deeper than the line that opened it.

What counts is the indentation that the opening line really has, so one wrong line does not make
those after it wrong.
"""

import re
from collections.abc import Iterator

from analysis.structure.c.functions import Function
from analysis.structure.events import Event

_MARK = re.compile(rb"^[ \t]*+(?=\S)|[(){}]", re.MULTILINE)
_CASE = re.compile(rb"case\b|default\s*+:")
_STATEMENT_ENDS = (b"{", b"}", b";")
_LABEL_OR_ELSE = re.compile(rb"[A-Za-z_]\w*+\s*+:(?!:)|else\b")


def indentation_events(function: Function) -> list[Event]:
    """Each line that starts a statement or closes a block as an event `indentation`, ok or
    mismatch.

    Not judged: lines inside brackets or going on with a statement, the body of an `if` or a loop
    without braces, `else`, labels. `case` stands as deep as its `switch`.
    """
    return [
        Event(function.start + position, "indentation", "ok" if right else "mismatch")
        for position, right in _judged(function.code)
    ]


def _judged(code: bytes) -> Iterator[tuple[int, bool]]:
    """Position and rightness of each line that can be judged."""
    line, start = b"", 0
    """Indentation, and where the rest of the line starts."""
    brackets: list[bytes] = []
    """The indentation of the lines on which the brackets open here stand, innermost last."""
    blocks: list[bytes] = []
    """The indentation of the lines that opened the blocks open here, innermost last."""
    statement = b""
    """The indentation of the line of the bracket closed last, as of `if (`."""
    for match in _MARK.finditer(code):
        mark = match[0]
        if mark == b"(":
            brackets.append(line)
        elif mark == b")":
            statement = brackets.pop() if brackets else line
        elif mark == b"{":
            continues = match.start() > start and _before(code, match.start()) == b")"
            blocks.append(statement if continues else line)
            brackets.clear()
        elif mark == b"}":
            del blocks[-1:]
        else:
            line, start = mark, match.end()
            begins = code.startswith(b"}", start) or _before(code, match.start()) in _STATEMENT_ENDS
            expected = _expected(code, start, blocks[-1]) if blocks else None
            if begins and expected is not None and not brackets:
                yield start, line == expected


def _before(code: bytes, position: int) -> bytes:
    """The last byte before a position that is no white space."""
    while position and code[position - 1] in b" \t\r\n":
        position -= 1
    return code[position - 1 : position] if position else b""


def _expected(code: bytes, position: int, opened: bytes) -> bytes | None:
    """The indentation of a line in a block that a line so indented opened; None if it may vary."""
    if code.startswith(b"}", position) or _CASE.match(code, position):
        return opened
    return None if _LABEL_OR_ELSE.match(code, position) else opened + b"\t"
