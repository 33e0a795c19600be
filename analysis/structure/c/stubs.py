"""A C function made to compile alone: macros neutralised in place, surroundings stubbed.

Replacements keep the length, so that offsets stay true. Calls stay implicit; types are stubbed
by what merely parses, so messages about types mean nothing.
"""

import re

from analysis.structure.c.functions import Function
from analysis.structure.c.lexer import BLANK
from analysis.structure.c.names import BASE_NAMES
from analysis.structure.c.scan import BASE_TYPES, Names, scan
from analysis.structure.c.scope import FileScope

# Attributes: two underscores and lower case, where C's grammar has no place for a name (before
# another name, or after one), types and gcc's own words aside; and a few without underscores.
_ATTRIBUTE = re.compile(
    rb"\b__(?!(?:(?:[su]|[bl]e)\d+|kernel_\w+|wsum|sum16|\w+_t|attribute__|asm__|volatile__"
    rb"|inline__?|typeof__|extension__|label__)\b)[a-z]\w*\b(?=\s+[A-Za-z_*]|\s*\*+\s*\))"
    rb"|(?<=[\w\]]\s)\b__(?:maybe_unused|always_unused|initdata|aligned|free)\b"
    rb"|\b(?:noinline\w*|asmlinkage|notrace|noinstr|nokprobe_inline|fallthrough)\b"
)
_ANNOTATION = re.compile(
    rb"\b(?P<name>__(?!attribute__)[a-z]\w*)\s*\((?>(?:[^()]++|\([^()]*\))*)\)"
)
_LOOP = re.compile(rb"(?P<before>[;{}):]\s*|\belse\s+)(?P<name>\w*for_?each\w*)(?=\s*\()")
_STRING_MACRO = re.compile(
    rb'(?P<before>"\s*)[A-Z_][A-Z0-9_]*\b(?!\s*\()|\b[A-Z_][A-Z0-9_]*(?=\s*")'
)
_TAG = re.compile(rb"\b(struct|union|enum)\s+([A-Za-z_]\w*)")
_T_NAME = re.compile(rb"\b[A-Za-z_]\w*_t\b(?!\s*\()")
_CONSTANT = re.compile(rb"\b[A-Z_][A-Z0-9_]*\b(?!\s*\()")
_WORD = re.compile(rb"\b[A-Za-z_]\w*")
_STRING = re.compile(rb'"[^"\n]*"')


def stubbed(function: Function, scope: FileScope) -> bytes:
    """A translation unit: declarations of all the function needs, then the function.

    Names of `scope` count as declared. Undeclared names stay undeclared.
    """
    names = scan(function, scope.types)
    split = function.body - function.start
    code = _without_macros(function, names)
    # In a head, what looks like a call is an annotation: `__releases(lock)`.
    head = _ANNOTATION.sub(
        lambda call: call[0] if call["name"] == function.name else _blank(call), code[:split]
    )
    code = _neutral(head + code[split:])
    return _stubs(function, names, scope, code) + code + b"\n"


def _without_macros(function: Function, names: Names) -> bytes:
    """Members and types as arguments are 0; `DEFINE_WAIT(wait)` is `int wait`."""
    code = bytearray(function.code)

    def put(start: int, stop: int, text: bytes) -> None:
        code[start - function.start : stop - function.start] = text.ljust(stop - start)

    for name, position in names.members:
        put(position, position + len(name), b"0")
    for start, stop in names.type_arguments:
        put(start, stop, b"0")
    for macro, declared, bracket in names.macros:
        put(macro.position, declared.position, b"int")
        put(declared.position, bracket.position + 1, declared.text)
    return bytes(code)


def _neutral(code: bytes) -> bytes:
    code = _STRING.sub(lambda match: b'"' + match[0][1:-1].translate(BLANK) + b'"', code)
    code = _ATTRIBUTE.sub(_blank, code)
    code = _LOOP.sub(lambda match: match["before"] + b"while".ljust(len(match["name"])), code)
    return _STRING_MACRO.sub(lambda match: (match["before"] or b"").ljust(len(match[0])), code)


def _blank(match: re.Match[bytes]) -> bytes:
    return match[0].translate(BLANK)


def _stubs(function: Function, names: Names, scope: FileScope, code: bytes) -> bytes:
    """Declarations for what the code mentions and headers would declare."""
    mentioned = set(_WORD.findall(code))
    tags = {tag: kind for kind, tag in _TAG.findall(code)}
    types = names.types | (mentioned & (BASE_TYPES | scope.types | {b"bool"}))
    types |= set(_T_NAME.findall(code)) - names.declared.keys()
    types.discard(function.name)
    known = (mentioned & (scope.names | BASE_NAMES)) - types - {function.name}
    constants = set(_CONSTANT.findall(code)) - types - known - names.declared.keys()
    lines = [b"typedef int %s;" % name for name in sorted(types)]
    for tag, kind in sorted(tags.items()):
        content = b"of_%s" % tag if kind == b"enum" else b"int member;"
        lines.append(b"%s %s { %s };" % (kind, tag, content))
    lines += [b"enum { %s };" % name for name in sorted(constants)]
    lines += [b"extern int %s;" % name for name in sorted(known)]
    return b" ".join(lines) + b"\n"
