"""What a corpus is to be: by the options of the command, or else by guesses with their reasons."""

import argparse
import glob
import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipeline.own import guesses
from pipeline.own.guesses import Guess
from pipeline.own.place import Place

OWN = Path("data/own")
"""Copies of texts that cannot be learnt where they lie; relative to the repository's root."""
BY_COMMAND = "as the command says"
MOST_NAMED = 5
"""Files left out."""
WORD_BYTES = 6
"""Of a word and its space, about."""


class Plan(NamedTuple):
    """What a corpus is to be."""

    name: str
    title: str
    source: Path
    """A file, a folder or an archive."""
    found: str
    """What was found, in a line."""
    kind: Guess
    symbols: Guess
    dictionary: Guess
    split: Guess
    patterns: list[str]
    """Of files, where there are several; empty: there is one."""
    without: list[str]
    size: int
    """Bytes."""
    length: int
    """Symbols, about."""
    vocabulary: int
    """Distinct symbols, about."""


def source_of(place: Place, name: str, lasts: bool, as_is: bool) -> Path:
    """Where the corpus is to read the text from: where it lies, or a copy of our own.

    A copy is needed where the place does not last, where conf/ cannot hold its path, and where the
    text is to be written otherwise.
    """
    path = place.path
    sayable = str(path).isprintable() and "$" not in str(path)
    if lasts and sayable and (as_is or place.is_plain):
        return path
    alone = len(place.files) == 1
    return OWN / name / re.sub(r"[^\w.-]", "_", path.name, flags=re.ASCII) if alone else OWN / name


def planned(arguments: argparse.Namespace, place: Place, source: Path) -> Plan:
    """What is chosen for a text, by options or else by guesses."""
    text = place.sample(arguments.as_is)
    characters = text.decode("utf-8", "replace")
    kind = _chosen(arguments.kind, guesses.kind(place, text))
    symbols = _chosen(arguments.symbols, guesses.symbols(text))
    widths = {"bytes": 1, "characters": len(text) / len(characters), "words": WORD_BYTES}
    others = place.others if source == place.path else []
    suffixes = sorted({PurePosixPath(file.name).suffix for file in place.files})
    several = len(place.files) > 1 or bool(others)
    return Plan(
        name=arguments.name,
        title=arguments.title or arguments.name,
        source=source,
        found=found(place, arguments.place),
        kind=kind,
        symbols=symbols,
        dictionary=_chosen(arguments.dictionary, guesses.dictionary(text)),
        split=_chosen(arguments.split, guesses.split(kind.value, len(place.files))),
        patterns=([f"*{glob.escape(s)}" for s in suffixes] if others else ["*"]) * several,
        without=[glob.escape(n) for n in others if PurePosixPath(n).suffix in suffixes],
        size=place.size,
        length=max(1, round(place.size / widths[symbols.value])),
        vocabulary=len(set(text if symbols.value == "bytes" else characters)),
    )


def _chosen(option: str | None, guess: Guess) -> Guess:
    return Guess(option, BY_COMMAND) if option else guess


def found(place: Place, named: str) -> str:
    """What was found, in a line."""
    writings = ", ".join(dict.fromkeys(file.writing.words for file in place.files))
    count = "" if len(place.files) == 1 else f" in {len(place.files):,} files"
    left = f"; no text, left out: {', '.join(place.others[:MOST_NAMED])}" if place.others else ""
    more = len(place.others) - MOST_NAMED
    left += f" and {more:,} more" if more > 0 else ""
    line = f"{named}: {place.size:,} bytes{count}, {writings}{left}."
    return "".join(c if c.isprintable() else "?" for c in line)
