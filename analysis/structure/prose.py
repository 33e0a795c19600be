"""Prose and plays: words, quotation marks, stops, variety, speaker headings, loops."""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from analysis.structure.delimiters.fates import fates
from analysis.structure.events import PER_THOUSAND, SHARE, VIOLATIONS, Event, Measure
from pipeline.lm.io.errors import InputError

WORD = re.compile(rb"(?<![\w'])[A-Za-z]++(?>(?:'[A-Za-z]++)*)(?![\w'])")
ANY_WORD = re.compile(r"(?<![\w'])[^\W\d_]++(?>(?:'[^\W\d_]++)*)(?![\w'])")
FOREIGN = 100
LETTERS = string.ascii_letters.encode() + b"'" + bytes(range(128, 256))
Letters = re.Pattern[bytes] | re.Pattern[str]
TOKEN = re.compile(rb"[A-Za-z]++(?>(?:'[A-Za-z]++)*)|[0-9]++|[^\sA-Za-z0-9]")
STOP = re.compile(rb"(?<!\.)\.(?!\.)")
STOP_IN_PLACE = re.compile(rb"(?<=[a-z])\.['\")]?(?:\r?\n\s*|[ ]{1,2}|\Z)['\"(]?(?=[A-Z]|\Z)")
COMMA_IN_PLACE = re.compile(rb",['\")]?(?=\s)")
DOUBLE_SPACE = re.compile(rb"(?<=\S) {2,}(?=\S)")
PARAGRAPH = re.compile(rb"\n[ \t\r]*\n+")
HEADING = re.compile(rb"(?=[^\n]{0,40}+\n)[A-Z][A-Za-z]*+(?>(?:[ ][A-Za-z]++)*):\r?\n")

BITS = "bits per character"


class Context(NamedTuple):
    """What the training text and a dictionary know, and which figures are wanted."""

    words: frozenset[bytes] | None = frozenset()
    """Words in small letters: training text and dictionary. None: what is no word is not asked."""
    letters: Letters = WORD
    """What a word looks like."""
    speakers: frozenset[bytes] = frozenset()
    """Speaker headings of the training text, colon included."""
    word_lengths: tuple[int, ...] = ()
    """Ascending lower edges of the word lengths to tell apart, in letters."""
    orders: tuple[int, ...] = ()
    """Orders n of distinct-n."""

    @classmethod
    def of(
        cls,
        training: bytes,
        dictionary: frozenset[bytes] | None,
        word_lengths: tuple[int, ...],
        orders: tuple[int, ...],
    ) -> "Context":
        """From a training text and a dictionary: see `read_dictionary`."""
        speakers = frozenset(block.heading for block in blocks(training) if block.heading)
        if dictionary is None:
            return cls(None, WORD, speakers, word_lengths, orders)
        letters = letters_of(dictionary)
        words = dictionary.union(small_words(lowered(training, letters), letters))
        return cls(words, letters, speakers, word_lengths, orders)


NOTHING = Context()


class Block(NamedTuple):
    """A piece of a play between blank lines, with its heading if it has a valid one."""

    start: int
    heading: bytes


class Loop(NamedTuple):
    """The end of a sequence repeats its last `period` symbols, from `start` on."""

    start: int
    period: int


def read_dictionary(path: Path) -> frozenset[bytes]:
    """Words of a list with one a line, in small letters, as Debian's package wamerican has it; what
    follows a / is left out, as Hunspell's lists have it."""
    try:
        lines = path.read_bytes().decode("utf-8", "surrogateescape").lower().splitlines()
    except OSError as error:
        raise InputError(
            f"no dictionary at {path}: install the package wamerican, or name another word list "
            "(corpora.*.dictionary)"
        ) from error
    words = (word for line in lines for word in line.partition("/")[0].split())
    return frozenset(word.encode("utf-8", "surrogateescape") for word in words)


def letters_of(dictionary: frozenset[bytes]) -> Letters:
    """What a word looks like in the language of a dictionary: letters beyond ASCII belong to it
    where one word in `FOREIGN` has some; of English's, one in 400."""
    beyond = sum(not word.isascii() for word in dictionary)
    return ANY_WORD if beyond * FOREIGN > len(dictionary) else WORD


def lowered(text: bytes, letters: Letters) -> bytes:
    """A text in small letters."""
    if letters is WORD:
        return text.lower()
    return text.decode("utf-8", "surrogateescape").lower().encode("utf-8", "surrogateescape")


def small_words(text: bytes, letters: Letters) -> list[bytes]:
    """The words of a text that are written all in small letters."""
    if letters is WORD:
        return [word for word in WORD.findall(text) if word.islower()]
    words = ANY_WORD.findall(text.decode("utf-8", "replace"))
    return [word.encode() for word in words if word.islower()]


def non_word_share(text: bytes, context: Context) -> float:
    """Of the words in small letters of a piece of text those that are none; 0 if it has no words.
    The first and the last run of letters may be cut and do not count."""
    if context.words is None:
        return 0.0
    words = small_words(text.strip(LETTERS), context.letters)
    return sum(word not in context.words for word in words) / max(1, len(words))


def quotation_marks(text: bytes) -> list[Event]:
    """Each pair, or mark without a partner, as an event `quote`: see `delimiters`."""
    return [
        Event(fate.opened, "quote", fate.outcome)
        for fate in fates(text, "prose")
        if fate.closer in ('"', "”")
    ]


def blocks(text: bytes) -> list[Block]:
    """Pieces between blank lines; the first is left out, as the window may have cut its heading,
    and the last if it is one unfinished line.
    """
    found = []
    for match in PARAGRAPH.finditer(text):
        start = match.end()
        if text.find(b"\n", start) > 0:
            heading = HEADING.match(text, start)
            found.append(Block(start, heading[0].rstrip() if heading else b""))
    return found


def headings(text: bytes, context: Context = NOTHING) -> list[Event]:
    """Each block of a play as an event `heading`: known, made-up, or malformed (none, too)."""
    return [Event(start, "heading", _speaker(heading, context)) for start, heading in blocks(text)]


def measure(text: bytes, context: Context) -> list[Measure]:
    """The figures of one window of prose."""
    return [*measure_words(text, context), *_marks(text)]


def measure_words(text: bytes, context: Context) -> list[Measure]:
    """The figures that any kind of text has: known words, variety, entropy."""
    return [*_words(text, context), *_variety(text, context.orders)]


def measure_play(text: bytes, context: Context) -> list[Measure]:
    """The figures of one window of Shakespeare: those of prose, and the speaker headings."""
    counts = Counter(event.outcome for event in headings(text, context))
    valid = counts["known"] + counts["made-up"]
    return [
        *measure(text, context),
        Measure("valid headings", valid, counts.total(), SHARE),
        Measure("real speakers", counts["known"], valid, SHARE),
        Measure("made-up speakers", counts["made-up"], valid, SHARE),
    ]


def find_loop(sequence: Sequence[int], repeats: int, span: int) -> Loop | None:
    """The shortest period in which the sequence's end repeats, if any.

    Args:
        sequence: (T,) symbols, as bytes or ids.
        repeats: times that the period must be seen, 2 or more.
        span: symbols that the repetition must cover; short ones are in any text ("all", "...").
    """
    backward = list(sequence)[::-1]
    size = len(backward)
    # z[p]: how far the reversed sequence agrees with itself p symbols on (Gusfield's Z algorithm).
    z, left, right = [0] * size, 0, 0
    for p in range(1, size):
        same = min(right - p, z[p - left]) if p < right else 0
        while p + same < size and backward[same] == backward[p + same]:
            same += 1
        z[p] = same
        if p + same > right:
            left, right = p, p + same
        if p + same >= max(repeats * p, span):
            return Loop(size - p - same, p)
    return None


def _speaker(heading: bytes, context: Context) -> str:
    if not heading:
        return "malformed"
    return "known" if heading in context.speakers else "made-up"


def _words(text: bytes, context: Context) -> list[Measure]:
    if context.words is None:
        return []
    words = small_words(text, context.letters)
    unknown = [word for word in words if word not in context.words]
    figures = [Measure("non-words", len(unknown), len(words), SHARE)]
    ends = (*context.word_lengths[1:], math.inf)
    for low, end in zip(context.word_lengths, ends, strict=True) if context.word_lengths else ():
        name = f"non-words of {low}+ letters" if end == math.inf else (
            f"non-words of {low} letters" if end == low + 1
            else f"non-words of {low}-{end - 1} letters"
        )  # fmt: skip
        events = sum(low <= len(word) < end for word in unknown)
        figures.append(Measure(name, events, sum(low <= len(word) < end for word in words), SHARE))
    return figures


def _marks(text: bytes) -> list[Measure]:
    outcomes = Counter(event.outcome for event in quotation_marks(text))
    marks = outcomes.total() + outcomes["ok"]
    stops, commas = len(STOP.findall(text)), text.count(b",")
    return [
        Measure("quote errors", sum(outcomes[bad] for bad in VIOLATIONS), marks, SHARE),
        Measure("quotation marks", marks, len(text), PER_THOUSAND),
        Measure("full stops in place", len(STOP_IN_PLACE.findall(text)), stops, SHARE),
        Measure("full stops", stops, len(text), PER_THOUSAND),
        Measure("commas in place", len(COMMA_IN_PLACE.findall(text)), commas, SHARE),
        Measure("double spaces", len(DOUBLE_SPACE.findall(text)), len(text), PER_THOUSAND),
        Measure("spaces", sum(map(text.count, (b" ", b"\n"))), len(text), PER_THOUSAND),
    ]


def _variety(text: bytes, orders: Sequence[int]) -> list[Measure]:
    """Distinct-n of words and marks, and the entropy of the window's own symbol frequencies."""
    tokens = TOKEN.findall(text)
    figures = []
    for n in orders:
        grams = list(zip(*(tokens[i:] for i in range(n)), strict=False))
        figures.append(Measure(f"distinct-{n}", len(set(grams)), len(grams), SHARE))
    total = sum(-count * math.log2(count / len(text)) for count in Counter(text).values())
    return [*figures, Measure("entropy", total, len(text), BITS)]
