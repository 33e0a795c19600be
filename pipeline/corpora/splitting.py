"""Which bytes of a collection are used, in what order, and in which part."""

from hashlib import sha256
from itertools import pairwise

from pipeline.corpora.corpus import Split
from pipeline.corpora.documents import Span
from pipeline.lm.io.errors import InputError
from pipeline.lm.text import PARTS


def ordered(spans: list[Span], order: str, seed: int) -> list[Span]:
    """Documents as given, or by a hash of seed and name: the same order whatever else is there."""
    if order == "given":
        return list(spans)
    return sorted(spans, key=lambda span: sha256(f"{seed}\0{span.name}".encode()).digest())


def limited(spans: list[Span], limit: int | None, unit: str) -> list[Span]:
    """The first `limit` bytes; the document that crosses the limit is cut there.

    Where lines are the unit, it is left out instead: half a name is none.
    """
    if limit is None:
        return spans
    kept = _slice(spans, 0, limit)
    if unit == "lines" and kept and kept[-1] not in spans[len(kept) - 1 : len(kept)]:
        kept.pop()
    return kept


def split(spans: list[Span], rule: Split) -> dict[str, list[Span]]:
    """The three parts, in order: training first.

    By document the borders move to the nearest end of a document, and no part with a share stays
    empty; by position they are at the byte, and documents may be cut there; by streams each of
    `rule.streams` equal stretches of the text is shared out so, as char-rnn's loader does.

    Raises:
        InputError: there are fewer documents than parts.
    """
    total = sum(span.size for span in spans)
    if rule.by != "document":
        streams = rule.streams or 1
        return _split_streams(spans, [round(total * i / streams) for i in range(streams + 1)], rule)
    targets = [round(total * sum(rule.shares[: i + 1])) for i in range(2)]
    first, second = _borders(spans, targets, rule)
    return {"train": spans[:first], "val": spans[first:second], "test": spans[second:]}


def _split_streams(spans: list[Span], edges: list[int], rule: Split) -> dict[str, list[Span]]:
    """The shares of each stretch of the text between two edges."""
    parts: dict[str, list[Span]] = {part: [] for part in PARTS}
    for start, stop in pairwise(edges):
        cuts = [start + round((stop - start) * sum(rule.shares[:i])) for i in range(3)] + [stop]
        for part, borders in zip(PARTS, pairwise(cuts), strict=True):
            parts[part] += _slice(spans, *borders)
    return parts


def _borders(spans: list[Span], targets: list[int], rule: Split) -> tuple[int, int]:
    """Numbers of documents before validation and before test."""
    needed = [int(share > 0) for share in rule.shares]
    if len(spans) < sum(needed):
        raise InputError(
            f"{len(spans)} documents for {sum(needed)} parts: set split.by to position, or raise "
            "the limit"
        )
    ends = [0]
    for span in spans:
        ends.append(ends[-1] + span.size)
    nearest = [min(range(len(ends)), key=lambda i: abs(ends[i] - target)) for target in targets]
    first = min(max(nearest[0], needed[0]), len(spans) - needed[1] - needed[2])
    second = min(max(nearest[1], first + needed[1]), len(spans) - needed[2])
    return first, second if needed[2] else len(spans)


def _slice(spans: list[Span], start: int, stop: int) -> list[Span]:
    """Bytes `start` to `stop` of the text the spans make up, as spans."""
    pieces, position = [], 0
    for span in spans:
        low, high = max(start - position, 0), min(stop - position, span.size)
        if low < high:
            pieces.append(Span(span.name, span.start + low, span.start + high))
        position += span.size
    return pieces
