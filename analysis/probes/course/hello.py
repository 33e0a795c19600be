"""Whether "hello" can be learnt with and without state (claim P22).

The same network is trained on the same four predictions by the project's trainer, once over all of
them in order, once with windows of one symbol, each from the zero state: then nothing but the
present symbol can tell what comes next. Floor: what a model without state cannot go below, the
entropy of the next symbol given the present one.
"""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import log

import numpy as np
import torch

from analysis.probes.course.settings import Hello, Observation
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.training import Trainer

WORD, ALPHABET = "hello", "helo"
WITH_STATE, WITHOUT_STATE = "with state", "without state"


def memoryless_bound(word: str) -> float:
    """Least mean cross-entropy, in nats a symbol, of predictions from the present symbol alone."""
    pairs = Counter(pairwise(word))
    firsts = Counter(word[:-1])
    nats = sum(count * log(firsts[pair[0]] / count) for pair, count in pairs.items())
    return nats / (len(word) - 1)


def hello(seed: int, settings: Hello) -> list[Observation]:
    """With state and without."""
    return [row for way in (WITH_STATE, WITHOUT_STATE) for row in learnt(way, seed, settings)]


def learnt(setting: str, seed: int, settings: Hello) -> list[Observation]:
    """Train one network: its loss by step, in nats a symbol."""
    recipe = settings.train if setting == WITH_STATE else replace(settings.train, bptt=1)
    ids = np.array([ALPHABET.index(symbol) for symbol in WORD])
    streams = Streams.fit(ids, recipe.batch, recipe.bptt)
    model = {"cell": settings.cell, "layers": 1, "hidden": settings.hidden}
    counts = np.bincount(ids, minlength=len(ALPHABET))
    network = RecurrentNetwork.initial(recipe, seed, counts, **model)
    # There is no other text to validate on: the claim is about learning this one.
    trainer = Trainer(network, streams, streams, recipe, seed, torch.device("cpu"))
    for _ in trainer.run():
        pass
    bound = memoryless_bound(WORD)
    return [
        Observation("P22", "hello", setting, seed, int(row["step"]), "nats per symbol",
                    row["validation_bits"] * log(2), bound)
        for row in trainer.progress.history
    ]  # fmt: skip
