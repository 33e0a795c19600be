"""Names that C text declares at file scope, found by layout: declarations start in column 0."""

import re
from typing import NamedTuple

from analysis.structure.c.declarations import DECLARING_MACRO, KEYWORDS
from analysis.structure.c.lexer import Masked

_DEFINE = re.compile(rb"[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)")
_ENUMERATION = re.compile(rb"\benum\b[^;{}()]{0,100}\{([^{}]*)\}")
_ENUMERATOR = re.compile(rb"(?:^|,)\s*([A-Za-z_]\w*)")
_TYPEDEF = re.compile(
    rb"^typedef\b([^;{}]{0,300}+(?:\{[^{}]{0,5000}+\}[^;{}]{0,300}+)?);", re.MULTILINE
)
_POINTER = re.compile(rb"\(\s*\*\s*([A-Za-z_]\w*)")
_LAST_NAME = re.compile(rb"([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*\Z")
# One line: specifiers, a name, and what says that it is declared: a list of parameters, an
# initialiser, a bound or the end.
_DECLARATION = re.compile(
    rb"(?<![,(]\n)^(?!typedef\b|return\b|goto\b|else\b)"
    rb"(?P<specifiers>[A-Za-z_][\w \t*]{0,200}[ \t*])?"
    rb"(?P<name>[A-Za-z_]\w*+)[ \t]*+(?P<after>[(=;,\[]|__\w++[^\n;=]{0,200}[;=])(?P<rest>[^\n]*+)",
    re.MULTILINE,
)
_NAME = re.compile(rb"[A-Za-z_]\w*")


class FileScope(NamedTuple):
    """Names declared at file scope."""

    names: frozenset[bytes]
    """Variables, functions, enumeration constants and macros."""
    types: frozenset[bytes]
    """Typedefs."""

    def union(self, other: "FileScope") -> "FileScope":
        """Names of both."""
        return FileScope(self.names | other.names, self.types | other.types)


def file_scope(masked: Masked, exported: bool = False) -> FileScope:
    """What a text declares at file scope; `exported` leaves out what is `static`.

    Declarations that generate names (`DEFINE_MUTEX(lock)`, `DEFINE_PER_CPU(int, count)`) declare
    their first two arguments.
    """
    names: set[bytes] = set()
    for lexeme in masked.lexemes:
        if lexeme.kind == "directive" and (match := _DEFINE.match(masked.text, lexeme.start)):
            names.add(match[1])
    for block in _ENUMERATION.finditer(masked.code):
        names.update(_ENUMERATOR.findall(block[1]))
    for line in _DECLARATION.finditer(masked.code):
        specifiers = line["specifiers"] or b""
        if exported and (b"static" in specifiers or b"STATIC" in line["name"]):
            continue
        if line["after"] == b"(" and DECLARING_MACRO.fullmatch(line["name"]):
            names.update(_NAME.findall(b" ".join(line["rest"].partition(b")")[0].split(b",")[:2])))
        elif specifiers.strip():
            names.add(line["name"])
            if line["after"] == b",":
                names.update(_NAME.findall(line["rest"]))
    return FileScope(frozenset(names - KEYWORDS), frozenset(_typedefs(masked.code) - KEYWORDS))


def _typedefs(code: bytes) -> set[bytes]:
    types = set()
    for match in _TYPEDEF.finditer(code):
        found = _POINTER.search(match[1]) or _LAST_NAME.search(match[1].partition(b"(")[0].strip())
        if found:
            types.add(found[1])
    return types
