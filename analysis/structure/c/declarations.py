"""Declarations of C found from tokens alone: good enough for broken code, linear in its length."""

import re
from typing import NamedTuple

KEYWORDS = frozenset(
    b"""auto break case const continue default do else enum extern for goto if inline register
    return sizeof static struct switch typedef union volatile while asm typeof
    char double float int long short signed unsigned void bool _Bool""".split()
)
QUALIFIERS = frozenset(b"const volatile static register extern auto inline restrict".split())
TYPE_WORDS = frozenset(b"char double float int long short signed unsigned void bool _Bool".split())
TAGS = frozenset((b"struct", b"union", b"enum"))
_TYPE_OF = frozenset((b"typeof", b"__typeof__", b"__typeof", b"__auto_type"))
DECLARING_MACRO = re.compile(
    rb"(?:DEFINE|DECLARE)(?:_\w+)?|\w*LIST_HEAD|\w*_STATE(?:_ORDER)?|\w*_ITERATOR|\w*_ONSTACK\w*|\w+_DECLARE"
)
_TOKEN = re.compile(rb"""[A-Za-z_]\w*|\d[\w.]*|->|\.\.\.|"[^"\n]*"?|'[^'\n]*'?|[^\s\w]""")
_BASE_TYPE = re.compile(rb"__(?:(?:[su]|[bl]e)\d+|\w+_t|kernel_\w+|wsum|sum16)")
_CASE_REACH = 8
"""Tokens between `case` and its colon."""


class Token(NamedTuple):
    """A token and its offset."""

    text: bytes
    position: int

    @property
    def is_name(self) -> bool:
        """An identifier that is no keyword."""
        return (self.text[:1].isalpha() or self.text[:1] == b"_") and self.text not in KEYWORDS


_END = Token(b"", -1)


def tokens_of(code: bytes, offset: int, start: int = 0) -> list[Token]:
    """Tokens of `code[start:]`; `offset` is added to their positions."""
    return [Token(match[0], offset + match.start()) for match in _TOKEN.finditer(code, start)]


class Declaration(NamedTuple):
    """A name declared: the index of its token."""

    token: int
    must_be_used: bool
    """Whether it is a variable and no attribute says that it may go unused."""


class Declarations:
    """What a list of tokens declares.

    `found` are the declarations; `types` the indices of names that stand for types or attributes;
    `hidden` those within parameter lists of declared functions and bodies of local structures;
    `macros` the calls that declare (`DEFINE_WAIT(wait)`): indices of macro, name and last bracket.
    """

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.partners = _partners(tokens)
        self.found: list[Declaration] = []
        self.types: set[int] = set()
        self.hidden: set[int] = set()
        self.macros: list[tuple[int, int, int]] = []

    def of_parameters(self) -> "Declarations":
        """Read the tokens as a parameter list."""
        index = 0
        while index < len(self.tokens):
            after_type = self._type(index)
            if after_type is not None:
                self._declarator(after_type, parameter=True)
            elif self.tokens[index].is_name:
                self.types.add(index)
            index = self._skip_to(index, (b",",)) + 1
        return self

    def of_body(self) -> "Declarations":
        """Read the tokens as statements."""
        for index, token in enumerate(self.tokens):
            if index in self.hidden or not self.starts_statement(index):
                continue
            after_type = self._macro(index + (token.text == b"static"))
            if after_type is None:
                after_type = self._type(index)
            while after_type is not None:
                after_type = self._declarator(after_type, parameter=False)
        return self

    def _macro(self, index: int) -> int | None:
        """Note the declaring macro at `index`; index after what announces another declarator."""
        name, stop = index + 2, self._partner(index + 1)
        if stop == index + 1 or not DECLARING_MACRO.fullmatch(self._at(index).text):
            return None
        if not self._at(name).is_name or stop == len(self.tokens):
            return None
        self.found.append(Declaration(name, False))
        self.macros.append((index, name, stop))
        return stop + 2 if self._at(stop + 1).text == b"," else len(self.tokens)

    def starts_statement(self, index: int) -> bool:
        """Whether a statement or declaration can start here."""
        before = self._at(index - 1).text
        if before in (b"{", b"}", b";", b""):
            return True
        if before == b"(":
            return self._at(index - 2).text == b"for"
        return before == b":" and self._ends_label(index - 1)

    def _ends_label(self, colon: int) -> bool:
        before = self._at(colon - 1)
        if before.text == b"default" or (before.is_name and self.starts_label(colon - 1)):
            return True
        reach = self.tokens[max(colon - _CASE_REACH, 0) : colon]
        return any(token.text == b"case" for token in reach)

    def starts_label(self, index: int) -> bool:
        """Whether the name at `index` is followed by a colon and begins a statement."""
        before = self._at(index - 1).text
        return self._at(index + 1).text == b":" and before in (b"{", b"}", b";", b":", b")", b"")

    def _at(self, index: int) -> Token:
        return self.tokens[index] if 0 <= index < len(self.tokens) else _END

    def _type(self, index: int) -> int | None:
        """Index after the type that starts at `index`, None if none does."""
        seen = False
        used = []
        while True:
            token = self._at(index)
            if token.text in QUALIFIERS:
                pass
            elif token.text in TYPE_WORDS:
                seen = True
            elif token.text in TAGS:
                seen = True
                if self._at(index + 1).is_name:
                    index += 1
                if self._at(index + 1).text == b"{":
                    stop = self._partner(index + 1)
                    if stop < len(self.tokens):
                        self.hidden.update(range(index + 1, stop))
                    index = stop
            elif token.text in _TYPE_OF:
                seen = True
                if self._at(index + 1).text == b"(":
                    index = self._partner(index + 1)
            elif _is_attribute(token):
                used.append(index)
                if self._at(index + 1).text == b"(":
                    index = self._partner(index + 1)
            elif not seen and token.is_name and self._declares_after(index + 1):
                seen = True
                used.append(index)
            else:
                break
            index += 1
        if not seen:
            return None
        self.types.update(used)
        return index

    def _declares_after(self, index: int) -> bool:
        """Whether a declarator follows a name, which makes the name a type."""
        stars = 0
        while self._at(index).text in (b"*", b"const") or _is_attribute(self._at(index)):
            stars += self._at(index).text == b"*"
            index += 1
        if not self._at(index).is_name:
            return False
        return not stars or self._at(index + 1).text in (b"=", b";", b",", b"[", b")", b"")

    def _declarator(self, index: int, parameter: bool) -> int | None:
        """Note the declarator at `index`; index after the comma that announces another."""
        while self._at(index).text in (b"*", b"const", b"volatile") or _is_attribute(
            self._at(index)
        ):
            if _is_attribute(self._at(index)):
                self.types.add(index)
            index += 1
        name, variable = index, True
        if self._at(index).text == b"(" and self._at(index + 1).text == b"*":
            stop = self._partner(index)
            names = (i for i in range(index, stop) if self._at(i).is_name)
            name = next((i for i in names if not _is_attribute(self._at(i))), stop)
            index = stop
        elif self._at(index + 1).text == b"(":
            variable = False
        if not self._at(name).is_name:
            return None
        index += 1
        while self._at(index).text in (b"[", b"(") or _is_attribute(self._at(index)):
            if _is_attribute(self._at(index)):
                self.types.add(index)
                variable = False
                index += 1
            else:
                after = self._partner(index) + 1
                if self._at(index).text == b"(":
                    self.hidden.update(range(index, after))
                index = after
        self.found.append(Declaration(name, variable and not parameter))
        index = self._skip_to(index, (b",", b";"))
        return index + 1 if self._at(index).text == b"," else None

    def _skip_to(self, index: int, stops: tuple[bytes, ...]) -> int:
        """Index of the next of `stops` outside brackets, or of what ends the tokens."""
        while index < len(self.tokens):
            text = self.tokens[index].text
            if text in stops or text in (b")", b"]", b"}"):
                break
            index = self._partner(index) + 1
        return index

    def _partner(self, index: int) -> int:
        """Index of the bracket that closes the one at `index`; `index` where none opens."""
        return self.partners.get(index, index)


def _is_attribute(token: Token) -> bool:
    """Whether a name looks like a kernel or gcc attribute, which starts with two underscores."""
    name = token.text
    return name.startswith(b"__") and name not in _TYPE_OF and not _BASE_TYPE.fullmatch(name)


def _partners(tokens: list[Token]) -> dict[int, int]:
    """Closing index of every opening bracket; the end of the tokens if nothing closes it."""
    closers = {b")": b"(", b"]": b"[", b"}": b"{"}
    partners, stack = {}, []
    for index, (text, _) in enumerate(tokens):
        if text in (b"(", b"[", b"{"):
            stack.append(index)
            partners[index] = len(tokens)
        elif text in closers and stack and tokens[stack[-1]].text == closers[text]:
            partners[stack.pop()] = index
    return partners
