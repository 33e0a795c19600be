"""Copies and matches against a search by hand, and on texts whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.measure.memorization import copied, measure
from pipeline.lm.ngram.suffix_index import SuffixIndex

texts = st.lists(st.integers(0, 2), min_size=1, max_size=30).map(
    lambda ids: np.array(ids, np.uint8)
)


def _matches(sample, text):
    """Matching statistics by trying every length."""
    sample, text = sample.tobytes(), text.tobytes()
    return np.array(
        [max(n for n in range(len(sample) - i + 1) if sample[i : i + n] in text)
         for i in range(len(sample))]
    )  # fmt: skip


@given(texts, texts, st.integers(1, 6), st.integers(1, 12))
def test_every_figure_is_what_a_search_finds(sample, text, length, window):
    matches = _matches(sample, text)
    inside = np.zeros(len(sample), bool)
    for i, match in enumerate(matches):
        if match >= length:
            inside[i : i + match] = True
    assert (copied(matches, length) == inside).all()

    edges = [*range(0, len(sample), window), len(sample)]
    windows = measure(sample, SuffixIndex.build(text, 3), [length], edges)
    assert len(windows) == len(edges) - 1
    sums: dict[str, tuple[float, float]] = {}
    for name, events, exposure, _ in (figure for figures in windows for figure in figures):
        before = sums.get(name, (0, 0))
        sums[name] = before[0] + events, before[1] + exposure
    pieces = [sample[i : i + length].tobytes() for i in range(len(sample) - length + 1)]
    assert sums["match length"] == (matches.sum(), len(sample))
    assert sums[f"copied at {length}"] == (inside.sum(), len(sample))
    assert sums[f"novel at {length}"] == (
        sum(piece not in text.tobytes() for piece in pieces), len(pieces),
    )  # fmt: skip


def test_the_training_text_itself_is_one_copy():
    text = np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8)
    (figures,) = measure(text[100:300], SuffixIndex.build(text, 4), [20, 200, 201], [0, 200])
    found = {figure.name: figure.events / figure.exposure for figure in figures[:-1]}
    assert found["longest copy"] == 200
    assert found["copied at 20"] == found["copied at 200"] == 1
    assert found["copied at 201"] == found["novel at 20"] == 0
    assert found["match length"] == pytest.approx(201 / 2, rel=0.1)


def test_a_window_does_not_shorten_copies():
    text = np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8)
    windows = measure(text[:120], SuffixIndex.build(text, 4), [50], [0, 30, 60, 90, 120])
    copies = [figure for figures in windows for figure in figures if figure.name == "copied at 50"]
    assert [(figure.events, figure.exposure) for figure in copies] == [(30, 30)] * 4


def test_symbols_that_training_lacks_are_in_no_copy():
    text = np.zeros(50, np.uint8)
    (figures,) = measure(np.full(10, 1, np.uint8), SuffixIndex.build(text, 1), [5], [0, 10])
    assert {figure.name: figure.events for figure in figures} == {
        "match length": 0, "longest copy": 0, "copied at 5": 0, "novel at 5": 6,
    }  # fmt: skip
