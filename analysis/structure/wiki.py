"""Wikipedia dumps: brackets, markup, pages as XML, and what URLs, ids and timestamps are made of.

The wikitext stands in the XML with `<`, `>`, `&` and `"` as entities; offsets are of the dump.
"""

import re
from collections import Counter
from collections.abc import Set
from datetime import datetime
from typing import NamedTuple
from xml.parsers import expat

from analysis.structure.delimiters.fates import fates, group
from analysis.structure.delimiters.stack import END_TAG, ESCAPED_TAG
from analysis.structure.events import (
    PER_HUNDRED_THOUSAND,
    PER_THOUSAND,
    SHARE,
    VIOLATIONS,
    Event,
    Measure,
)

MAXIMUM_PAGE = 5_000_000
"""Bytes: a longer page is not parsed, and counts as not well formed."""

PAIRS = ("]]", "}}", ")")
"""Closers whose rate of right closing is a figure of its own."""
MARKUP = frozenset({"]]", "}}", "|}", "]", "--&gt;", ESCAPED_TAG, "''", "=="})
"""Kinds of structural errors; round brackets are prose, tags of the dump have their own figure."""

PAGE = re.compile(rb"<page>|</page>")
QUOTES = re.compile(rb"'{2,}+")
HEADING = re.compile(rb"^(={1,7}+)[^=\n][^\n]*$", re.MULTILINE)
URL = re.compile(rb"https?://(?>(?:(?!&(?:lt|gt|quot);)[^\s\[\]<>|{}\"])+)(?=[\s\[\]<>|{}\"&])")
COMMENT = re.compile(rb"&lt;!--(?:(?!--&gt;)[^\n]){0,400}--&gt;")
TIMESTAMP = re.compile(rb"<timestamp>([^<\n]{0,100})</timestamp>")
ID = re.compile(rb"<id>([^<\n]{0,100})</id>")


class Context(NamedTuple):
    """What the training text holds."""

    urls: frozenset[bytes] = frozenset()
    timestamps: frozenset[bytes] = frozenset()
    ids: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, training: bytes) -> "Context":
        """From the training text."""
        return cls(
            frozenset(url for _, url in urls(training)),
            frozenset(TIMESTAMP.findall(training)),
            frozenset(ID.findall(training)),
        )


NOTHING = Context()


def urls(text: bytes) -> list[tuple[int, bytes]]:
    """Position and address of each URL, punctuation at its end left out."""
    return [
        (match.start(), match[0].replace(b"&amp;", b"&").rstrip(b".,;:!?)'"))
        for match in URL.finditer(text)
    ]


def quotes(text: bytes) -> list[Event]:
    """Each line with '' or ''' marks as an event, ok if italics and bold both end on it; rows of
    tables are left out, as the end of a cell ends both.
    """
    found, position = [], 0
    for line in text.split(b"\n"):
        italic = bold = 0
        marks = [] if line.startswith((b"|", b"!")) else QUOTES.findall(line)
        for mark in marks:
            # MediaWiki's rule: four are an apostrophe and bold, more than five end as five.
            size = min(len(mark), 5)
            italic += size in (2, 5)
            bold += size in (3, 4, 5)
        if marks:
            # If both are odd, one bold mark is read as an apostrophe before italics.
            outcome = "unclosed" if italic % 2 != bold % 2 else "ok"
            found.append(Event(position, "''", outcome))
        position += len(line) + 1
    return found


def headings(text: bytes) -> list[Event]:
    """Each line that starts as a heading as an event, ok if as many marks end it."""
    return [
        Event(match.start(), "==", "ok" if _balanced(match[0], len(match[1])) else "mismatch")
        for match in HEADING.finditer(text)
    ]


def pages(text: bytes) -> list[Event]:
    """Each page of the dump as an event `page`: ok if it is well-formed XML by itself, mismatch
    if not, unclosed where another page starts first; censored if the window ends first.
    """
    found: list[Event] = []
    start = None
    for match in PAGE.finditer(text):
        if match[0] == b"</page>":
            if start is not None:
                outcome = "ok" if _well_formed(text[start : match.end()]) else "mismatch"
                found.append(Event(start, "page", outcome))
            start = None
            continue
        if start is not None:
            found.append(Event(start, "page", "unclosed"))
        start = match.start()
    if start is not None:
        found.append(Event(start, "page", "censored"))
    return found


def timestamps(text: bytes) -> list[Event]:
    """Each timestamp of the dump as an event, ok if it is a date and time that exists."""
    return [
        Event(match.start(), "timestamp", "ok" if _is_time(match[1]) else "mismatch")
        for match in TIMESTAMP.finditer(text)
    ]


def events(text: bytes) -> list[Event]:
    """Delimiters, quote marks, headings and timestamps of one window, in order."""
    delimiters = [
        Event(fate.ended, group(fate.closer), fate.outcome) for fate in fates(text, "wikipedia")
    ]
    return sorted([*delimiters, *quotes(text), *headings(text), *timestamps(text)])


def measure(text: bytes, context: Context) -> list[Measure]:
    """The figures of one window, of which few hold a whole page: see `measure_pages`."""
    counts = Counter((event.kind, event.outcome) for event in events(text))
    bad = Counter(
        {kind: sum(counts[kind, outcome] for outcome in VIOLATIONS) for kind, _ in counts}
    )
    errors = sum(bad[kind] for kind in MARKUP)
    addresses = {address for _, address in urls(text)}
    return [
        Measure("markup errors", errors, len(text), PER_THOUSAND),
        *(_share(f"{closer} closed rightly", closer, counts, {"mismatch", "unclosed"})
          for closer in PAIRS),
        _share("tags nested rightly", END_TAG, counts, VIOLATIONS),
        _share("lines with even quote marks", "''", counts, VIOLATIONS),
        _share("headings balanced", "==", counts, VIOLATIONS),
        _share("valid timestamps", "timestamp", counts, VIOLATIONS),
        _new("new timestamps", TIMESTAMP.findall(text), context.timestamps),
        _new("new ids", ID.findall(text), context.ids),
        _new("new URLs", list(addresses), context.urls),
    ]  # fmt: skip


def measure_pages(text: bytes) -> list[Measure]:
    """The figures of a whole stream: pages that parse, and how many are complete at all."""
    counts = Counter((event.kind, event.outcome) for event in pages(text))
    complete = counts["page", "ok"] + counts["page", "mismatch"]
    return [
        _share("pages well formed", "page", counts, VIOLATIONS),
        Measure("complete pages", complete, len(text), PER_HUNDRED_THOUSAND),
    ]


def _share(name: str, kind: str, counts: Counter[tuple[str, str]], wrong: Set[str]) -> Measure:
    right = counts[kind, "ok"]
    return Measure(name, right, right + sum(counts[kind, outcome] for outcome in wrong), SHARE)


def _new(name: str, found: list[bytes], known: Set[bytes]) -> Measure:
    return Measure(name, sum(item not in known for item in found), len(found), SHARE)


def _balanced(line: bytes, marks: int) -> bool:
    content = COMMENT.sub(b"", line).rstrip()
    return len(content) > 2 * marks and len(content) - len(content.rstrip(b"=")) == marks


def _is_time(stamp: bytes) -> bool:
    try:
        datetime.strptime(stamp.decode("ascii"), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return False
    return len(stamp) == len("2002-08-03T18:14:12Z")


def _well_formed(page: bytes) -> bool:
    """Strict XML. What begins with <page> has no place for a document type, hence for entities,
    and nothing outside the text is ever read."""
    if len(page) > MAXIMUM_PAGE:
        return False
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")  # prefixes must be declared
    try:
        parser.Parse(page, True)
    except expat.ExpatError:
        return False
    return True
