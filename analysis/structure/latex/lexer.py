"""LaTeX below the macros: marks that open, close or name something."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_MARK = re.compile(
    rb"""(?=[\\%${}\n])(?:
        \\(?P<edge>begin|end)\s*\{(?P<name>[^{}\\$\n]*)\}
       |\\(?P<cross>label|(?:eq|page|auto)?ref|hyperref)(?![A-Za-z])\s*
            (?:\{(?P<target>[^{}\\$\n]*)\}|\[(?P<optional>[^][{}\\$\n]*)\])
       |\\(?P<section>(?:sub)*section|chapter|part)(?![A-Za-z])
       |\\(?P<verb>verb)\*?(?P<quote>[^A-Za-z\s*])[^\n]*?(?:(?P=quote)|$)
       |\\(?P<delimiter>[][()])
       |(?P<text>\\(?:text\w*|mbox|hbox|makebox|intertext|footnote|label|tag)\s*\{)
       |\\(?:[A-Za-z]+|.)
       |(?P<comment>(?<!\\)%[^\n]*)
       |(?P<dollar>\$\$?)
       |(?P<brace>[{}])
       |(?P<blank>\n[ \t]*(?=\n)))""",
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_VERBATIM = (b"verbatim", b"verbatim*", b"comment", b"lstlisting")

# Where nothing that was opened before should still be open.
THEOREMS = frozenset(
    b"""theorem proposition lemma corollary definition example exercise situation remark remarks
    proof conjecture claim""".split()
)
_SYNCHRONISE = re.compile(
    rb"\n[ \t]*\n|\\begin\{(?:" + b"|".join(sorted(THEOREMS)) + rb")\}|\\(?:sub)*section\b"
)


class Mark(NamedTuple):
    """One mark: its kind, its offset and, where it has one, its name.

    Kinds: begin, end, label, reference, section, blank, `{` (`text{` where the group is set as
    text even inside math), `}`, `$`, `$$`, `\\(`, `\\)`, `\\[`, `\\]`.
    """

    kind: str
    position: int
    name: bytes = b""


def synchronised(text: bytes) -> int:
    """Offset of the first place where nothing can be open: a window is measured from there."""
    match = _SYNCHRONISE.search(text)
    return match.start() if match else len(text)


def marks(text: bytes) -> Iterator[Mark]:
    """The marks of a text in order; comments and verbatim text have none."""
    for match in _MARK.finditer(_without_verbatim(text)):
        position = match.start()
        if match["edge"]:
            yield Mark(match["edge"].decode(), position, match["name"])
        elif match["cross"]:
            target = match["target"] if match["target"] is not None else match["optional"]
            yield Mark("label" if match["cross"] == b"label" else "reference", position, target)
        elif match["section"]:
            yield Mark("section", position)
        elif match["delimiter"]:
            yield Mark(match[0].decode(), position)
        elif match["text"]:
            yield Mark("text{", match.end() - 1)
        elif match["dollar"] or match["brace"]:
            yield Mark(match[0].decode(), position)
        elif match["blank"]:
            yield Mark("blank", position)


def _without_verbatim(text: bytes) -> bytes:
    """The text with what stands inside verbatim environments blanked, lengths kept."""
    for name in _VERBATIM:
        begin, end = b"\\begin{%s}" % name, b"\\end{%s}" % name
        parts, done = [], 0
        while (start := text.find(begin, done)) >= 0:
            start += len(begin)
            stop = text.find(end, start)
            if stop < 0:
                break
            parts += [text[done:start], b" " * (stop - start)]
            done = stop
        text = b"".join([*parts, text[done:]])
    return text
