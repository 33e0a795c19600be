"""The stack of open delimiters that every lexer feeds, and the fate of each delimiter."""

from collections import Counter
from collections.abc import Callable, Set
from typing import NamedTuple

MAXIMUM_DEPTH = 200
"""Nested deeper, openers fail at once: no real text does, and hostile ones stay linear."""
STANDALONE = frozenset(
    f"\\end{{{name}}}"
    for name in ("lemma", "proposition", "theorem", "corollary", "definition", "remark", "remarks",
                 "example", "exercise", "situation", "proof")
)  # fmt: skip
"""Environments of LaTeX that stand by themselves: where one begins nothing is open."""
FAMILIES = {
    ")": "bracket", "]": "bracket",
    "]]": "wiki", "}}": "wiki", "|}": "wiki",
    **dict.fromkeys(STANDALONE, "theorem"),
}  # fmt: skip
"""Closers that may be mistaken for one another; any other closer is a family by itself."""

ENVIRONMENT = "\\end{...}"
END_TAG = "</...>"
ESCAPED_TAG = "&lt;/...&gt;"


class Fate(NamedTuple):
    """What became of one delimiter; `opened` and `ended` are byte offsets.

    `ended` is where the closer stands, or where the text showed that none will come, or the
    text's end. A closer that was never opened has `opened` equal to `ended`.
    """

    opened: int
    ended: int
    closer: str
    outcome: str


def group(closer: str) -> str:
    r"""The class of a closer, for figures: `\end{proof}` is one of `\end{...}`."""
    if closer.startswith("\\end{"):
        return ENVIRONMENT
    if closer.startswith("</"):
        return END_TAG
    return ESCAPED_TAG if closer.startswith("&lt;/") else closer


def _family(closer: str) -> str:
    return FAMILIES.get(closer) or group(closer)


class Stack:
    """Open delimiters, innermost last, and the fates of those that are done.

    Closing takes the innermost opener of that very closer (what is open inside is `unclosed`);
    failing that the innermost of its family (`mismatch`); failing that it is `unopened`. Before
    the first point of the text where nothing can be open it is `censored`: the opening may lie
    before the window.
    """

    def __init__(self) -> None:
        self.fates: list[Fate] = []
        self._open: list[tuple[int, str]] = []
        self._closers: Counter[str] = Counter()
        self._families: Counter[str] = Counter()
        self._synchronised: set[str] = set()
        self._all_synchronised = False
        self._branches: list[list[tuple[int, str]]] = []

    @property
    def top(self) -> str | None:
        """The closer that the innermost open delimiter awaits."""
        return self._open[-1][1] if self._open else None

    def awaits(self, closer: str) -> bool:
        """Whether some open delimiter awaits this closer."""
        return self._closers[closer] > 0

    def open(self, position: int, closer: str) -> None:
        """A delimiter that awaits `closer`."""
        if len(self._open) == MAXIMUM_DEPTH:
            self.fail(position, position, closer)
            return
        self._open.append((position, closer))
        self._closers[closer] += 1
        self._families[_family(closer)] += 1

    def pair(self, opened: int, position: int, closer: str) -> None:
        """A string or comment, found whole."""
        self.fates.append(Fate(opened, position, closer, "ok"))

    def fail(self, opened: int, position: int, closer: str) -> None:
        """A string or comment that does not end where it must."""
        self.fates.append(Fate(opened, position, closer, "unclosed"))

    def close(self, position: int, closer: str) -> None:
        """A closer, wherever its opener is."""
        family = _family(closer)
        if self._closers[closer]:
            self._pop_through(position, lambda other: other == closer, "ok")
        elif self._families[family]:
            self._pop_through(position, lambda other: _family(other) == family, "mismatch")
        else:
            known = self._all_synchronised or closer in self._synchronised
            outcome = "unopened" if known else "censored"
            self.fates.append(Fate(position, position, closer, outcome))

    def close_outermost(self, position: int, closer: str) -> None:
        """A closer that ends everything, as `}` in the first column of C."""
        first = next((i for i, item in enumerate(self._open) if item[1] == closer), None)
        if first is None:
            self.close(position, closer)
        else:
            opened = self._open[first][0]
            self._take([item for i, item in enumerate(self._open) if i != first], position)
            self._forget(self._open.pop()[1])
            self.fates.append(Fate(opened, position, closer, "ok"))
        self.synchronise(position)

    def synchronise(self, position: int, closers: Set[str] | None = None) -> None:
        """Nothing that awaits one of these (None: nothing at all) can be open here."""
        if closers is None:
            self._all_synchronised = True
            self._take(list(self._open), position)
            return
        self._synchronised |= closers
        if any(self._closers[closer] for closer in closers):
            self._take([item for item in self._open if item[1] in closers], position)

    def continue_from(self, position: int, closer: str) -> None:
        """The innermost opener of `closer` is repeated here, and counts from here."""
        for i in range(len(self._open) - 1, -1, -1):
            if self._open[i][1] == closer:
                self._open[i] = (position, closer)
                return

    def branch(self, word: str) -> None:
        """`if`, `el...`, `endif` of a preprocessor: alternatives start from the same stack."""
        if word == "if":
            if len(self._branches) < MAXIMUM_DEPTH:
                self._branches.append(list(self._open))
        elif self._branches:
            before = self._branches[-1]
            if word == "endif":
                self._branches.pop()
            else:
                self._restore(before)

    def finish(self, length: int) -> list[Fate]:
        """All fates, in order of opening; what is still open is censored at `length`."""
        self.fates.extend(Fate(at, length, closer, "censored") for at, closer in self._open)
        return sorted(self.fates)

    def _pop_through(self, position: int, found: Callable[[str], bool], outcome: str) -> None:
        while True:
            opened, closer = self._open.pop()
            self._forget(closer)
            if found(closer):
                self.fates.append(Fate(opened, position, closer, outcome))
                return
            self.fates.append(Fate(opened, position, closer, "unclosed"))

    def _take(self, items: list[tuple[int, str]], position: int) -> None:
        gone = set(items)
        self._open = [item for item in self._open if item not in gone]
        for opened, closer in items:
            self._forget(closer)
            self.fates.append(Fate(opened, position, closer, "unclosed"))

    def _forget(self, closer: str) -> None:
        self._closers[closer] -= 1
        self._families[_family(closer)] -= 1

    def _restore(self, items: list[tuple[int, str]]) -> None:
        self._open = list(items)
        self._closers = Counter(closer for _, closer in items)
        self._families = Counter(_family(closer) for _, closer in items)
