"""The scoring loop: windows with context equal one long pass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lm.ngram.kenlm import KenLM, train
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.scoring import score, symbol_log_probs, walk, windows


@given(st.integers(0, 200), st.integers(1, 50), st.integers(0, 60))
def test_windows_score_every_symbol_but_the_first_once(length, window, context):
    spans = windows(length, window, context)
    scored = [position for span in spans for position in range(span.start, span.stop)]
    assert scored == list(range(1, length))
    assert all(0 <= span.read < span.start and span.start - span.read <= max(1, context)
               for span in spans)  # fmt: skip


def test_windows_with_full_context_equal_one_pass(network_lm, prose):
    text = np.asarray(prose.part("test"))
    whole = network_lm.log_probs(text)[np.arange(len(text) - 1), text[1:]]
    windowed = symbol_log_probs(network_lm, text, windows(len(text), 50, len(text)))
    np.testing.assert_allclose(windowed[1:], whole, atol=1e-5)
    assert np.isnan(windowed[0])


def test_the_fast_path_and_the_loop_agree(prose):
    model = SuffixIndex.build(prose.part("train"), prose.vocabulary.size).ngram(3)
    text = np.asarray(prose.part("test"))
    spans = windows(len(text), 40, 10)
    fast = symbol_log_probs(model, text, spans)
    looped = np.full(len(text), np.nan)
    for _, target, log_probs in walk(model, text, spans):
        looped[target] = log_probs[np.arange(len(target)), text[target]]
    np.testing.assert_allclose(fast, looped, atol=1e-9)


def test_impossible_and_unseen_symbols_are_counted_apart(prose):
    model = SuffixIndex.build(prose.part("train"), prose.vocabulary.size).ngram(6)
    text = prose.vocabulary.encode(b"All happy famQlies are unlike; every unhappy")
    ((_, result),) = score(model, text, len(text), 0)
    known = sum(symbol < model.size for symbol in text[1:])
    assert result.unseen == len(text) - 1 - known > 0
    assert result.impossible > 0
    assert result.symbols + result.impossible + result.unseen == len(text) - 1
    assert np.isfinite(result.nats)


def test_cross_entropy_of_a_known_distribution(prose, tmp_path):
    """KenLM of order 1 is the smoothed unigram: its cross-entropy is that of the counts."""
    text, size = prose.part("train"), prose.vocabulary.size
    train(text, size, 1, tmp_path / "k", memory="200M", prune=[], quantise=False)
    result = score(KenLM(tmp_path / "k", size), np.asarray(text), 500, 0)
    nats = sum(s.nats for _, s in result) / sum(s.symbols for _, s in result)
    frequencies = np.bincount(text, minlength=size) / len(text)
    assert nats == pytest.approx(-(frequencies * np.log(frequencies)).sum(), abs=0.02)
