"""Whether training needs its gradients clipped (claim V7).

A vanilla RNN and an LSTM are trained on a novel with and without clipping, at several learning
rates, by plain descent and by Adam. Measured of each training:

- exploded: 1 if it ended without a number, or no better than guessing;
- NaN: 1 if the loss became no number;
- training nats: mean loss of the last tenth of the steps, by which the best rate is chosen, that at
  which clipped networks learn most. Floor: symbol frequencies alone.
"""

import math
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import torch

from analysis.probes.course.by_hand import frequency_nats
from analysis.probes.course.descent import OPTIMIZERS, check_rates, diverged, last_loss, trained
from analysis.probes.course.examples import known
from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, POSITIVE, SEED, check, one_of
from pipeline.config.settings import UNITS
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.network import CELLS, RecurrentNetwork
from pipeline.lm.text import PreparedText


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    cells: list[str]
    hidden: int
    symbols: int
    streams: int
    window: int
    steps: int
    clip_at: float
    rates: dict[str, list[float]]

    def __post_init__(self) -> None:
        check(self, "clipping", SEED, "seeds")
        check(self, "clipping", one_of(*CELLS), "cells")
        check(self, "clipping", UNITS, "hidden")
        check(self, "clipping", COUNT, "symbols", "streams", "window", "steps")
        check(self, "clipping", POSITIVE, "clip_at")
        check_rates(self.rates, "clipping.rates")


def clipping(text: PreparedText, seed: int, settings: Settings) -> list[Observation]:
    """Every cell, optimiser and rate, with and without clipping."""
    size = text.vocabulary.size
    train = known(text, "train")[: settings.symbols]
    streams = Streams.fit(train, settings.streams, settings.window)
    floor = frequency_nats(train, streams, size)
    rows = []
    ways = {"clipped": settings.clip_at, "not clipped": math.inf}
    for cell, name, way in product(settings.cells, settings.rates, ways):
        for rate in settings.rates[name]:
            torch.manual_seed(seed)
            network = RecurrentNetwork(size, cell, 1, settings.hidden)
            make = partial(OPTIMIZERS[name], lr=rate)
            losses = trained(network, streams, settings.steps, make, ways[way])
            found = [
                ("exploded", float(diverged(losses, size)), 0),
                ("NaN", float(np.isnan(losses).any()), 0),
                ("training nats", last_loss(losses), floor),
            ]
            setting = f"{cell.upper()}, {name}, {way}"
            rows += [Observation("V7", "clipping", setting, seed, rate, *one) for one in found]
    return rows
