"""Features of text: each against what one reads by eye, none against arbitrary bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.cells.features import FEATURES, begins, inside, of_symbols
from pipeline.lm.io.errors import InputError
from pipeline.lm.vocabulary import Vocabulary

KINDS = ["prose", "shakespeare", "names", "wikipedia", "latex", "c", "python"]
HELD = "^"
"""Marks the bytes at which a feature holds, under a text."""


@pytest.mark.parametrize(
    ("feature", "kind", "text", "marks"),
    [
        ("inside a URL", "wikipedia", "a [http://b.org c]", "   ^^^^^^^^^^^^   "),
        ("www", "wikipedia", "w www.b", "  ^^^  "),
        ("inside [[ ]]", "wikipedia", "a [[b|c]] d", "  ^^^^^    "),
        ("inside quotes", "wikipedia", "a &quot;b&quot; c", "  ^^^^^^^        "),
        ("inside quotes", "prose", 'a "b c" d', "  ^^^^   "),
        ("inside parentheses", "prose", "a (b c) d", "  ^^^^   "),
        ("inside a comment", "c", "a; /* b */ c;", "   ^^^^^^^   "),
        ("inside a comment", "python", "a = '#'  # b", "         ^^^"),
        ("inside a string", "c", 'f("b", c);', "  ^^^     "),
        ("inside a string", "python", "a = 'b' + c", "    ^^^    "),
        ("inside a long string", "python", 'a = """b"""\n', "    ^^^^^^^ "),
        ("inside an if-condition", "c", "if (a(b)) c;", "   ^^^^^    "),
        ("inside an if-condition", "python", "if a == (1):\n  b\nc", "   ^^^^^^^^       "),
        ("inside an if-condition", "python", "if é and b:\n  b\nc", "   ^^^^^^^^       "),
        (
            "inside \\begin ... \\end",
            "latex",
            "\\begin{proof} a \\end{proof} b",
            "^" * 16 + " " * 13,
        ),
        ("inside math", "latex", "a $b$ \\[c\\] d", "  ^^  ^^^    "),
        ("word start", "prose", "ab, c d2", "^   ^ ^ "),
        ("run of capitals", "c", "Ab CDE F", "   ^^^  "),
        ("after a line break", "prose", "a\nb", " ^ "),
    ],
)
def test_a_feature_holds_where_one_sees_it(feature, kind, text, marks):
    values = FEATURES[feature](text.encode(), kind)
    at = [i for i, mark in enumerate(marks) if mark == HELD]
    assert values.dtype == bool
    assert np.flatnonzero(values).tolist() == at


@pytest.mark.parametrize(
    ("feature", "text", "values"),
    [
        ("position in the line", "ab\n\nc", [1, 2, 0, 0, 1]),
        ("indentation depth", " \ta\nb\n", [1, 8, 8, 0, 0, 0]),
        ("position in [[ ]]", "a[[b]]", [np.nan, 0, 1, 2, np.nan, np.nan]),
    ],
)
def test_a_degree_is_as_large_as_one_counts(feature, text, values):
    np.testing.assert_array_equal(FEATURES[feature](text.encode(), "wikipedia"), values)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.one_of(st.binary(min_size=1), st.text("if(a):\"'\\[]{}$%#\n\r\té", min_size=1)))
def test_any_text_has_values_for_every_symbol(kind, text):
    raw = text if isinstance(text, bytes) else text.encode()
    vocabulary = Vocabulary.of(raw)
    found = of_symbols(list(FEATURES), vocabulary.encode(raw), vocabulary, kind)
    assert all(values.shape == (len(raw),) for values in found.values())


def test_characters_of_several_bytes_are_one_symbol():
    text = "é(ü)ö".encode()
    vocabulary = Vocabulary.of(text, "characters")
    ids = vocabulary.encode(text)
    values = of_symbols(["inside parentheses"], ids, vocabulary, "prose")["inside parentheses"]
    assert values.tolist() == [False, True, True, False, False]


def test_an_unknown_feature_is_a_clear_error():
    vocabulary = Vocabulary.of(b"a")
    with pytest.raises(InputError, match="no feature 'colour'"):
        of_symbols(["colour"], vocabulary.encode(b"a"), vocabulary, "prose")


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted), max_size=6))
def test_inside_is_the_union_of_spans(spans):
    expected = [any(start <= t < stop for start, stop in spans) for t in range(12)]
    assert inside(12, spans).tolist() == expected


def test_things_begin_where_they_were_not_before():
    assert begins(np.array([True, True, False, True])).tolist() == [True, False, False, True]
    degree = np.array([np.nan, 0, 1, 0, np.nan, 2])
    assert begins(degree).tolist() == [False, False, False, True, True, False]
