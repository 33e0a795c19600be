"""Faults of a C function that show without a parser.

A parser stops looking names up at the first syntax error, so its count falls as text gets worse;
a scan over tokens does not. One flat scope per function: block scopes are not told apart.
"""

import re

from analysis.structure.c.declarations import Token
from analysis.structure.c.functions import Function
from analysis.structure.c.scan import Names

# Kernel headers define these, in lower case, for every file.
BASE_NAMES = frozenset(b"true false current jiffies errno fallthrough".split())
_RETURN = re.compile(rb"\breturn\b")
_VALUED = re.compile(rb"\breturn\b\s*+(?!;)")
_SELF_COMPARISON = re.compile(
    rb"(?:[(,;{}?:=]|&&|\|\||\breturn)\s*(?P<left>[A-Za-z_]\w*(?:(?:->|\.)\w+)*)"
    rb"\s*(?:==|!=|<=|>=|<|>)\s*(?P=left)\s*(?=[),;?:}]|&&|\|\|)"
)


def undeclared(names: Names, known: frozenset[bytes] | set[bytes] = frozenset()) -> list[Token]:
    """First use of each name that neither the function (before the use) nor `known` declares."""
    first: dict[bytes, Token] = {}
    for token in names.used:
        name = token.text
        if name in first or name in known or name in BASE_NAMES or name == b"__func__":
            continue
        if names.declared.get(name, token.position + 1) > token.position:
            first[name] = token
    return list(first.values())


def unused(names: Names) -> list[Token]:
    """Locals that nothing mentions again."""
    return [
        Token(name, position)
        for name, position in names.variables.items()
        if name not in names.mentioned
    ]


def undefined_labels(names: Names) -> list[Token]:
    """Targets of `goto` that are no label of the function."""
    return [token for token in names.gotos if token.text not in names.labels]


def valued_returns(function: Function) -> list[int]:
    """Offsets of `return` with a value."""
    split = function.body - function.start
    return [function.start + match.start() for match in _VALUED.finditer(function.code, split)]


def returns(function: Function) -> bool:
    """Whether the function has any `return`."""
    return _RETURN.search(function.code, function.body - function.start) is not None


def self_comparisons(function: Function) -> list[int]:
    """Offsets of comparisons of a thing with itself."""
    return [
        function.start + match.start("left") for match in _SELF_COMPARISON.finditer(function.code)
    ]
