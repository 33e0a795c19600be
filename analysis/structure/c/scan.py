"""One pass over a C function's tokens: what each name in it stands for."""

import re
from typing import NamedTuple

from analysis.structure.c.declarations import (
    QUALIFIERS,
    TAGS,
    TYPE_WORDS,
    Declarations,
    Token,
    tokens_of,
)
from analysis.structure.c.functions import Function

BASE_TYPES = frozenset(b"u8 u16 u32 u64 s8 s16 s32 s64 uint ulong ushort uchar".split())
# Macros whose arguments name members: from the second argument on, or from the third.
_MEMBERS_FROM_1 = re.compile(
    rb"offsetof\w*|struct_size\w*|\w+_(?:next|prev)_entry\w*|sizeof_field|flex_array_size"
)
_MEMBERS_FROM_2 = re.compile(rb"container_of\w*|\w+_entry(?:_\w+)?|hash_for_each\w*|from_timer")
_CONDITIONS = frozenset((b"if", b"while", b"switch", b"for"))
_TAKES_TYPE = frozenset((b"sizeof", b"typeof", b"__typeof__", b"__alignof__", b"_Alignof"))


class Names(NamedTuple):
    """What a function says of names; positions are offsets in the text."""

    declared: dict[bytes, int]
    """Parameters and locals, and the offset from which they are known."""
    variables: dict[bytes, int]
    """Locals that make sense only if used, and where they are declared."""
    used: list[Token]
    """Every use that needs a declaration: no member, call, label, tag, type or ALL_CAPS name."""
    mentioned: set[bytes]
    """Every identifier that stands anywhere but in its own declaration or after `.` or `->`."""
    types: set[bytes]
    """Names used as types."""
    labels: set[bytes]
    gotos: list[Token]
    members: list[Token]
    """Bare arguments of macros that name members."""
    type_arguments: list[tuple[int, int]]
    """Where arguments of macros that are types start and stop."""
    macros: list[tuple[Token, Token, Token]]
    """Macros that declare: their own name, the name declared, the last bracket."""


def scan(function: Function, types: frozenset[bytes] = frozenset()) -> Names:
    """Scan one function; `types` are names known to be types."""
    head = Declarations(tokens_of(function.parameters, function.start)).of_parameters()
    split = function.body - function.start
    body = Declarations(tokens_of(function.code, function.start, split)).of_body()
    names = Names({}, {}, [], set(), set(), set(), [], [], [], [])
    for index, _ in head.found:
        names.declared[head.tokens[index].text] = function.start
    for index, must_be_used in body.found:
        name, position = body.tokens[index]
        names.declared.setdefault(name, position)
        if must_be_used:
            names.variables.setdefault(name, position)
    for part in (head, body):
        names.types.update(part.tokens[index].text for index in part.types)
    names.macros.extend(
        (body.tokens[macro], body.tokens[name], body.tokens[stop])
        for macro, name, stop in body.macros
    )
    _Uses(body, names, types).read()
    return names


class _Uses:
    """Sorts the names of a body that declare nothing."""

    def __init__(self, body: Declarations, names: Names, types: frozenset[bytes]) -> None:
        self.body, self.names, self.known_types = body, names, types
        # Two empty tokens at the end spare every look ahead a test.
        self.texts = [token.text for token in body.tokens] + [b"", b""]
        self.calls: list[tuple[bytes, int]] = []
        """Open brackets: what stands before a round one, and the arguments passed so far."""

    def read(self) -> None:
        own = self.body.types | self.body.hidden | {index for index, _ in self.body.found}
        for index, token in enumerate(self.body.tokens):
            text = token.text
            if text in (b"(", b"{", b"["):
                self.calls.append((self.texts[index - 1] if index and text == b"(" else b"", 0))
                self._type_argument(index + 1)
            elif text in (b")", b"}", b"]"):
                if self.calls:
                    self.calls.pop()
            elif text == b",":
                if self.calls:
                    self.calls[-1] = self.calls[-1][0], self.calls[-1][1] + 1
                    self._type_argument(index + 1)
            elif index not in own and token.is_name:
                self._name(index, token)

    def _name(self, index: int, token: Token) -> None:
        name, before = token.text, self.texts[index - 1]
        if before in (b".", b"->") or before in TAGS:
            return
        if before == b"goto":
            self.names.gotos.append(token)
        elif self.body.starts_label(index):
            self.names.labels.add(name)
        else:
            self.names.mentioned.add(name)
            if self._is_type(index, name):
                self.names.types.add(name)
            elif self._is_member(index):
                self.names.members.append(token)
            elif self.texts[index + 1] != b"(" and not is_constant(name):
                self.names.used.append(token)

    def _is_type(self, index: int, name: bytes) -> bool:
        """Whether an identifier stands for a type: by its name, in a cast or under `sizeof`."""
        after = self.texts[index + 1]
        if name in self.names.declared or after == b"(":
            return False
        if name in BASE_TYPES or name in self.known_types or name.endswith(b"_t"):
            return True
        if self.texts[index - 1] != b"(":
            return False
        closing = index + 1
        while self.texts[closing] == b"*":
            closing += 1
        if self.texts[closing] != b")":
            return False
        callee = self.texts[index - 2] if index > 1 else b""
        following = self.texts[closing + 1][:1]
        is_cast = following.isalnum() or following == b"_"
        return after == b"*" or callee in _TAKES_TYPE or (is_cast and callee not in _CONDITIONS)

    def _is_member(self, index: int) -> bool:
        """Whether a bare argument names a member (`list_entry(p, struct page, lru)`)."""
        before, after = self.texts[index - 1], self.texts[index + 1]
        if not self.calls or before != b"," or after not in (b",", b")", b"["):
            return False
        callee, argument = self.calls[-1]
        if _MEMBERS_FROM_1.fullmatch(callee):
            return argument >= 1
        return argument >= 2 and _MEMBERS_FROM_2.fullmatch(callee) is not None

    def _type_argument(self, index: int) -> None:
        """Note the argument that starts at `index` if it is a type given to a macro."""
        callee = self.calls[-1][0]
        if callee in _TAKES_TYPE or not Token(callee, 0).is_name:
            return
        stop = index
        while self._in_type(stop) or (stop > index and self.texts[stop] == b"*"):
            stop += 1
        if stop > index and self.texts[stop] in (b",", b")"):
            start, end = self.body.tokens[index].position, self.body.tokens[stop].position
            self.names.type_arguments.append((start, end))

    def _in_type(self, index: int) -> bool:
        text = self.texts[index]
        return (
            text in TYPE_WORDS
            or text in QUALIFIERS
            or text in TAGS
            or (index > 0 and self.texts[index - 1] in TAGS)
            or (self.body.tokens[index].is_name and self._is_type(index, text))
            if text
            else False
        )


def is_constant(name: bytes) -> bool:
    """ALL_CAPS: by convention a macro or an enumeration constant, which headers define."""
    return name.upper() == name
