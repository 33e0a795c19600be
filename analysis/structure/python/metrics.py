"""Python: which functions and classes parse, and which names they use that nobody bound.

Text is parsed, never compiled to code or run.
"""

import ast
import builtins
import re
import symtable
import warnings
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import NamedTuple

from analysis.structure.delimiters.fates import violations
from analysis.structure.delimiters.lexers import PYTHON_HEAD, python_tokens
from analysis.structure.events import PER_THOUSAND, SHARE, VIOLATIONS, Event, Measure
from analysis.structure.python.names import free_names

MAXIMUM_BLOCK = 200_000
"""Bytes: a longer function or class counts as not parsing; real ones stay far below."""

OPENERS, CLOSERS = (b"(", b"[", b"{"), (b")", b"]", b"}")
BRACKETS = frozenset({")", "]", "}"})
BUILTINS = frozenset(dir(builtins)) | {
    "__file__", "__path__", "__class__", "__module__", "__qualname__", "WindowsError",
}  # fmt: skip
STATEMENT = re.compile(rb"^(?!(?:else|elif|except|finally)\b)(?=[^\s#)\]}])", re.MULTILINE)
BLOCK = re.compile(rb"(?:@|(?:async[ \t]+)?(?:def|class)\b)")
LOGICAL_LINE = re.compile(rb"^([ \t]*)([^\n]+)", re.MULTILINE)


@dataclass(frozen=True)
class Context:
    """What a window may refer to beyond itself."""

    module_names: Set[str] = field(default_factory=frozenset)
    """Names that the training text binds at the top level of its modules: see `module_names`."""


class Statement(NamedTuple):
    """A statement at column 0, bytes `start` to `stop`; `tree` is None if it does not parse."""

    start: int
    stop: int
    is_block: bool
    """Whether it defines a function or class, decorators included."""
    tree: ast.Module | None
    fault: str
    """Why it does not parse: indentation, syntax, too long."""
    bound: frozenset[str]
    """Names it binds globally."""
    needed: frozenset[str]
    """Names it takes from outside."""


def statements(text: bytes) -> list[Statement]:
    """Statements at column 0 but the last, which the window may have cut."""
    masked = _masked(text)
    starts = [match.start() for match in STATEMENT.finditer(masked)]
    decorated = {after for before, after in pairwise(starts) if masked[before : before + 1] == b"@"}
    starts = [start for start in starts if start not in decorated]
    return [
        Statement(start, stop, BLOCK.match(masked, start) is not None, *_parsed(text[start:stop]))
        for start, stop in pairwise(starts)
    ]


def module_names(text: bytes) -> frozenset[str]:
    """Names bound at the top level of a text, imports included."""
    return frozenset().union(*(statement.bound for statement in statements(text)))


def events(text: bytes, context: Context | None = None) -> list[Event]:
    """Bracket, indentation and syntax errors and undefined names of one window, in order."""
    return _events(text, statements(text), context or Context())


def measure(text: bytes, context: Context) -> list[Measure]:
    """The figures of one window: blocks that parse, their yield, names, brackets, indentation.

    `undefined names` counts tokens and needs no parser; `undefined names, parsed` is the exact
    answer for the blocks that parse.
    """
    size = len(text)
    found = statements(text)
    blocks = [statement for statement in found if statement.is_block]
    parsed = [block for block in blocks if block.tree is not None]
    errors = Counter(
        event.kind
        for event in _events(text, found, context)
        if event.outcome in VIOLATIONS or event.outcome == "undefined"
    )
    brackets = sum(errors[bracket] for bracket in BRACKETS)
    return [
        Measure("blocks that parse", len(parsed), len(blocks), SHARE),
        Measure("blocks", len(PYTHON_HEAD.findall(text)), size, PER_THOUSAND),
        Measure("undefined names", errors["name"], _size(blocks), PER_THOUSAND),
        Measure("undefined names, parsed", errors["parsed name"], _size(parsed), PER_THOUSAND),
        Measure("bracket violations", brackets, size, PER_THOUSAND),
        Measure("indentation errors", errors["indentation"], size, PER_THOUSAND),
    ]


def _size(found: list[Statement]) -> int:
    """Bytes of statements."""
    return sum(statement.stop - statement.start for statement in found)


def _events(text: bytes, found: list[Statement], context: Context) -> list[Event]:
    blocks = [statement for statement in found if statement.is_block]
    brackets = [event for event in violations(text, "python") if event.kind in BRACKETS]
    syntax = [Event(block.start, "block", block.fault or "ok") for block in blocks]
    known = BUILTINS.union(context.module_names, *(statement.bound for statement in found))
    names = [*_scanned(text, blocks, known), *_undefined(text, blocks, known)]
    return sorted([*brackets, *indentation(text), *syntax, *names])


def _scanned(text: bytes, blocks: list[Statement], known: Set[str]) -> list[Event]:
    """Names of each block that a scan of its tokens finds bound nowhere."""
    encoded = frozenset(name.encode() for name in known)
    masked = _masked(text)
    return [
        Event(block.start + offset, "name", "undefined")
        for block in blocks
        for offset in free_names(masked[block.start : block.stop], encoded).values()
    ]


def indentation(text: bytes) -> list[Event]:
    """Logical lines as events `indentation`: deeper only after a colon (`mismatch`), and always
    then (`unclosed`); back only to a level that is open (`unopened`).

    A window may start inside blocks: until the first line at column 0, lines are not judged.
    """
    found: list[Event] = []
    levels: list[int] = []
    after_colon, depth = False, 0
    for match in LOGICAL_LINE.finditer(_masked(text)):
        code = match[2].strip()
        level = len(match[1].expandtabs(8))
        if level == 0 and code[:1] not in (b")", b"]", b"}"):
            depth = 0
            levels = levels or [0]
        if code and depth == 0 and levels:
            outcome = "ok"
            if after_colon and level <= levels[-1]:
                outcome = "unclosed"
            elif not after_colon and level > levels[-1]:
                outcome = "mismatch"
            elif level < levels[-1] and level not in levels:
                outcome = "unopened"
            levels = [*(other for other in levels if other < level), level]
            found.append(Event(match.start(), "indentation", outcome))
        if code:
            depth = max(0, depth + sum(map(code.count, OPENERS)) - sum(map(code.count, CLOSERS)))
            after_colon = depth == 0 and code.endswith(b":")
    return found


def _masked(text: bytes) -> bytes:
    """The text with strings as quotation marks, comments and joined lines' ends as spaces."""
    parts, done = [], 0
    for token, start, stop in python_tokens(text):
        if token in ("open", "close", "start"):
            continue
        fill = b" " if token == "comment" else b'"'
        # The line break before a definition is no part of the string that forgot to end.
        end = stop - 1 if token == "endless" else stop
        parts += [text[done:start], fill * (end - start)]
        done = end
    return b"".join([*parts, text[done:]]).replace(b"\\\n", b"  ")


def _parsed(
    source: bytes,
) -> tuple[ast.Module | None, str, frozenset[str], frozenset[str]]:
    """The last four fields of a Statement."""
    if len(source) > MAXIMUM_BLOCK:
        return None, "too long", frozenset(), frozenset()
    # As a string: bytes could name an encoding, and so a module to import.
    string = source.decode("utf-8", "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(string)
            bound, needed = _global_names(symtable.symtable(string, "<sample>", "exec"))
        except IndentationError:
            return None, "indentation", frozenset(), frozenset()
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return None, "syntax", frozenset(), frozenset()
    return tree, "", frozenset(bound), frozenset(needed - bound)


def _global_names(top: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """Names bound globally, and names read that are global."""
    bound, needed = set(), set()
    tables = [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table is not top and not symbol.is_global():
                continue
            if symbol.is_assigned() or symbol.is_imported():
                bound.add(symbol.get_name())
            elif symbol.is_referenced():
                needed.add(symbol.get_name())
    return bound, needed


def _undefined(text: bytes, blocks: list[Statement], known: Set[str]) -> list[Event]:
    """Names of each block that parses which the interpreter would not find, at their first use."""
    result = []
    for block in blocks:
        missing = block.needed - known
        if not missing or block.tree is None:
            continue
        lines = list(
            accumulate(map(len, text[block.start : block.stop].splitlines(True)), initial=0)
        )
        first: dict[str, int] = {}
        for node in ast.walk(block.tree):
            if isinstance(node, ast.Name) and node.id in missing:
                position = block.start + lines[node.lineno - 1] + node.col_offset
                first[node.id] = min(position, first.get(node.id, position))
        result += [Event(position, "parsed name", "undefined") for position in first.values()]
    return result
