"""Symbols and ids."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.lm.io.errors import InputError
from pipeline.lm.vocabulary import TOKEN, Vocabulary

UNITS = ["bytes", "characters"]


@pytest.mark.parametrize("unit", UNITS)
@given(training=st.binary(min_size=1), text=st.binary())
def test_any_bytes_survive(unit, training, text):
    assert_survives(Vocabulary.of(training, unit), text)


WORDY = st.lists(st.sampled_from([b"the", b" ", b"\xc3\xa9t\xc3\xa9", b"a", b"\n"])).map(b"".join)


@given(training=WORDY | st.binary(), least=st.integers(1, 3), text=WORDY | st.binary())
def test_any_bytes_survive_as_words(training, least, text):
    counts = Counter(TOKEN.findall(training))
    assume(counts)
    vocabulary = Vocabulary.of_words(counts, least)
    assert_survives(vocabulary, text)
    assert set(vocabulary.encode(training).tolist()) == set(range(vocabulary.size))


def assert_survives(vocabulary, text):
    """A text is what its ids decode to, and as long as they say."""
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    known = ids[ids < vocabulary.size]
    assert vocabulary.lengths()[known].sum() == len(vocabulary.decode(known))


@pytest.mark.parametrize("unit", UNITS)
@given(training=st.text(min_size=1))
def test_training_symbols_fill_the_vocabulary(unit, training):
    vocabulary = Vocabulary.of(training.encode("utf-8", "surrogatepass"), unit)
    ids = vocabulary.encode(training.encode("utf-8", "surrogatepass"))
    assert sorted(set(ids.tolist())) == list(range(vocabulary.size))


def test_characters_are_not_bytes():
    assert Vocabulary.of("naïve".encode(), "characters").size == 5
    assert Vocabulary.of("naïve".encode(), "bytes").size == 6


def test_words_are_symbols_and_others_are_spelled():
    vocabulary = Vocabulary.of_words(Counter(TOKEN.findall(b"the can, the cat, the tan.")), 2)
    assert vocabulary.words == (b" the",)
    assert bytes(vocabulary.codes) == b" ,.acehnt"
    ids = vocabulary.encode(b"the can the ham")
    assert [vocabulary.decode(ids[i : i + 1]) for i in range(len(ids))] == [
        b"t", b"h", b"e", b" ", b"c", b"a", b"n", b" the", b" ", b"h", b"a", b"m"]  # fmt: skip
    assert np.flatnonzero(ids >= vocabulary.size).tolist() == [11]


def test_unseen_symbols_come_after():
    vocabulary = Vocabulary.of(b"hello")
    assert vocabulary.size == 4
    assert (vocabulary.encode(b"xyz") >= 4).all()
    assert (vocabulary.encode(b"hole") < 4).all()


def test_prompt_outside_the_vocabulary_is_one_clear_line():
    with pytest.raises(InputError, match=r"symbol 3, b'z'.*never occurs") as caught:
        Vocabulary.of(b"hello").encode_prompt(b"hezo")
    assert "\n" not in str(caught.value)


def test_round_trip_on_disk(tmp_path):
    for vocabulary in (
        Vocabulary.of("héllo".encode(), "characters"),
        Vocabulary.of_words({b" \xff\xc3": 2, b"hello": 2, b"\xa9": 1}, 2),
    ):
        vocabulary.save(tmp_path / "v.json")
        assert Vocabulary.load(tmp_path / "v.json") == vocabulary


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"unit": "bytes", "codes": [2, 1]}',
        '{"unit": "bytes", "codes": [1], "words": ["ab"]}',
        '{"unit": "words", "codes": [1], "words": ["b"]}',
        '{"unit": "words", "codes": [1], "words": ["cd", "ab"]}',
        '{"unit": "words", "codes": [1], "words": [7]}',
        "{",
    ],
)
def test_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(InputError, match=r"v\.json"):
        Vocabulary.load(tmp_path / "v.json")


def test_id_types_hold_every_symbol():
    everything = np.arange(256, dtype=np.uint8).tobytes()
    assert Vocabulary.of(b"a").encode(everything).max() == 255
    assert json.loads(json.dumps({"codes": list(Vocabulary.of(everything).codes)}))
