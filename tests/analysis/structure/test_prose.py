"""Prose figures: small texts, the post's samples, real books, loops by brute force."""

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.structure import prose
from pipeline.lm.io.errors import InputError

LENGTHS, ORDERS = (1, 4, 7), (1, 2)
DICTIONARY = Path("/usr/share/dict/american-english")


@pytest.fixture(scope="module")
def mirror():
    if not (folder := os.environ.get("CORPORA_MIRROR")):
        pytest.skip("CORPORA_MIRROR is not set: the books are not here")
    return Path(folder)


@pytest.fixture(scope="module")
def dictionary():
    return prose.read_dictionary(DICTIONARY) if DICTIONARY.exists() else frozenset()


@pytest.fixture(scope="module")
def book(mirror):
    return (mirror / "warpeace_input.txt").read_bytes()


@pytest.fixture(scope="module")
def plays(mirror):
    return (mirror / "shakespeare_input.txt").read_bytes()


def _figures(text, context=prose.NOTHING, measure=prose.measure):
    return {m.name: (m.events, m.exposure) for m in measure(text, context)}


def test_figures_of_a_small_text():
    context = prose.Context.of(b"The cat isn't here", frozenset({b"dog"}), LENGTHS, ORDERS)
    text = b'A cat isn\'t a dog. "Blurgh the gat," said The Thing.\n\nYes...  no,no. x2'
    found = _figures(text, context)
    # a, blurgh is capital, said, gat, no, no; x2 is no word.
    assert found["non-words"] == (5, 9)
    assert found["non-words of 1-3 letters"] == (4, 7)
    assert found["non-words of 4-6 letters"] == (1, 2)
    assert found["non-words of 7+ letters"] == (0, 0)
    assert found["quote errors"] == (0, 2)
    assert found["full stops in place"] == (2, 3)
    assert found["commas in place"] == (1, 2)
    assert found["double spaces"] == (1, len(text))


def test_quotation_marks():
    assert [e.outcome for e in prose.quotation_marks(b'x\n\n"a" b" "c')] == [
        "ok", "unopened", "censored",
    ]  # fmt: skip
    assert _figures(b'x\n\n"a" b" "c')["quote errors"] == (1, 4)


@pytest.mark.parametrize(("n", "expected"), [(1, 3 / 6), (2, 3 / 5)])
def test_distinct_n(n, expected):
    events, exposure = _figures(b"a b a b a .", prose.Context(orders=(n,)))[f"distinct-{n}"]
    assert events / exposure == expected


@given(st.binary(min_size=1, max_size=40))
def test_entropy_is_that_of_the_frequencies(text):
    events, exposure = _figures(text)["entropy"]
    shares = [text.count(bytes([byte])) / len(text) for byte in set(text)]
    assert events / exposure == pytest.approx(-sum(p * math.log2(p) for p in shares), abs=1e-9)


def test_headings_of_a_play():
    context = prose.Context.of(b"x\n\nVIOLA:\nYes.\n\nFirst Lord:\nNo.\n", frozenset(), (), ())
    assert context.speakers == {b"VIOLA:", b"First Lord:"}
    text = b"rest.\n\nVIOLA:\nAy.\n\nGRUMIO OF:\nNo.\n\nno heading\nNo.\n\nVIO: yes\n\nFirst Lo"
    assert [event.outcome for event in prose.headings(text, context)] == [
        "known", "made-up", "malformed", "malformed",
    ]  # fmt: skip
    found = _figures(text, context, prose.measure_play)
    assert found["valid headings"] == (2, 4)
    assert found["made-up speakers"] == found["real speakers"] == (1, 2)


@given(st.lists(st.integers(0, 1), max_size=14), st.integers(2, 4), st.integers(0, 6))
def test_the_loop_found_is_the_shortest_by_brute_force(sequence, repeats, span):
    expected = None
    for period in range(1, len(sequence) // repeats + 1):
        length = repeats * period
        tail = sequence[len(sequence) - length :]
        if tail == tail[:period] * repeats:
            start = len(sequence) - length
            while start > 0 and sequence[start - 1] == sequence[start - 1 + period]:
                start -= 1
            if len(sequence) - start >= span:
                expected = prose.Loop(start, period)
                break
    assert prose.find_loop(sequence, repeats, span) == expected


def test_loop_of_a_long_sample():
    sample = b"In the beginning " + b"is that they were all the same thing " * 2000
    loop = prose.find_loop(sample, 3, 100)
    assert loop is not None
    assert loop.period == len("is that they were all the same thing ")
    assert loop.start <= len("In the beginning ")
    assert prose.find_loop(b"no loop here at all", 2, 10) is None
    assert prose.find_loop(b"", 2, 10) is None


@given(st.binary(max_size=80))
def test_any_bytes_can_be_measured(text):
    context = prose.Context(word_lengths=LENGTHS, orders=ORDERS)
    for name, (events, exposure) in _figures(text, context, prose.measure_play).items():
        assert events >= 0
        assert name == "entropy" or events <= exposure


def test_hostile_text_neither_hangs_nor_crashes():
    for text in (b'"' * 50_000, b"a" * 2_000_000, b"\n \n" * 50_000, b"A" * 100 + b":\n" * 50_000,
                 b"." * 50_000, b".\n" * 50_000, b"a'" * 50_000, b"\0" * 50_000):  # fmt: skip
        assert _figures(text, prose.NOTHING, prose.measure_play)["spaces"][1] == len(text)


def test_a_missing_dictionary_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"no dictionary at .*wamerican"):
        prose.read_dictionary(tmp_path / "none")


def test_floors_of_a_book(book, dictionary):
    cut = len(book) * 9 // 10
    context = prose.Context.of(book[:cut], dictionary, LENGTHS, ORDERS)
    found = _figures(book[cut:], context)
    share = {name: events / exposure for name, (events, exposure) in found.items() if exposure}
    assert share["non-words"] < (0.003 if dictionary else 0.02)
    assert share["quote errors"] < 0.002
    assert share["commas in place"] > 0.99
    assert share["full stops in place"] > 0.95
    assert share["non-words of 1-3 letters"] <= share["non-words of 7+ letters"]


def test_floors_of_plays(plays):
    cut = len(plays) * 9 // 10
    context = prose.Context.of(plays[:cut], frozenset(), LENGTHS, ORDERS)
    valid, blocks = _figures(plays[cut:], context, prose.measure_play)["valid headings"]
    assert valid / blocks > 0.999
    assert blocks > 3000


def test_the_posts_samples_learn_words_as_it_says(mirror, book, dictionary):
    """Iterations 100, 300, 500, 700, 1200, 2000 of War and Peace."""
    post = (mirror / "rnn-effectiveness.markdown").read_bytes()
    part = post[post.index(b"### The evolution of samples") : post.index(b"### Visualizing")]
    samples = part.split(b"```")[1::2]
    context = prose.Context.of(book, dictionary, LENGTHS, ORDERS)
    rates = [events / n for events, n in (_figures(s, context)["non-words"] for s in samples)]
    assert len(rates) == 6
    assert rates == pytest.approx([0.68, 0.56, 0.32, 0.27, 0, 0.05], abs=0.2)
    assert min(rates[:2]) > max(rates[2:4]) > min(rates[2:4]) > max(rates[4:])
    # Quotation marks appear at 300 and pair from 1200 on.
    assert [_figures(s)["quotation marks"][0] for s in samples] == [0, 3, 0, 0, 4, 2]
    assert _figures(samples[4])["quote errors"][0] == _figures(samples[5])["quote errors"][0] == 0


def test_the_posts_play_has_speakers(mirror, plays):
    post = (mirror / "rnn-effectiveness.markdown").read_bytes()
    sample = (
        b"\n\n" + post[post.index(b"VIOLA:\nWhy, Salisbury") : post.index(b"```\n\nI can barely")]
    )
    context = prose.Context.of(plays, frozenset(), (), ())
    found = _figures(sample, context, prose.measure_play)
    assert found["valid headings"] == (2, 2)
    assert found["made-up speakers"] == (0, 2)


@pytest.mark.parametrize(
    ("words", "text", "non_words"),
    [
        ("книга\nслово/AS\nна\n", "Книга на столе. слово", (1, 3)),
        ("über\nmüde/N\nwar\n", "er war über müde, naß", (1, 5)),
    ],
)
def test_non_words_of_another_language(tmp_path, words, text, non_words):
    """Letters beyond ASCII belong to words; what Hunspell has after a / does not."""
    (tmp_path / "list").write_text(words, encoding="utf-8")
    dictionary = prose.read_dictionary(tmp_path / "list")
    context = prose.Context.of(b"Er", dictionary, (), ())
    assert _figures(text.encode(), context)["non-words"] == non_words


def test_without_a_dictionary_nothing_is_a_non_word():
    context = prose.Context.of(b"The cat", None, LENGTHS, ORDERS)
    found = _figures(b"a catt sat", context)
    assert not [name for name in found if "non-words" in name] and "entropy" in found
