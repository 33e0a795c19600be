"""Raw file -> documents: spans of one file on disk, whatever the corpus came in."""

import fnmatch
import json
import mmap
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from tqdm import tqdm

from pipeline.corpora import archives, digests
from pipeline.corpora.corpus import Documents
from pipeline.lm.io.errors import InputError, in_words

BLOCK = 1 << 22
MOST_AT_ONCE = 1 << 28
"""Bytes of a file that has to be read as a whole."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Span(NamedTuple):
    """A document, or a piece of one: bytes `start` to `stop` of the collection's file."""

    name: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stop - self.start


@dataclass(frozen=True)
class Collection:
    """Documents in their given order, read from an open file block by block."""

    file: IO[bytes]
    spans: list[Span]
    missing: tuple[str, ...] = ()
    """Sections that were to begin somewhere and do not: they stay in the one before."""

    def blocks(self, span: Span) -> Iterator[bytes]:
        """The bytes of a span, in blocks."""
        position = span.start
        while position < span.stop:
            block = os.pread(self.file.fileno(), min(BLOCK, span.stop - position), position)
            if not block:
                raise InputError("a raw file became shorter while it was read: download it again")
            position += len(block)
            yield block

    def text(self, span: Span) -> bytes:
        """The bytes of a span, whole."""
        return b"".join(self.blocks(span))

    def digest(self, algorithm: str) -> str:
        """The digest of all documents in their given order."""
        blocks = (block for span in self.spans for block in self.blocks(span))
        return digests.digest(algorithm, blocks, sum(span.size for span in self.spans))


@contextmanager
def collected(raw: Path, documents: Documents, most: int, scratch: Path) -> Iterator[Collection]:
    """The documents of a raw file, as spans of a nameless scratch file (or of `raw` if plain).

    Args:
        raw: the file as fetched.
        most: bytes it may expand to.
        scratch: folder for the scratch file, which vanishes even if the process is killed.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    if archives.is_plain(raw) and documents.reader in ("file", "sections"):
        opened: IO[bytes] = raw.open("rb")
    else:
        opened = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115
    with opened as file:
        try:
            spans = [_named(span) for span in _read(raw, documents, most, file) if span.size]
        except OSError as error:
            raise InputError(f"cannot read {raw} into {scratch}: {in_words(error)}") from error
        if not spans:
            empty = not raw.stat().st_size
            wrong = "is empty" if empty else "holds no document"
            raise InputError(f"{raw} {wrong}: check corpora.*.sources and corpora.*.documents")
        yield Collection(file, spans, _missing(spans, documents))


def _named(span: Span) -> Span:
    """The same with a name that fits one line of UTF-8."""
    name = span.name.encode("utf-8", "replace").decode("utf-8")
    return span._replace(name=CONTROL.sub(" ", name))


def _missing(spans: list[Span], documents: Documents) -> tuple[str, ...]:
    if documents.title is not None:
        return ()
    found = {span.name for span in spans} | {span.name.rpartition(" ")[0] for span in spans}
    return tuple(name for name in documents.starts if name not in found)


def _read(raw: Path, documents: Documents, most: int, file: IO[bytes]) -> list[Span]:
    if documents.reader == "members":
        return _members(raw, documents, most, file)
    if documents.reader == "essays":
        return _written(essays(_whole(raw, documents, most), documents.until, raw), file)
    if documents.reader == "names":
        return _written(names(_whole(raw, documents, most)), file)
    if file.name != str(raw):
        for _, stream in _chosen(raw, documents, most):
            _copy(stream, file)
    size = file.seek(0, 2)
    file.flush()
    if documents.reader == "sections" and size:
        return sections(file, documents, raw)
    return [Span(raw.name, 0, size)]


def _chosen(raw: Path, documents: Documents, most: int) -> Iterator[tuple[str, archives.Bounded]]:
    for path, stream in archives.members(raw, most):
        name = path.removeprefix("./")
        forms = (name, name.partition("/")[2] or name)
        if any(_matches(form, documents.patterns) for form in forms) and not any(
            _matches(form, documents.without) for form in forms
        ):
            yield name, stream


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _whole(raw: Path, documents: Documents, most: int) -> bytes:
    whole = bytearray()
    for _, stream in _chosen(raw, documents, most):
        while block := stream.read(BLOCK):
            whole += block
            if len(whole) > MOST_AT_ONCE:
                raise InputError(
                    f"{raw} has more than the {MOST_AT_ONCE:,} bytes that the reader "
                    f"{documents.reader} takes into memory: use the reader file"
                )
    return bytes(whole)


def _copy(stream: archives.Bounded, file: IO[bytes]) -> int:
    size = 0
    while block := stream.read(BLOCK):
        size += file.write(block)
    return size


def _written(items: list[tuple[str, bytes]], file: IO[bytes]) -> list[Span]:
    spans, start = [], 0
    for name, text in items:
        stop = start + file.write(text)
        spans.append(Span(name, start, stop))
        start = stop
    file.flush()
    return spans


def _members(raw: Path, documents: Documents, most: int, file: IO[bytes]) -> list[Span]:
    """The selected files of an archive, sorted by name; the folder all are in is left out.

    Patterns are tried with and without the first folder of a name.
    """
    spans, start = [], 0
    with tqdm(desc=f"reading {raw.name}", unit="B", unit_scale=True, leave=False) as bar:
        for name, stream in _chosen(raw, documents, most):
            stop = start + _copy(stream, file)
            spans.append(Span(name, start, stop))
            bar.update(stop - start)
            start = stop
    file.flush()
    tops = {span.name.partition("/")[0] for span in spans}
    if len(tops) == 1 and all("/" in span.name for span in spans):
        spans = [span._replace(name=span.name.partition("/")[2]) for span in spans]
    return sorted(spans)


def essays(raw: bytes, until: tuple[int, int] | None, path: Path) -> list[tuple[str, bytes]]:
    """JSON lines (slug, title, year, month, text) -> (slug, title and text), newest first.

    Essays of one month are in the order of their slugs; those newer than `until` are left out.
    """
    try:
        rows = [json.loads(line) for line in raw.splitlines() if line.strip()]
        dated = [((row["year"], row["month"]), row["slug"], row) for row in rows]
        kept = [item for item in dated if until is None or item[0] <= tuple(until)]
        kept.sort(key=lambda item: (-item[0][0], -item[0][1], item[1]))
        return [
            (slug, f"{row['title']}\n\n{row['text'].strip()}\n\n\n".encode())
            for _, slug, row in kept
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is not essays as JSON lines with slug, title, year, month, text ({error!r})"
        ) from error


def names(raw: bytes) -> list[tuple[str, bytes]]:
    """Lines -> one document a name: all lines that spell it, whatever their case, sorted."""
    groups: dict[str, list[str]] = {}
    for line in raw.decode("utf-8", "surrogateescape").splitlines():
        if name := line.strip():
            groups.setdefault(name.casefold(), []).append(name)
    return [
        (key, "".join(f"{name}\n" for name in lines).encode("utf-8", "surrogateescape"))
        for key, lines in sorted(groups.items())
    ]


def sections(file: IO[bytes], documents: Documents, raw: Path) -> list[Span]:
    """Cut a file where the regular expressions `documents.starts` match.

    A kind of section that matches once has its plain name, others are numbered or have the title
    found in them. Text before the first section belongs to it.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        found: list[tuple[int, str]] = []
        for name, expression in documents.starts.items():
            starts = [m.start() for m in re.finditer(expression.encode(), text, re.MULTILINE)]
            several = len(starts) > 1
            found += [
                (start, f"{name} {i}" if several else name) for i, start in enumerate(starts, 1)
            ]
        if not found:
            raise InputError(f"{raw}: none of documents.starts matches: correct them")
        found.sort()
        stops = [start for start, _ in found[1:]] + [len(text)]
        spans = [Span(name, start, stop) for (start, name), stop in zip(found, stops, strict=True)]
        spans[0] = spans[0]._replace(start=0)
        if documents.title is None:
            return spans
        title = re.compile(documents.title.encode())
        return [_titled(span, title, text) for span in spans]


def _titled(span: Span, title: re.Pattern[bytes], text: mmap.mmap) -> Span:
    match = title.search(text, span.start, span.stop)
    if match is None:
        return span
    return span._replace(name=match[1].decode("utf-8", "replace"))
