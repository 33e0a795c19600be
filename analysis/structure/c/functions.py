"""Functions of kernel code, found by layout: the body's braces stand in column 0.

Layout survives broken bodies, which a parser does not. Heads that are macros (SYSCALL_DEFINE...)
are left out, since what they declare is hidden.
"""

import re
from typing import NamedTuple

from analysis.structure.c.lexer import BLANK, CONDITIONAL, Masked

MAX_HEAD_LINES = 20
MAX_HEAD_BYTES = 4 * 1024
MAX_BYTES = 64 * 1024
"""Of a function: longer ones are no functions anyone wrote, and are skipped."""
_BRACE = re.compile(rb"^\{(?![^\n]*\})|^\}", re.MULTILINE)
_HEAD = re.compile(rb"(?P<type>[A-Za-z_][\w\s*]*?)(?<!\w)(?P<name>[A-Za-z_]\w*)\s*\(")
# An attribute with arguments before the name: `static __printf(2, 3) void f(...)`.
_ATTRIBUTE = re.compile(rb"\b__\w+\s*\((?:[^()]|\([^()]*\))*\)(?=[\w\s*]*\()")
_NOT_HEAD = re.compile(rb"[;={}]|\b(?:if|else|for|while|do|switch|return|goto|case)\b")
_MACRO = re.compile(rb"[A-Z_][A-Z0-9_]+(?:_[a-z]+)?\Z")


class Function(NamedTuple):
    """A function of a text; offsets are into that text.

    `code` is masked as by `lexer.mask` and has, of every `#if`, the first branch only.
    """

    start: int
    body: int
    """Offset of the opening brace."""
    stop: int
    name: bytes
    type: bytes
    """All that stands before the name: `static int `."""
    parameters: bytes
    """All between the brackets after the name."""
    code: bytes
    whole: bool
    """Whether a closing brace in column 0 was found before the next function."""

    @property
    def too_long(self) -> bool:
        """Whether it is to be skipped for its length."""
        return self.stop - self.start > MAX_BYTES

    @property
    def returns_void(self) -> bool:
        """Whether the head says `void` and no pointer."""
        return re.search(rb"\bvoid\b", self.type) is not None and b"*" not in self.type


def functions(masked: Masked) -> list[Function]:
    """The functions of a text; one that the text's end cuts off is left out, as censored."""
    code = masked.code
    braces = [(match.start(), match[0]) for match in _BRACE.finditer(code)]
    found = []
    for index, (body, brace) in enumerate(braces):
        if brace != b"{" or (start := _head_start(code, body)) is None:
            continue
        if index + 1 == len(braces):
            break
        following, brace = braces[index + 1]
        whole = brace == b"}"
        stop = following + 1 if whole else _head_start(code, following) or following
        parts = _head_parts(code[start:body])
        if parts is not None:
            name, kind, parameters = parts
            selected = _first_branches(masked, start, stop)
            found.append(Function(start, body, stop, name, kind, parameters, selected, whole))
    return found


def _head_start(code: bytes, body: int) -> int | None:
    """Where the lines directly above a body begin; None if they cannot be a head."""
    start = body
    for _ in range(MAX_HEAD_LINES):
        previous = code.rfind(b"\n", 0, max(start - 1, 0)) + 1
        line = code[previous:start].strip()
        if previous == start or not line or line[-1:] in b";}{":
            break
        start = previous
    head = code[start:body]
    if start == body or len(head) > MAX_HEAD_BYTES or head[:1].isspace() or _NOT_HEAD.search(head):
        return None
    return start


def _head_parts(head: bytes) -> tuple[bytes, bytes, bytes] | None:
    head = _ATTRIBUTE.sub(lambda attribute: attribute[0].translate(BLANK), head)
    match = _HEAD.match(head)
    if match is None or _MACRO.match(match["name"]) or _MACRO.match(match["type"].strip()):
        return None
    depth = 1
    for bracket in re.finditer(rb"[()]", head[match.end() :]):
        depth += 1 if bracket[0] == b"(" else -1
        if depth == 0:
            stop = match.end() + bracket.start()
            return match["name"], match["type"], head[match.end() : stop]
    return match["name"], match["type"], head[match.end() :]


def _first_branches(masked: Masked, start: int, stop: int) -> bytes:
    """The code of a function without what stands between `#else` or `#elif` and `#endif`."""
    code = bytearray(masked.code[start:stop])
    depth, hidden_from, hidden_depth = 0, None, 0
    for lexeme in masked.lexemes_within(start, stop):
        match = lexeme.kind == "directive" and CONDITIONAL.match(masked.text, lexeme.start)
        if not match:
            continue
        if match[1] == b"if":
            depth += 1
        elif match[1] == b"el" and depth and hidden_from is None:
            hidden_from, hidden_depth = lexeme.start - start, depth
        elif match[1] == b"endif" and depth:
            if hidden_from is not None and hidden_depth == depth:
                end = lexeme.start - start
                code[hidden_from:end] = code[hidden_from:end].translate(BLANK)
                hidden_from = None
            depth -= 1
    return bytes(code)
