"""Which bytes are used, in what order, and in which part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpora.corpus import Split
from pipeline.corpora.documents import Span
from pipeline.corpora.splitting import limited, ordered, split
from pipeline.lm.io.errors import InputError
from pipeline.lm.text import PARTS

SIZES = st.lists(st.integers(1, 50), min_size=1, max_size=30)


SHARES = st.sampled_from([(0.8, 0.1, 0.1), (0.95, 0.05, 0), (0.96, 0.02, 0.02), (1, 0, 0)])


def spans_of(sizes: list[int]) -> list[Span]:
    """Documents of given sizes, one after another."""
    stops = np.cumsum(sizes).tolist()
    starts = [0, *stops[:-1]]
    return [Span(f"d{i}", *edges) for i, edges in enumerate(zip(starts, stops, strict=True))]


@given(SIZES, SHARES, st.sampled_from(["document", "position"]))
def test_a_split_shares_out_everything_in_order(
    sizes: list[int], shares: tuple[float, float, float], by: str
) -> None:
    spans = spans_of(sizes)
    rule = Split(by, *shares)
    needed = sum(share > 0 for share in shares)
    if by == "document" and len(spans) < needed:
        with pytest.raises(InputError, match="documents for"):
            split(spans, rule)
        return
    parts = split(spans, rule)
    pieces = [span for part in PARTS for span in parts[part]]
    assert [byte for piece in pieces for byte in range(piece.start, piece.stop)] == list(
        range(sum(sizes))
    )
    total, largest = sum(sizes), max(sizes)
    for part, share in zip(PARTS, shares, strict=True):
        got = sum(span.size for span in parts[part])
        if by == "document":
            assert bool(parts[part]) == (share > 0)
            assert set(parts[part]) <= set(spans)
            if len(spans) > 3 * needed:
                assert abs(got - share * total) <= 3 * largest
        else:
            assert abs(got - share * total) <= 1


@given(st.integers(1000, 5000), st.integers(1, 20))
def test_a_split_by_streams_shares_out_each_stream_as_char_rnn_does(size: int, n: int) -> None:
    parts = split(spans_of([size]), Split("streams", 0.8, 0.1, 0.1, n))
    owner = np.empty(size, int)
    for number, part in enumerate(PARTS):
        for span in parts[part]:
            owner[span.start : span.stop] = number
    assert sum(span.size for part in PARTS for span in parts[part]) == size
    for stream in np.array_split(owner, n):  # lengths differ from ours by one at most
        assert np.bincount(stream, minlength=3) == pytest.approx(
            [0.8 * len(stream), 0.1 * len(stream), 0.1 * len(stream)], abs=2.5
        )
        assert (np.diff(stream) < 0).sum() <= 1 and stream[len(stream) // 2] == 0


@given(SIZES, st.integers(0, 1000))
def test_a_limit_takes_exactly_that_many_leading_bytes(sizes: list[int], limit: int) -> None:
    kept = limited(spans_of(sizes), limit, "stream")
    taken = [byte for span in kept for byte in range(span.start, span.stop)]
    assert taken == list(range(min(limit, sum(sizes))))


@given(SIZES, st.integers(0, 1000))
def test_a_limit_cuts_no_line(sizes: list[int], limit: int) -> None:
    spans = spans_of(sizes)
    kept = limited(spans, limit, "lines")
    assert kept == [span for span in spans if span.stop <= limit]


@given(st.integers(0, 5), st.sets(st.text(max_size=5), min_size=2), st.data())
def test_the_seeded_order_of_two_documents_does_not_depend_on_others(
    seed: int, labels: set[str], data: st.DataObject
) -> None:
    spans = [Span(name, 0, 1) for name in labels]
    fewer = data.draw(st.lists(st.sampled_from(spans), unique=True))
    everything = ordered(spans, "seeded", seed)
    assert sorted(everything) == sorted(spans)
    assert ordered(fewer, "seeded", seed) == [span for span in everything if span in fewer]


def test_the_seeded_order_differs_between_seeds() -> None:
    spans = spans_of([1] * 50)
    assert ordered(spans, "seeded", 1) != ordered(spans, "seeded", 2)
