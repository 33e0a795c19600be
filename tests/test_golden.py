"""The golden results that the numbers of conf/numerics.yaml stand for.

Who changes what n-grams, sampling or the probes compute raises the number, and the results here
with it: DVC knows of that code by the number alone. Training has its own in test_training.py.
"""

import numpy as np
import pytest
import torch

from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.ngram.kenlm import KenLM, train
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.rnn import sampler
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.scoring import score
from tests.conftest import PROSE, ROOT, prepare, small_network

NUMBERS = {"ngrams": 1, "sampling": 1, "probes": 1}
NGRAM_NATS, KENLM_NATS = 0.115674, 0.176624
"""Per symbol of the test part, with 4 symbols of context."""
WRITTEN = {
    0.0: "happy families and the happy families and the happy families",
    0.7: "husionfusband not girl, and dis own could the house.) The wa",
    2.0: "husionfusband dis cared with him.\nAll happy unhad th had wit",
}
"""By temperature, by the n-gram with 2 symbols of context."""
NETWORK_WRITES = "10 19 2 18 6 7 16 7 10 0 15 10 6 15 5 7 1 7 3 4 15 5 8 19 19 14 10 5 2 19"
"""Ids, at temperature 1."""


def test_the_numbers_are_those_of_the_results_below():
    for path in PARAMS_FILES.values():
        assert load(ROOT / path).numerics == NUMBERS


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("golden") / "text", PROSE)


@pytest.fixture(scope="module")
def index(text):
    return SuffixIndex.build(text.part("train"), text.vocabulary.size)


def nats(model, ids):
    scores = [found for _, found in score(model, ids, window=100, context=20)]
    return sum(s.nats for s in scores) / sum(s.symbols for s in scores)


def test_ngrams(text, index, tmp_path):
    path = tmp_path / "5.binary"
    train(text.part("train"), text.vocabulary.size, 5, path, memory="50M", prune=[], quantise=False)
    ids = np.asarray(text.part("test"))
    assert nats(index.ngram(4), ids) == pytest.approx(NGRAM_NATS, abs=1e-5)
    assert nats(KenLM(path, text.vocabulary.size), ids) == pytest.approx(KENLM_NATS, abs=1e-4)


@pytest.mark.parametrize("temperature", WRITTEN)
def test_sampling(text, index, temperature):
    prompt = text.vocabulary.encode(b"The ")
    rows = sample(index.ngram(2), prompt, 1, 60, Decoding(temperature), seed=1)
    written = text.vocabulary.decode(np.concatenate(list(rows)))
    assert written.decode() == WRITTEN[temperature]


def test_sampling_from_a_network(monkeypatch):
    monkeypatch.setattr(sampler, "chosen_precision", lambda *_: torch.float32)
    rows = sample(RecurrentLM(small_network(20)), np.array([3]), 1, 30, Decoding(1.0), seed=1)
    assert " ".join(map(str, np.concatenate(list(rows)))) == NETWORK_WRITES
