"""What a text seems to be, by its names and its first megabytes: guesses, each with its reason."""

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import NamedTuple

from pipeline.own.place import Place

SUFFIXES = {
    ".py": "python",
    ".c": "c",
    ".h": "c",
    ".tex": "latex",
    ".wiki": "wikipedia",
    ".mediawiki": "wikipedia",
}
SIGNS: dict[str, tuple[re.Pattern[str], float, str]] = {
    # What lines of the kind look like, the share of lines that must, and the sign in words.
    "python": (
        re.compile(r"\s*((def|class|if|for) .*:|import \w|from \S+ import |return\b[^;]*$)"),
        0.15,
        "lines begin as Python's do",
    ),
    "c": (
        re.compile(r"\s*(#\s*(include|define|if|endif)\b|(static |const |struct |unsigned )*"
                   r"(int|char|void|long|struct \w+)\s.*[;{(,]$|return\b.*;$|if \(.*\) ?\{?$)"),
        0.15,
        "lines begin as C's do",
    ),
    "latex": (re.compile(r".*\\(begin|end|section|label|ref|item|frac|cite)\b"), 0.2,
              "lines have commands of LaTeX"),
    "wikipedia": (re.compile(r".*(\[\[[^\]]+\]\]|'''|^==.*==$|\{\{[^}]+\}\})"), 0.25,
                  "lines have links and headings as Wikipedia's"),
}  # fmt: skip
HEADING = re.compile(r"(?:\A|\n\n)([A-Z][A-Za-z']*(?: [A-Za-z']+){0,3}):\n(?=\S)")
LEAST_HEADINGS, HEADINGS_PER_PARAGRAPH = 5, 0.3
NAME = re.compile(r"[^\W\d_][^\W\d_]*(?:[ '’-][^\W\d_]+){0,2}")
LEAST_NAMES, SHARE_OF_NAMES = 20, 0.9
ENGLISH = frozenset(
    b"the of and to in is that it for was on are as with his they be at this have from or had by "
    b"but not what all were we when can there an which she do how their if will he you a i".split()
)
WORD = re.compile(rb"[A-Za-z]+")
LEAST_ENGLISH = 0.15
"""Of the words of ASCII letters and of all text: in English prose a third and more are of these."""
LEAST_DOCUMENTS = 10
WIDE = 1.2
"""Bytes a character from which on characters are the better symbols."""


class Guess(NamedTuple):
    """A value and the reason for it."""

    value: str
    reason: str


def kind(place: Place, text: bytes) -> Guess:
    """The kind of text, of those that have parsers."""
    sizes: Counter[str] = Counter()
    for file in place.files:
        sizes[SUFFIXES.get(PurePosixPath(file.name).suffix, "")] += file.size
    [(most, size)] = sizes.most_common(1)
    if most and size > place.size / 2:
        return Guess(most, "by the names of its files")
    characters = text.decode("utf-8", "replace")
    lines = [line for line in characters.split("\n") if line.strip()]
    for name, (sign, least, reason) in SIGNS.items():
        share = sum(bool(sign.match(line)) for line in lines) / max(1, len(lines))
        if share >= least:
            return Guess(name, f"{share:.0%} of its {reason}")
    headings = len(HEADING.findall(characters))
    paragraphs = len(re.findall(r"\n\n+", characters)) + 1
    if headings >= max(LEAST_HEADINGS, HEADINGS_PER_PARAGRAPH * paragraphs):
        return Guess("shakespeare", f"a play: {headings} paragraphs begin with a speaker's line")
    named = sum(bool(NAME.fullmatch(line.strip())) for line in lines)
    distinct = len(set(lines))
    most_are_names = named >= SHARE_OF_NAMES * len(lines)
    if most_are_names and distinct >= max(LEAST_NAMES, len(lines) / 2):
        return Guess("names", f"{named:,} lines of a name each")
    return Guess("prose", "no sign of code, LaTeX, Wikipedia, a play or a list of names")


def symbols(text: bytes) -> Guess:
    """Bytes, or characters where most take several of them."""
    width = len(text) / max(1, len(text.decode("utf-8", "replace")))
    value = "characters" if width > WIDE else "bytes"
    return Guess(value, f"{width:.2f} bytes a character")


def dictionary(text: bytes) -> Guess:
    """English, or none: by the share of letters that are in the commonest words of English."""
    words = WORD.findall(text.lower())
    letters = len(re.sub(rb"[\s\d!-/:-@\[-`{-~]", b"", text))  # those beyond ASCII too
    common = [word for word in words if word in ENGLISH]
    share = len(common) / max(1, len(words))
    ascii_share = sum(map(len, words)) / max(1, letters)
    if share * ascii_share >= LEAST_ENGLISH:
        return Guess("english", f"{share:.0%} of its words are among English's commonest")
    return Guess("none", f"no more than {share:.0%} of its words are among English's commonest")


def split(kind: str, files: int) -> Guess:
    """By document where there are enough of them, names being documents; else by position."""
    if kind == "names":
        return Guess("document", "a name is in one part only")
    if files >= LEAST_DOCUMENTS:
        return Guess("document", f"{files:,} files, each in one part only")
    few = "one file" if files == 1 else f"{files} files, too few"
    return Guess("position", few)
