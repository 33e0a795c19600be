"""What LaTeX text opens and closes: environments, math and braces on one stack."""

from typing import NamedTuple

from analysis.structure.events import Outcome
from analysis.structure.latex.lexer import THEOREMS, Mark, marks

MAX_DEPTH = 100
"""Nesting deeper than this is no text: everything open is given up as unclosed."""

_LISTS = frozenset((b"enumerate", b"itemize", b"description", b"list"))
DISPLAYS = frozenset(
    name + star
    for name in b"equation align gather multline eqnarray alignat displaymath flalign".split()
    for star in (b"", b"*")
)
# Set inside math, so that a dollar sign within them still belongs to the math around.
_INNER = frozenset(
    b"""matrix pmatrix bmatrix vmatrix Vmatrix smallmatrix array cases aligned gathered split
    alignedat""".split()
)
# What sections and theorems stand in.
_CONTAINERS = frozenset((b"document", b"multicols"))
_CLOSER_OF = {"}": ("{", "text{"), "\\)": ("\\(",), "\\]": ("\\[",)}
_MATH = frozenset(("$", "$$", "\\(", "\\["))


class Span(NamedTuple):
    """Something opened at `start`, or closed there (`stop` is `start`) without an opening.

    `kind` is environment, math or brace; `name` what opened it (`lemma`, `$`, `{`).
    """

    start: int
    stop: int
    kind: str
    name: bytes
    outcome: Outcome


class _Open(NamedTuple):
    kind: str
    """`environment` or the mark that opened."""
    position: int
    name: bytes


def spans(text: bytes) -> list[Span]:
    r"""Match what a text opens and closes, in order of position.

    An `\end{x}` takes the nearest open x; if none is open, the nearest environment of its class
    (theorems, lists, displays) is closed wrongly (mismatch). A blank line ends math, and a
    section or the next theorem or proof ends everything but `document`. An `\end` that nothing
    opened is censored before the first of these: the text may have begun inside.
    """
    return match_marks(list(marks(text)), len(text))


def match_marks(found: list[Mark], size: int) -> list[Span]:
    """`spans` of a text of `size` bytes whose marks have been read."""
    matcher = _Matcher()
    for mark in found:
        matcher.read(mark)
    matcher.end(0, size, "censored")
    return sorted(matcher.spans)


class _Matcher:
    def __init__(self) -> None:
        self.open: list[_Open] = []
        self.spans: list[Span] = []
        self.settled = False
        """Whether all environments open are known: before, an `\\end` may close an older one."""

    def read(self, mark: Mark) -> None:
        kind = mark.kind
        if len(self.open) > MAX_DEPTH:
            self.end(0, mark.position, "unclosed")
        if kind == "begin":
            self.settled |= mark.name in THEOREMS
            if mark.name == b"document":
                self.end(0, mark.position, "unclosed")
            elif mark.name in THEOREMS:
                self._end_all_within_containers(mark.position)
            self.open.append(_Open("environment", mark.position, mark.name))
        elif kind == "end":
            self._end_environment(mark)
        elif kind == "section":
            self.settled = True
            self._end_all_within_containers(mark.position)
        elif kind == "blank":
            depth = self._depth_of_math()
            if depth is not None:
                self.end(depth, mark.position, "unclosed")
        elif kind in ("$", "$$"):
            self._dollar(mark)
        elif kind in _CLOSER_OF:
            self._close(mark)
        elif kind not in ("label", "reference"):
            self.open.append(_Open(kind, mark.position, kind[-2:].encode().lstrip(b"t")))

    def end(self, depth: int, position: int, outcome: Outcome) -> None:
        """Take everything above `depth` off the stack."""
        for kind, start, name in self.open[depth:]:
            family = {"environment": kind, "{": "brace", "text{": "brace"}.get(kind, "math")
            self.spans.append(Span(start, position, family, name, outcome))
        del self.open[depth:]

    def _end_all_within_containers(self, position: int) -> None:
        depth = 0
        while depth < len(self.open) and self.open[depth].name in _CONTAINERS:
            depth += 1
        self.end(depth, position, "unclosed")

    def _end_environment(self, mark: Mark) -> None:
        same, alike = None, None
        for depth in reversed(range(len(self.open))):
            kind, _, name = self.open[depth]
            if kind == "environment" and name == mark.name:
                same = depth
                break
            if alike is None and kind == "environment" and _class_of(name) == _class_of(mark.name):
                alike = depth
        found = alike if same is None else same
        if found is not None:
            self.end(found + 1, mark.position, "unclosed")
            self.end(found, mark.position, "mismatch" if same is None else "ok")
        elif self.settled and mark.name not in _CONTAINERS:
            self._alone(mark.position, "environment", mark.name, "unopened")
        else:
            self._alone(mark.position, "environment", mark.name, "censored")

    def _depth_of_math(self) -> int | None:
        """Depth of the math that a text mark at the top stands in, None outside math."""
        for depth in reversed(range(len(self.open))):
            kind, _, name = self.open[depth]
            if kind in _MATH:
                return depth
            if kind == "text{" or (kind == "environment" and name not in _INNER):
                return None
        return None

    def _dollar(self, mark: Mark) -> None:
        depth = self._depth_of_math()
        if depth is None:
            self.open.append(_Open(mark.kind, mark.position, mark.kind.encode()))
            return
        opener = self.open[depth].kind
        if mark.kind == "$$" and opener == "$":
            # `$a$$b$`: one span of math ends, the next begins.
            self._dollar(Mark("$", mark.position))
            self._dollar(Mark("$", mark.position + 1))
            return
        self.end(depth + 1, mark.position, "unclosed")
        self.end(depth, mark.position, "ok" if opener == mark.kind else "mismatch")

    def _close(self, mark: Mark) -> None:
        openers = _CLOSER_OF[mark.kind]
        for depth in reversed(range(len(self.open))):
            kind = self.open[depth].kind
            if kind in openers:
                self.end(depth + 1, mark.position, "unclosed")
                self.end(depth, mark.position, "ok")
                return
            if kind == "environment":
                break
        math = self._depth_of_math() if mark.kind != "}" else None
        if math is not None:
            self.end(math + 1, mark.position, "unclosed")
            self.end(math, mark.position, "mismatch")
        else:
            family = "brace" if mark.kind == "}" else "math"
            self._alone(mark.position, family, openers[0].encode(), "unopened")

    def _alone(self, position: int, family: str, name: bytes, outcome: Outcome) -> None:
        self.spans.append(Span(position, position, family, name, outcome))


def _class_of(name: bytes) -> str | bytes:
    for title, members in (("theorem", THEOREMS), ("list", _LISTS), ("display", DISPLAYS)):
        if name in members:
            return title
    return "inner" if name in _INNER else name
