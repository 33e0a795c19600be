"""Names of Python code that need no parser: the same count for code that parses and code that
does not, so that a worse model cannot hide its names behind its syntax errors.

Works on text whose strings are masked by quotation marks and whose comments are blank. A name
counts as bound if anything in the block binds it, whatever its scope, so real code is hardly ever
accused; keyword arguments count as bindings, which spares the same names everywhere.
"""

import keyword
import re
from collections.abc import Set

NAME = re.compile(rb"(?<![\w.])[^\W\d]\w*+(?![\"'])")
WORDS = re.compile(rb"[^\W\d]\w*+")
ASSIGNED = re.compile(
    rb"(?<![\w.])([^\W\d]\w*+)\s*+(?::?=(?!=)|:[^=\n]{1,80}=(?!=)|[-+*/%&|^@]{1,2}=)"
)
UNPACKED = re.compile(
    rb"^[ \t]*+(?:([\w \t,()*\[\]]{1,200}?)|\(([\w\s,*]{1,600})\)[ \t]*)=(?!=)", re.MULTILINE
)
FIELD = re.compile(rb"^[ \t]++([^\W\d]\w*+)[ \t]*+:[ \t]++\w[^\n,({]{0,100}$", re.MULTILINE)
LOOPED = re.compile(rb"\bfor\b([\w\s,()*]{1,200}?)\bin\b")
DEFINED = re.compile(rb"\b(?:def|class|global|nonlocal)[ \t]+([\w, \t]{1,200})")
RENAMED = re.compile(rb"\bas[ \t]+\(?([\w, \t]{1,200})")
IMPORTED = re.compile(
    rb"^[ \t]*+(?:from[ \t]+([\w.]+)[ \t]+)?import\b[ \t]*([\w., \t]{0,400}|\([\w.,\s]{0,1000})",
    re.MULTILINE,
)
PARAMETERS = re.compile(
    rb"\bdef[ \t]+\w+[ \t]*\(((?:(?!\bdef\b).){0,2000}?)\)[ \t]*(?:->[^\n]{1,100}?)?:", re.DOTALL
)
PARAMETER = re.compile(rb"(?:^|[(,*])\s*+([^\W\d]\w*+)")
LAMBDA = re.compile(rb"\blambda\b([^:\n]{1,200}):")

SYNTAX = frozenset(word.encode() for word in [*keyword.kwlist, "match", "case", "_"])


def bound_names(code: bytes) -> set[bytes]:
    """Names that masked code binds in any way."""
    names = {*ASSIGNED.findall(code), *FIELD.findall(code)}
    for pattern in (UNPACKED, LOOPED, DEFINED, RENAMED, IMPORTED, LAMBDA):
        for match in pattern.finditer(code):
            for part in match.groups(b""):
                names.update(WORDS.findall(part))
    for part in PARAMETERS.findall(code):
        names.update(PARAMETER.findall(part))
    return names


def free_names(code: bytes, known: Set[bytes]) -> dict[bytes, int]:
    """Names that masked code uses and nothing binds, each with the offset of its first use."""
    bound = bound_names(code)
    first: dict[bytes, int] = {}
    for match in NAME.finditer(code):
        name = match[0]
        if name not in SYNTAX and name not in bound and name not in known:
            first.setdefault(name, match.start())
    return first
