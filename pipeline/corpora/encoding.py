"""Spans of bytes -> files of symbol ids, in bounded memory."""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.corpora.documents import Collection, Span
from pipeline.lm.io.files import atomic_write
from pipeline.lm.vocabulary import TOKEN, Unit, Vocabulary, codes_of

CONTINUATION = range(0x80, 0xC0)
LONGEST_CHARACTER = 4


@dataclass(frozen=True)
class Part:
    """What was written of one part."""

    symbols: int
    bytes: int
    documents: int
    unseen: int
    """Symbols the training part lacks."""
    sha256: str


def whole_characters(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that no UTF-8 character crosses; invalid bytes pass unchanged."""
    kept = b""
    for block in blocks:
        text = kept + block
        cut = len(text)
        # A cut before a byte that begins a character is always safe.
        for back in range(1, min(LONGEST_CHARACTER, len(text)) + 1):
            if text[-back] not in CONTINUATION:
                cut = len(text) - back
                break
        kept = text[cut:]
        if cut:
            yield text[:cut]
    if kept:
        yield kept


def whole_words(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that no word crosses, unless one is as long as a block."""
    kept = b""
    for block in blocks:
        text = kept + block
        cut = max(text.rfind(b" "), text.rfind(b"\n"))  # no word goes on there
        if cut <= 0:
            cut = len(text)
        kept = text[cut:]
        yield text[:cut]
    if kept:
        yield kept


WHOLE: dict[Unit, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    "bytes": iter,
    "characters": whole_characters,
    "words": whole_words,
}
"""How blocks are cut anew so that no symbol crosses two."""


@njit(cache=True)
def _mark(codes, seen):
    """Note which codes occur; five times as fast as assigning by an index array."""
    for code in codes:
        seen[code] = True


def occurring(collection: Collection, spans: list[Span], unit: Unit) -> NDArray[np.int64]:
    """The codes (byte values or code points) that occur in some spans, ascending."""
    seen = np.zeros(sys.maxunicode + 1 if unit == "characters" else 256, bool)
    for span in spans:
        for block in _blocks(collection, span, unit):
            _mark(codes_of(block, unit), seen)
    return np.flatnonzero(seen)


def token_counts(collection: Collection, spans: list[Span]) -> Counter[bytes]:
    """How often each word, and each byte between words, occurs in some spans."""
    counts: Counter[bytes] = Counter()
    for span in spans:
        for block in _blocks(collection, span, "words"):
            counts.update(TOKEN.findall(block))
    return counts


def write_part(
    collection: Collection, spans: list[Span], vocabulary: Vocabulary, path: Path
) -> tuple[Part, list[tuple[str, int, int]]]:
    """Write the ids of some spans to `path`; also (name, start, stop) of each, in symbols."""
    digest, unseen, rows, position = sha256(), 0, [], 0
    size = sum(span.size for span in spans)
    with (
        atomic_write(path) as file,
        tqdm(desc=path.stem, total=size, unit="B", unit_scale=True, leave=False) as bar,
    ):
        for span in spans:
            start = position
            for block in _blocks(collection, span, vocabulary.unit):
                ids = vocabulary.encode(block)
                unseen += int(np.count_nonzero(ids >= vocabulary.size))
                content = ids.astype(ids.dtype.newbyteorder("<"), copy=False).data
                digest.update(content)
                file.write(content)
                position += len(ids)
                bar.update(len(block))
            rows.append((span.name, start, position))
    return Part(position, size, len(spans), unseen, digest.hexdigest()), rows


def write_documents(path: Path, rows: dict[str, list[tuple[str, int, int]]]) -> None:
    """documents.tsv, of the rows of every part."""
    with atomic_write(path, "w") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(("part", "name", "start", "stop"))
        table.writerows((part, *row) for part, entries in rows.items() for row in entries)


def _blocks(collection: Collection, span: Span, unit: Unit) -> Iterator[bytes]:
    return WHOLE[unit](collection.blocks(span))
