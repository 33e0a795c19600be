"""Words as symbols: the same models, loops and samples as for bytes."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.lm.ngram.kenlm import KenLM, train
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.scoring import score, symbol_log_probs, walk, windows
from pipeline.lm.text import PreparedText
from tests.conftest import PROSE, small_network
from tests.prepared_texts import corpus_of, prepared


@pytest.fixture
def words(tmp_path: Path) -> PreparedText:
    """The prose of other tests, word by word."""
    (tmp_path / "prose.txt").write_bytes(PROSE)
    return prepared(corpus_of(tmp_path / "prose.txt", symbols="words"), tmp_path)


def models(text: PreparedText, folder: Path) -> dict[str, LanguageModel]:
    """One of each family."""
    ids, size = text.part("train"), text.vocabulary.size
    train(ids, size, 3, folder / "kenlm", memory="200M", prune=[], quantise=False)
    return {
        "ngram": SuffixIndex.build(ids, size).ngram(2),
        "kenlm": KenLM(folder / "kenlm", size),
        "network": RecurrentLM(small_network(size)),
    }


def test_every_model_scores_and_samples_words(words: PreparedText, tmp_path: Path) -> None:
    part, vocabulary = np.asarray(words.part("test")), words.vocabulary
    assert max(map(len, vocabulary.words)) > 5
    spans = windows(len(part), 20, 5)
    for name, model in models(words, tmp_path).items():
        looped = np.full(len(part), np.nan)
        for _, target, log_probs in walk(model, part, spans):
            np.testing.assert_allclose(np.exp(log_probs).sum(1), 1, atol=1e-4)
            looped[target] = log_probs[np.arange(len(target)), part[target]]
        found = symbol_log_probs(model, part, spans)
        np.testing.assert_allclose(found, looped, atol=1e-4, err_msg=name)
        scores = [result for _, result in score(model, part, 20, 5)]
        assert sum(s.symbols + s.impossible for s in scores) == len(part) - 1
        rows = sample(model, part[:3], 2, 30, Decoding(), 1)
        written = vocabulary.decode(np.stack(list(rows), 1)[0])
        assert len(written) > 30, "words are longer than bytes"
