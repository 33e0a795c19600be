"""Windows of samples: from line to line, all of the text, the same rows in any order of work."""

from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.measure.judge import Judge
from analysis.measure.sample_reader import SampleReader, structure_row, window_edges
from analysis.measure.streams import held_out, line_starts
from analysis.measure.units import pieces, whole
from analysis.statistics import log_rate_ratio
from analysis.structure import prose
from analysis.structure.events import PER_HUNDRED_THOUSAND, SHARE, Measure
from analysis.structure.kinds import Parsers, measurer
from pipeline.lm.scoring import windows
from pipeline.lm.text import Document
from tests.analysis.measure.test_closing import SETTINGS
from tests.conftest import PROSE, prepare

NEWLINE = 10
texts = st.lists(st.sampled_from([b"a", b"bc", b"\n"]), max_size=40).map(b"".join)


def no_words(_: bytes) -> float:
    return 0.0


def ids_of(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


@given(texts, st.integers(1, 30))
def test_windows_are_whole_lines_where_lines_are_short(text, size):
    edges, reach = window_edges(ids_of(text), size, NEWLINE), size // 10
    assert edges[0] == 0 and sorted(set(edges)) == edges
    assert len(text) - edges[-1] < size or len(edges) == 1
    for start, stop in pairwise(edges):
        assert stop - start <= size + reach
        assert stop - start >= size - reach or len(text) < size
        starts_line = start == 0 or text[start - 1 : start] == b"\n"
        assert starts_line or (start % size == 0 and b"\n" not in text[start - 1 : start + reach])


@pytest.mark.parametrize("line", [7, 70, 700, 7000])
def test_windows_are_as_long_whatever_lines_are(line):
    """Streams of 5,000 symbols, the last line cut, as samples are."""
    text = (b"x" * (line - 1) + b"\n") * (5000 // line) + b"x" * (5000 % line)
    edges = window_edges(ids_of(text), 4500, NEWLINE)
    assert len(edges) == 2 and 4500 <= edges[1] <= 4950


@given(texts, st.lists(st.integers(0, 50), max_size=5))
def test_line_starts_by_search(text, places):
    for place, found in zip(places, line_starts(ids_of(text), NEWLINE, places), strict=True):
        wanted = next((i for i in range(place, len(text) + 1) if text[i - 1 : i] == b"\n" and i),
                      len(text))  # fmt: skip
        assert found == wanted


def test_held_out_text_is_cut_as_samples_are(tmp_path):
    """Streams of the samples' length, from lines on, as many as there are; never shorter ones."""
    text = prepare(tmp_path / "p", b"".join(b"line %d\n" % i for i in range(1000, 1500)))
    whole = text.vocabulary.decode(text.part("test"))
    for symbols, streams in ((4000, 40), (400, 4), (1000, 5)):
        found = held_out(text, symbols, streams)
        assert 1 < len(found) <= streams
        place = 0
        for stream in found:
            assert len(stream.text) == symbols // streams
            assert stream.start >= place and whole[stream.start :].startswith(stream.text)
            assert stream.start == 0 or whole[stream.start - 1 : stream.start] == b"\n"
            place = stream.start + len(stream.text)
    (only,) = held_out(text, 10**6, 10)
    assert only.text == whole


def counting(window: bytes) -> list[Measure]:
    return [Measure("commas", window.count(b","), len(window), PER_HUNDRED_THOUSAND)]


def reader_of(text, **settings) -> SampleReader:
    """A reader of commas, and of one thing a stream."""
    chosen = SETTINGS.__class__(**{**vars(SETTINGS), "copy_lengths": [20], **settings})
    parsers = Parsers(
        counting, lambda streams: [[Measure("one", 1, 1, SHARE)] for _ in streams], no_words
    )
    return SampleReader(text, parsers, Judge.of(text, chosen, no_words), chosen)


def test_samples_have_a_row_a_stream_and_metric(tmp_path):
    text = prepare(tmp_path / "p", PROSE)
    lined = PROSE.replace(b". ", b".\n")
    streams = [lined[:700], b"", lined[300:1000]]
    table = pd.DataFrame(reader_of(text, structure_window=300).rows("s", streams))
    commas = table[table["metric"] == "commas"]
    assert list(commas["window"]) == [0, 2]
    kept = [s[: window_edges(ids_of(s), 300, NEWLINE)[-1]] for s in streams]
    assert commas["events"].sum() == sum(s.count(b",") for s in kept)
    assert commas["exposure"].sum() * 100_000 == pytest.approx(sum(map(len, kept)))
    assert list(table[table["metric"] == "one"]["window"]) == [0, 2]
    assert (table["metric"] == "copied at 20").sum() == len(commas)
    few = pd.DataFrame(reader_of(text, structure_window=300, most_units=1).rows("s", streams))
    assert set(few["window"]) == {0}
    sums = few.set_index("metric")["events"]
    assert sums.to_dict() == pytest.approx(table.groupby("metric")["events"].sum().to_dict())


def test_few_documents_are_what_is_resampled(tmp_path):
    """Six documents and nine streams of them: a row a document and metric, which says so."""
    text = prepare(tmp_path / "p", b"".join(b"a line, %05d\n" % i for i in range(9000)))
    length = len(text.part("test"))
    rows = [f"test\t{k}\t{k * length // 6}\t{(k + 1) * length // 6}\n" for k in range(6)]
    (text.folder / "documents.tsv").write_text("part\tname\tstart\tstop\n" + "".join(rows))
    streams = held_out(text, 9 * (length // 10), 9)
    reader = reader_of(text, structure_window=length // 10)
    table = pd.DataFrame(reader.held_out_rows("held-out", streams))
    commas = table[table["metric"] == "commas"]
    assert list(commas["document"]) == list(commas["window"]) == list(range(6))
    wide = pd.DataFrame(reader.held_out_rows("held-out", streams[:6]))
    assert wide["document"].isna().all()


def test_scores_are_cut_where_few_documents_end(tmp_path):
    documents = [Document("test", str(k), 30 * k, 30 * k + 30) for k in range(6)]
    spans = windows(180, 20, 5)
    found = pieces(spans, documents, 5)
    assert [p.start for p in found] == sorted({*(s.start for s in spans), 30, 60, 90, 120, 150})
    assert all(p.start // 30 == (p.stop - 1) // 30 == p.document for p in found)
    for least in (7, 10):
        assert {p.document for p in pieces(spans, documents, least)} == {None}
    assert {p.document for p in pieces(windows(180, 60, 5), documents, 5)} == {None}
    units = [(unit.start, unit.stop) for unit in whole(spans, documents, 5)]
    assert units == [(1, 30), (30, 60), (60, 90), (90, 120), (120, 150), (150, 180)]
    windowed = [(unit.start, unit.stop) for unit in whole(spans, documents, 7)]
    assert windowed == [(span.start, span.stop) for span in spans]


@pytest.mark.parametrize("kind", ["prose", "names"])
def test_a_source_does_not_differ_from_itself_in_other_streams(kind, tmp_path):
    """Of one held-out text: all of it in few long streams against half as many symbols in many, in
    windows of one size. No metric's interval of the ratio leaves out 1."""
    random = np.random.default_rng(0)
    words = [bytes(random.integers(97, 123, random.integers(2, 9)).astype(np.uint8).tolist())
             for _ in range(400)]  # fmt: skip
    ranks = (400 ** random.random(60_000)).astype(int) - 1

    def line(number: int) -> bytes:
        if kind == "names":
            return words[ranks[number]].capitalize() + b"\n"
        return b'"%s," he (%s).\n' % tuple(b" ".join(words[r] for r in ranks[k : k + 6])
                                       for k in (6 * number, 6 * number + 3))  # fmt: skip

    text = prepare(tmp_path / "p", b"".join(map(line, range(20_000 if kind == "names" else 9_000))))
    dictionary = tmp_path / "words"
    dictionary.write_bytes(b"\n".join(words[:300]))
    settings = SETTINGS.__class__(
        **{**vars(SETTINGS), "copy_lengths": [20], "distinct_orders": [1, 2, 4],
           "word_lengths": [1, 4], "dictionary": str(dictionary), "structure_window": 1000}
    )  # fmt: skip
    whole = text.vocabulary.decode(text.part("test"))
    tables = {}
    with measurer(kind, text, settings) as parsers:
        reader = SampleReader(text, parsers, Judge([], [], 300, 10, no_words), settings)
        for name, length, count in (("few", len(whole) // 5, 5), ("many", 1_000, 20)):
            streams = [whole[k * len(whole) // count :][:length] for k in range(count)]
            starts = [stream.index(b"\n") + 1 for stream in streams]
            cut = [s[at:] for s, at in zip(streams, starts, strict=True)]
            tables[name] = pd.DataFrame(reader.rows(name, cut)).groupby("metric")
    options = {"resamples": 400, "seed": 1, "level": 0.999}
    compared = 0
    assert set(tables["few"].groups) == set(tables["many"].groups)
    for metric in tables["few"].groups:
        sides = [tables[name].get_group(metric)[["events", "exposure"]] for name in tables]
        few, many = ((side["events"], side["exposure"]) for side in sides)
        if not (sum(few[0]) or sum(many[0])) or not (sum(few[1]) and sum(many[1])):
            continue
        compared += 1
        found = log_rate_ratio(*few, *many, **options)
        assert found.low <= 0 <= found.high, (metric, found)
    assert compared > 8


def test_the_judge_tells_noise_from_text_and_not_text_from_text(tmp_path):
    text = prepare(tmp_path / "p", b"".join(b"the %d cat sat, on mat %d.\n" % (i % 97, i % 89)
                                            for i in range(4000)))  # fmt: skip
    judge = Judge.of(text, SETTINGS, no_words)
    test = text.vocabulary.decode(text.part("test"))
    real = [test[k : k + 900] for k in range(0, 9000, 900)]
    noise = [bytes(reversed(stream)) for stream in real]

    def area(found: list[list[Measure]]) -> float:
        return sum(m.events for [m] in found) / sum(m.exposure for [m] in found)

    told = judge.of_streams(noise)
    assert [len(stream) for stream in told] == [0, 1] * 5
    assert area(told[1::2]) > 0.99
    assert area(judge.of_real(real)) == pytest.approx(0.5, abs=0.15)
    assert 0.3 < area(judge.of_streams(real)[1::2]) < 0.7
    assert judge.of_streams([b"short"]) == [[]]


def test_the_judge_sees_that_words_are_none(tmp_path):
    """Text whose runs of up to five characters are those of real text, but whose words are not."""
    draw = np.random.default_rng(1)
    known = [bytes(draw.choice(list(b"abcd"), 6).tolist()) for _ in range(400)]
    text = prepare(tmp_path / "p", b" ".join(draw.choice(known, 20_000)) + b"\n")
    dictionary = frozenset(known)
    context = prose.Context(dictionary)
    judge = Judge.of(text, SETTINGS, partial(prose.non_word_share, context=context))
    others = [bytes(draw.choice(list(b"abcd"), 6).tolist()) for _ in range(4000)]
    words = draw.choice([*known, *(w for w in others if w not in dictionary)], (10, 130))
    made = [b" ".join(line) for line in words]

    def area(found: list[list[Measure]]) -> float:
        return sum(m.events for [m] in found) / sum(m.exposure for [m] in found)

    assert area(judge.of_streams(made)[1::2]) > 0.95
    assert prose.non_word_share(b"x abc cab", prose.Context(frozenset([b"abc"]))) == 0
    assert prose.non_word_share(b"x abc cab xyz.", prose.Context(frozenset([b"abc"]))) == 2 / 3


def test_exposures_are_in_the_units_named():
    row = structure_row("s", 3, Measure("m", 2, 50_000, PER_HUNDRED_THOUSAND))
    assert row["window"] == 3 and row["document"] is None
    assert (row["events"], row["exposure"], row["unit"]) == (2, 0.5, PER_HUNDRED_THOUSAND)
