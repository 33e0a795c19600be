"""Windows of samples: from line to line, all of the text, the same rows in any order of work."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.measure.sample_reader import SampleReader, structure_row, window_edges
from analysis.measure.streams import held_out, line_starts
from analysis.structure.events import PER_HUNDRED_THOUSAND, SHARE, Measure
from analysis.structure.kinds import Parsers
from tests.analysis.measure.test_closing import SETTINGS
from tests.conftest import PROSE, prepare

NEWLINE = 10
texts = st.lists(st.sampled_from([b"a", b"bc", b"\n"]), max_size=40).map(b"".join)


def ids_of(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


@given(texts, st.integers(1, 12))
def test_windows_are_whole_lines_where_lines_are_short(text, size):
    edges = window_edges(ids_of(text), size, NEWLINE)
    assert edges[0] == 0 and sorted(set(edges)) == edges
    rest = text[edges[-1] :]
    assert b"\n" not in rest and len(rest) <= min(size, edges[-1])
    for start, stop in pairwise(edges):
        assert stop - start < 2 * size
        starts_line = start == 0 or text[start - 1 : start] == b"\n"
        assert starts_line or (
            start % size == 0 and b"\n" not in text[start - 1 : start + size - 1]
        )


@given(texts, st.lists(st.integers(0, 50), max_size=5))
def test_line_starts_by_search(text, places):
    for place, found in zip(places, line_starts(ids_of(text), NEWLINE, places), strict=True):
        wanted = next((i for i in range(place, len(text) + 1) if text[i - 1 : i] == b"\n" and i),
                      len(text))  # fmt: skip
        assert found == wanted


def test_held_out_text_starts_with_lines_and_never_overlaps(tmp_path):
    text = prepare(tmp_path / "p", b"".join(b"line %d\n" % i for i in range(1000, 1500)))
    whole = text.vocabulary.decode(text.part("test"))
    streams = held_out(text, len(whole), 4)
    assert len(streams) == 4
    place = 0
    for stream in streams:
        place = whole.index(stream, place)
        assert place == 0 or whole[place - 1 : place] == b"\n"
        place += len(stream)
    assert sum(map(len, streams)) > 0.9 * len(whole)
    short = held_out(text, 80, 4)
    assert [len(stream) for stream in short] == [20] * 4


def counting(window: bytes) -> list[Measure]:
    return [Measure("commas", window.count(b","), len(window), PER_HUNDRED_THOUSAND)]


def test_rows_are_a_row_a_window_and_metric(tmp_path):
    text = prepare(tmp_path / "p", PROSE)
    settings = SETTINGS.__class__(
        **{**vars(SETTINGS), "structure_window": 300, "copy_lengths": [20]}
    )
    parsers = Parsers(counting, lambda streams: [[Measure("one", 1, 1, SHARE)] for _ in streams])
    lined = PROSE.replace(b". ", b".\n")
    streams = [lined[:700], b"", lined[300:1000]]
    table = pd.DataFrame(SampleReader(text, parsers, settings).rows("s", streams))
    commas = table[table["metric"] == "commas"]
    assert list(commas["window"]) == list(range(len(commas)))
    kept = [s[: s.rfind(b"\n") + 1] for s in streams]
    assert commas["events"].sum() == sum(s.count(b",") for s in kept)
    assert commas["exposure"].sum() * 100_000 == pytest.approx(sum(map(len, kept)))
    assert set(table[table["metric"] == "one"]["window"]) < set(commas["window"])
    assert (table["metric"] == "one").sum() == 2
    assert (table["metric"] == "copied at 20").sum() == len(commas)


def test_exposures_are_in_the_units_named():
    row = structure_row("s", 3, Measure("m", 2, 50_000, PER_HUNDRED_THOUSAND))
    assert (row["events"], row["exposure"], row["unit"]) == (2, 0.5, PER_HUNDRED_THOUSAND)
