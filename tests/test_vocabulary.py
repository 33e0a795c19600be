"""Symbols and ids."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lm.errors import InputError
from pipeline.lm.vocabulary import Vocabulary

UNITS = ["bytes", "characters", "words"]
WORDS = (b" an", b" the", b"\xc3\xa9t\xc3\xa9", b"the")


@pytest.mark.parametrize("unit", UNITS)
@given(training=st.binary(min_size=1), text=st.binary())
def test_any_bytes_survive(unit, training, text):
    vocabulary = Vocabulary.of(training, unit, WORDS if unit == "words" else ())
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
    vocabulary = Vocabulary.of(b"abcdefghijklmnopqrstuvwxyz .", "words", WORDS)
    assert vocabulary.size == 28 + len(WORDS)
    ids = vocabulary.encode(b"the cat, the ant")
    assert [vocabulary.decode(ids[i : i + 1]) for i in range(len(ids))] == [
        b"the", b" ", b"c", b"a", b"t", b",", b" the", b" ", b"a", b"n", b"t"]  # fmt: skip
    assert (ids >= vocabulary.size).tolist() == [False] * 5 + [True] + [False] * 5


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
        Vocabulary.of(b"hello \xff\xc3", "words", tuple(sorted((b" \xff\xc3", *WORDS)))),
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
