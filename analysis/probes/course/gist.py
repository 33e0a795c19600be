"""The post's companion gist, min-char-rnn, by its own recipe (claim P25).

A vanilla RNN of 100 units in NumPy reads Shakespeare from the beginning, one stream, 25 symbols at
a time: weights of deviation 0.01, each number of the gradient of the summed loss clipped to -5..5,
Adagrad at 0.1. Beside it stand n-grams that have read the same symbols: by Witten and Bell's
interpolation with up to three symbols of context, and modified Kneser-Ney.

- test bits: cross-entropy of held-out text in bits per symbol. Floor: symbol frequencies;
- smooth loss: the gist's running mean, here in bits per symbol.

Sources: A. Karpathy, gist d4dee566867f8291f086; I. Witten, T. Bell, "The Zero-Frequency Problem",
1991. Shapes: T symbols, V symbols.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from analysis.probes.course.by_hand import held_out_nats
from analysis.probes.course.examples import known
from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, NATURAL, POSITIVE, POSITIVE_FINITE, SEED, between, check
from pipeline.config.settings import UNITS
from pipeline.lm.ngram import kenlm
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.numpy_rnn import NumpyRNN, Parameters
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.text import PreparedText


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    hidden: int
    window: int
    learning_rate: float
    clip_at: float
    scale: float
    iterations: int
    record_every: int
    contexts: list[int]
    kenlm_order: int
    kenlm_memory: str
    tests: int
    sample_symbols: int

    def __post_init__(self) -> None:
        check(self, "gist", SEED, "seeds")
        check(self, "gist", UNITS, "hidden")
        check(self, "gist", COUNT, "window", "iterations", "record_every", "tests")
        check(self, "gist", COUNT, "sample_symbols")
        check(self, "gist", NATURAL, "contexts")
        check(self, "gist", POSITIVE_FINITE, "learning_rate", "scale")
        check(self, "gist", POSITIVE, "clip_at")
        check(self, "gist", between(2, kenlm.KENLM_ORDERS[-1]), "kenlm_order")


def train(model: NumpyRNN, text: NDArray, settings: Settings) -> list[tuple[int, float]]:
    """Train in place on a text (L,), again from its beginning at its end: (iteration, smooth loss
    in nats per symbol)."""
    p, window = model.parameters, settings.window
    memory, state, place = p.zeros(), model.start(1), 0
    smooth, curve = math.log(model.size), []
    for iteration in range(1, settings.iterations + 1):
        if place + window + 1 > len(text):
            place, state = 0, model.start(1)
        nats, gradient, state = model.loss(text[place : place + window + 1, None], state)
        for slope in vars(gradient).values():  # the gist sums over the window, `loss` is its mean
            np.clip(slope * window, -settings.clip_at, settings.clip_at, out=slope)
        p.descend(gradient, memory, settings.learning_rate)
        place += window
        smooth = 0.999 * smooth + 0.001 * nats
        if iteration % settings.record_every == 0:
            curve.append((iteration, smooth))
    return curve


def ngram_bits(train: NDArray, test: NDArray, context: int, size: int) -> float:
    """Test bits per symbol of an n-gram with Witten and Bell's interpolation.

    p(s | c) = (n(c s) + u(c) p(s | c without its first symbol)) / (n(c) + u(c)), where n counts and
    u(c) is how many different symbols follow c; below the empty context all symbols are equal.
    """
    p = np.full(len(test) - context, 1 / size)
    for length in range(context + 1):
        seen, asked = (coded(ids, length, size) for ids in (train, test))
        asked = asked[context - length :]
        pairs, count = np.unique(seen, return_counts=True)
        contexts, first, kinds = np.unique(pairs // size, return_index=True, return_counts=True)
        total = np.add.reduceat(count, first)
        n_pair = looked_up(asked, pairs, count)
        n, u = (looked_up(asked // size, contexts, values) for values in (total, kinds))
        p = np.where(n > 0, (n_pair + u * p) / np.maximum(n + u, 1), p)
    return float(-np.log2(p).mean())


def coded(ids: NDArray, length: int, size: int) -> NDArray:
    """Every piece of length + 1 symbols as one number, (T - length,); the last symbol is its
    remainder by V."""
    code = np.zeros(len(ids) - length, np.int64)
    for offset in range(length + 1):
        code = code * size + ids[offset : len(ids) - length + offset]
    return code


def looked_up(asked: NDArray, keys: NDArray, values: NDArray) -> NDArray:
    """The value of each key asked for, 0 where it is none of the sorted `keys`."""
    places = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    return np.where(keys[places] == asked, values[places], 0)


def kneser_ney_bits(train: NDArray, test: NDArray, settings: Settings, size: int) -> float:
    """The same of KenLM's estimate."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.bin")
        kenlm.train(train, size, settings.kenlm_order, path,
                    memory=settings.kenlm_memory, prune=[], quantise=False)  # fmt: skip
        nats = -kenlm.KenLM(path, size).symbol_log_probs(test)
    return float(nats.mean() / math.log(2))


def gist(text: PreparedText, seed: int, settings: Settings) -> list[Observation]:
    """The network of one seed, a sample of it, and the n-grams."""
    read = known(text, "train")[: settings.iterations * settings.window + 1]
    test = known(text, "test")[: settings.tests]
    alphabet = np.unique(read)  # as the gist makes it
    read, test = (np.searchsorted(alphabet, ids[np.isin(ids, alphabet)]) for ids in (read, test))
    size = len(alphabet)
    model = NumpyRNN(Parameters.random(size, settings.hidden, settings.scale, seed))
    curve = train(model, read, settings)
    floor = ngram_bits(read, test, 0, size)
    bits = {
        "gist": held_out_nats(model, Streams.fit(test, 1, settings.window)) / math.log(2),
        **{f"n-gram, context {k}": ngram_bits(read, test, k, size) for k in settings.contexts},
        f"Kneser-Ney, context {settings.kenlm_order - 1}":
            kneser_ney_bits(read, test, settings, size),
    }  # fmt: skip
    drawn = sample(model, test[:1, None], 1, settings.sample_symbols, Decoding(), seed)
    written = text.vocabulary.decode(alphabet[np.concatenate(list(drawn))])

    def row(name: str, at: int, metric: str, value: float, text: str = "") -> Observation:
        return Observation("P25", "gist", name, seed, at, metric, value, floor, text)

    return [
        *(row("gist", at, "smooth loss", nats / math.log(2)) for at, nats in curve),
        *(row(name, settings.iterations, "test bits", value) for name, value in bits.items()),
        row("gist", settings.iterations, "sample", math.nan, written.decode("utf-8", "replace")),
    ]
