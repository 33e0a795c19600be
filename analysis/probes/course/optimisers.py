"""Whether RMSProp or Adam train more stably than plain descent (claim P24).

One small vanilla RNN reads the same windows of a novel, as many steps with every optimiser, without
clipping; each at three learning rates, a factor of ten apart around a customary one. Measured:

- training nats: mean loss of the last tenth of the steps, by which the best rate is chosen;
- held-out nats: cross-entropy of unseen text;
- diverged: 1 if training ended without a number, or no better than guessing.

Floor of nats: symbol frequencies alone.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from analysis.probes.course.by_hand import frequency_nats
from analysis.probes.course.descent import (
    OPTIMIZERS,
    check_rates,
    diverged,
    held_out_nats,
    last_loss,
    trained,
)
from analysis.probes.course.examples import known
from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, SEED, check, one_of
from pipeline.config.settings import UNITS
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.network import CELLS, RecurrentNetwork
from pipeline.lm.text import PreparedText


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    cell: str
    hidden: int
    symbols: int
    tests: int
    streams: int
    window: int
    steps: int
    record_every: int
    rates: dict[str, list[float]]

    def __post_init__(self) -> None:
        check(self, "optimisers", SEED, "seeds")
        check(self, "optimisers", one_of(*CELLS), "cell")
        check(self, "optimisers", UNITS, "hidden")
        check(self, "optimisers", COUNT, "symbols", "tests", "streams", "window", "steps")
        check(self, "optimisers", COUNT, "record_every")
        check_rates(self.rates, "optimisers.rates")


def optimisers(text: PreparedText, seed: int, settings: Settings) -> list[Observation]:
    """The same start trained by every optimiser at every rate."""
    size = text.vocabulary.size
    train, test = known(text, "train")[: settings.symbols], known(text, "test")[: settings.tests]
    streams, held_out = (
        Streams.fit(part, settings.streams, settings.window) for part in (train, test)
    )
    floor = frequency_nats(train, held_out, size)
    rows = []

    def add(setting: str, at: float, metric: str, value: float, floor: float) -> None:
        rows.append(Observation("P24", "optimisers", setting, seed, at, metric, value, floor))

    for name, rates in settings.rates.items():
        for rate in rates:
            torch.manual_seed(seed)
            network = RecurrentNetwork(size, settings.cell, 1, settings.hidden)
            make = partial(OPTIMIZERS[name], lr=rate)
            losses = trained(network, streams, settings.steps, make)
            add(name, rate, "diverged", float(diverged(losses, size)), 0)
            add(name, rate, "training nats", last_loss(losses), floor)
            add(name, rate, "held-out nats", held_out_nats(network, held_out), floor)
            blocks = losses[: settings.steps // settings.record_every * settings.record_every]
            for block, loss in enumerate(blocks.reshape(-1, settings.record_every).mean(1), 1):
                step = block * settings.record_every
                add(f"{name} at {rate:g}", step, "training loss", float(loss), np.nan)
    return rows
