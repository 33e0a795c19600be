"""Canaries: how often a model has to read a string that nothing foretells to recite it (claim P21).

Random strings of lower-case letters are planted in a text, some once, some twice, and so on; others
nowhere, the floor. A network is trained on it, and n-grams of every order count it. Each model is
given the first half of a string, after some held-out text, and goes on greedily: it recites the
string if what comes is the second half.
Source: N. Carlini et al., "The Secret Sharer", 2019, who ask for likelihoods.

Writes results/canaries.tsv, a row a model and string:
    model       network, ngram:4, ...
    times       how often the string was planted
    canary      number of the string
    right       symbols of its second half that came before the first wrong one
    recited     whether all did
"""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from tqdm import tqdm

from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT, NATURAL, SEED, between, check, one_of
from pipeline.config.settings import LAYERS, MOST_CONTEXT, UNITS, Train
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.tables import write_table
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.hardware import device_at_hand
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import CELLS, RecurrentNetwork
from pipeline.lm.rnn.training import Trainer
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.sources import NETWORK, ngram_source
from pipeline.lm.text import PreparedText

COLUMNS = ["model", "times", "canary", "right", "recited"]
LETTERS = b"abcdefghijklmnopqrstuvwxyz"


@dataclass
class Settings:
    """conf/inside.yaml says what each value means."""

    corpus: str
    symbols: int
    length: int
    times: list[int]
    strings: int
    prime: int
    cell: str
    layers: int
    hidden: int
    ngram_orders: list[int]
    seed: int
    train: Train

    def __post_init__(self) -> None:
        check(self, "canaries", COUNT, "symbols", "strings", "prime")
        check(self, "canaries", between(2, 1000), "length")
        check(self, "canaries", NATURAL, "times")
        check(self, "canaries", one_of(*CELLS), "cell")
        check(self, "canaries", LAYERS, "layers")
        check(self, "canaries", UNITS, "hidden")
        check(self, "canaries", between(1, MOST_CONTEXT), "ngram_orders")
        check(self, "canaries", SEED, "seed")


def canaries(text: PreparedText, settings: Settings) -> NDArray:
    """The strings, (times x strings, length) ids, those of one number of times side by side."""
    letters = text.vocabulary.encode(LETTERS)
    letters = letters[letters < text.vocabulary.size]
    if len(letters) < 2:
        raise InputError("canaries are of lower-case letters, which the text has not")
    shape = (len(settings.times) * settings.strings, settings.length)
    return np.random.default_rng(settings.seed).choice(letters, shape)


def planted(ids: NDArray, strings: NDArray, times: NDArray, seed: int) -> NDArray:
    """A text (T,) with each of the strings (K, L) put in at `times` (K,) random places of it."""
    order = np.repeat(np.arange(len(strings)), times)
    random = np.random.default_rng(seed)
    random.shuffle(order)
    places = np.sort(random.integers(len(ids) + 1, size=len(order)))
    pieces = np.split(ids, places)
    found = [pieces[0]]
    for string, piece in zip(order, pieces[1:], strict=True):
        found += [strings[string], piece]
    return np.concatenate(found)


def trained(ids: NDArray, text: PreparedText, settings: Settings) -> RecurrentNetwork:
    """A network that has learnt a text (T,)."""
    recipe = settings.train
    model = {"cell": settings.cell, "layers": settings.layers, "hidden": settings.hidden}
    counts = np.bincount(ids, minlength=text.vocabulary.size)
    network = RecurrentNetwork.initial(recipe, settings.seed, counts, **model)
    learnt, validation = (
        Streams.fit(part, recipe.batch, recipe.bptt) for part in (ids, text.part("val"))
    )
    trainer = Trainer(network, learnt, validation, recipe, settings.seed, device_at_hand())
    for _ in tqdm(trainer.run(), "canaries: network", trainer.steps, mininterval=1):
        pass
    network = network.cpu()
    network.load_state_dict({name: w.cpu() for name, w in trainer.best_weights.items()})
    return network


def recitals(
    model: LanguageModel, strings: NDArray, before: NDArray, times: NDArray
) -> list[dict[str, Any]]:
    """What a model makes of each string (K, L), read after `before` (P,): rows without `model`."""
    half = strings.shape[1] // 2
    prompts = np.concatenate([np.tile(before[:, None], len(strings)), strings[:, :half].T])
    wanted = strings[:, half:]
    came = sample(model, prompts, len(strings), wanted.shape[1], Decoding(0.0), seed=0)
    right = np.cumprod(np.stack(list(came), 1) == wanted, axis=1).sum(1)
    return [
        {"times": int(often), "canary": number, "right": int(count),
         "recited": int(count == wanted.shape[1])}
        for number, (often, count) in enumerate(zip(times, right, strict=True))
    ]  # fmt: skip


def measure_canaries(config: DictConfig) -> None:
    """Plant, train and ask."""
    settings = params.view(Settings, config.inside.canaries, "inside.canaries")
    paths = Paths.of(config)
    text = PreparedText.open(paths.text / settings.corpus)
    strings, times = canaries(text, settings), np.repeat(settings.times, settings.strings)
    ids = planted(np.asarray(text.part("train")[: settings.symbols]), strings, times, settings.seed)
    index = SuffixIndex.build(ids, text.vocabulary.size)
    models: dict[str, LanguageModel] = {NETWORK: RecurrentLM(trained(ids, text, settings))}
    models |= {ngram_source(order): index.ngram(order) for order in settings.ngram_orders}
    before = np.asarray(text.part("test")[: settings.prime])
    rows = [
        {"model": name, **row}
        for name, model in models.items()
        for row in recitals(model, strings, before, times)
    ]
    write_table(paths.results / "canaries.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.probes.canaries", description=__doc__)
    params.add_scale_options(parser)
    measure_canaries(params.load(params.params_file(parser.parse_args())))


if __name__ == "__main__":
    console.run(main)
