"""Documents of validation and test that are nearly in training too.

A document is the set of its shingles (runs of LINES lines), and two are compared by the smallest
hashes of theirs, after Broder, "On the resemblance and containment of documents" (1997).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.corpora.documents import Collection, Span

SKETCH = 128
"""Hashes kept of a document."""
LINES = 3
COMMON = 20
"""A shingle of more documents than this is boilerplate: licence headers, lists of includes."""
ALIKE = 0.5
"""Share of common shingles from which two documents are near-duplicates."""
EVERYTHING = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class Overlap:
    """The documents of one part that have a near-duplicate in the training part."""

    documents: int
    bytes: int


class Sketch(NamedTuple):
    """All shingle hashes of a document that are at most `bound`, distinct and ascending."""

    hashes: NDArray[np.uint64]
    bound: np.uint64


@njit(cache=True)
def _shingles(text, lines):
    """Hashes of every run of `lines` lines, empty lines and spaces left out; at least one."""
    count = 1
    for symbol in text:
        count += symbol == 10
    hashes = np.empty(count, np.uint64)  # FNV-1a of each line
    found = 0
    value = start = np.uint64(14695981039346656037)
    for i in range(text.size + 1):
        symbol = text[i] if i < text.size else np.uint8(10)
        if symbol == 10:
            if value != start:
                hashes[found] = value
                found += 1
            value = start
        else:
            # Chosen without a jump: where words end is what a processor cannot foresee.
            further = (value ^ np.uint64(symbol)) * np.uint64(1099511628211)
            value = further if symbol > 32 else value
    runs = np.empty(max(found - lines + 1, 1), np.uint64)
    for i in range(runs.size):
        mixed = np.uint64(0)
        for j in range(i, min(i + lines, found)):
            mixed = (mixed ^ hashes[j]) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        runs[i] = mixed
    return runs


def sketch(text: bytes) -> Sketch:
    """The SKETCH smallest shingle hashes of a document."""
    hashes = np.sort(_shingles(np.frombuffer(text, np.uint8), LINES))
    hashes = hashes[np.append(True, hashes[1:] != hashes[:-1])][:SKETCH]
    return Sketch(hashes, hashes[-1] if len(hashes) == SKETCH else EVERYTHING)


def resemblance(a: Sketch, b: Sketch) -> float:
    """Estimated Jaccard similarity of two documents: 1 the same shingles, 0 none in common."""
    bound = min(a.bound, b.bound)
    of_a, of_b = a.hashes[a.hashes <= bound], b.hashes[b.hashes <= bound]
    common = len(np.intersect1d(of_a, of_b, assume_unique=True))
    either = len(of_a) + len(of_b) - common
    return common / either if either else 0.0


def overlaps(collection: Collection, parts: dict[str, list[Span]]) -> dict[str, Overlap]:
    """Near-duplicates of training documents in the two other parts, boilerplate left out."""
    spans = [span for chosen in parts.values() for span in chosen]
    sketches = without_boilerplate(
        [
            sketch(collection.text(span))
            for span in tqdm(spans, desc="near-duplicates", unit="document", leave=False)
        ]
    )
    trained = len(parts["train"])
    index = _Index(sketches[:trained])
    found, start = {}, trained
    for part, chosen in parts.items():
        if part == "train":
            continue
        own = sketches[start : start + len(chosen)]
        twins = [span for span, item in zip(chosen, own, strict=True) if index.has_twin(item)]
        found[part] = Overlap(len(twins), sum(span.size for span in twins))
        start += len(chosen)
    return found


def without_boilerplate(sketches: list[Sketch]) -> list[Sketch]:
    """The sketches without the hashes that more than COMMON of them hold."""
    if not sketches:
        return []
    flat = np.concatenate([item.hashes for item in sketches])
    ordered = np.sort(flat)
    common = np.append(ordered[COMMON:][ordered[COMMON:] == ordered[:-COMMON]], EVERYTHING)
    rare = common[np.searchsorted(common, flat)] != flat
    stops = np.cumsum([len(item.hashes) for item in sketches])[:-1]
    kept = zip(np.split(flat, stops), np.split(rare, stops), sketches, strict=True)
    return [Sketch(hashes[mask], item.bound) for hashes, mask, item in kept]


class _Index:
    """Training documents by the hashes they hold."""

    def __init__(self, sketches: list[Sketch]) -> None:
        self.sketches = sketches
        sizes = [len(item.hashes) for item in sketches]
        hashes = np.concatenate([item.hashes for item in sketches])
        order = np.argsort(hashes)
        self.hashes = hashes[order]
        self.owners = np.repeat(np.arange(len(sketches)), sizes)[order]

    def has_twin(self, item: Sketch) -> bool:
        """Whether some training document resembles it."""
        low = np.searchsorted(self.hashes, item.hashes, "left")
        high = np.searchsorted(self.hashes, item.hashes, "right")
        slices = [self.owners[a:b] for a, b in zip(low, high, strict=True) if a < b]
        if not slices:
            return False
        candidates = np.unique(np.concatenate(slices))
        return any(resemblance(item, self.sketches[owner]) >= ALIKE for owner in candidates)
