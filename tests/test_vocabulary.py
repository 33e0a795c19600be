"""Symbols and ids."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lm.errors import InputError
from pipeline.lm.vocabulary import Vocabulary

UNITS = ["bytes", "characters"]


@pytest.mark.parametrize("unit", UNITS)
@given(training=st.binary(min_size=1), text=st.binary())
def test_any_bytes_survive(unit, training, text):
    vocabulary = Vocabulary.of(training, unit)
    assert vocabulary.decode(vocabulary.encode(text)) == text


@pytest.mark.parametrize("unit", UNITS)
@given(training=st.text(min_size=1))
def test_training_symbols_fill_the_vocabulary(unit, training):
    vocabulary = Vocabulary.of(training.encode("utf-8", "surrogatepass"), unit)
    ids = vocabulary.encode(training.encode("utf-8", "surrogatepass"))
    assert sorted(set(ids.tolist())) == list(range(vocabulary.size))


def test_characters_are_not_bytes():
    assert Vocabulary.of("naïve".encode(), "characters").size == 5
    assert Vocabulary.of("naïve".encode(), "bytes").size == 6


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
    vocabulary = Vocabulary.of("héllo".encode(), "characters")
    vocabulary.save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json") == vocabulary


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"unit": "bytes", "codes": [2, 1]}', "{"])
def test_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(InputError, match=r"v\.json"):
        Vocabulary.load(tmp_path / "v.json")


def test_id_types_hold_every_symbol():
    everything = np.arange(256, dtype=np.uint8).tobytes()
    assert Vocabulary.of(b"a").encode(everything).max() == 255
    assert json.loads(json.dumps({"codes": list(Vocabulary.of(everything).codes)}))
