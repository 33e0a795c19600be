"""A tag that needs the text to its right, with and without a backward pass (claim V12).

At each letter of a novel: how many letters of its word are still to come, 0, 1, 2, ... What has
been read tells little of it, what follows all. A forward LSTM and a bidirectional one of as many
units, half in each direction, are trained alike. Accuracy: share of the letters of unseen text
tagged rightly. Floor: always the most frequent tag.

Shapes: T symbols, N pieces, H units, V symbols.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.probes.course.examples import SILENT, Ids, known, pieces, spread
from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, POSITIVE, POSITIVE_FINITE, SEED, check
from pipeline.config.settings import UNITS
from pipeline.lm.text import PreparedText

WAYS = {"forward": False, "both ways": True}


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    hidden: int
    piece: int
    most: int
    examples: int
    tests: int
    batch: int
    steps: int
    learning_rate: float
    clip_at: float

    def __post_init__(self) -> None:
        check(self, "both_ways", SEED, "seeds")
        check(self, "both_ways", UNITS, "hidden")
        check(self, "both_ways", COUNT, "piece", "most", "examples", "tests", "batch", "steps")
        check(self, "both_ways", POSITIVE_FINITE, "learning_rate")
        check(self, "both_ways", POSITIVE, "clip_at")


def to_come(ids: Ids, is_letter: Ids, most: int) -> Ids:
    """Letters still to come of the word at each symbol, at most `most`; SILENT at what is no
    letter, and in the last word, which the end may cut. ids (T, M)."""
    left, tags = np.full(ids.shape[1], SILENT), np.empty_like(ids)
    for t in reversed(range(len(ids))):
        letters = is_letter[ids[t]]
        tags[t] = np.where(letters, left, SILENT)
        left = np.where(letters, np.where(left == SILENT, SILENT, np.minimum(left + 1, most)), 0)
    return tags


class Tagger(nn.Module):
    """One-hot symbols, an LSTM of H units in all, a tag at each step."""

    def __init__(self, size: int, hidden: int, tags: int, bidirectional: bool) -> None:
        super().__init__()
        self.size = size
        ways = 1 + bidirectional
        self.layer = nn.LSTM(size, hidden // ways, bidirectional=bidirectional)
        self.readout = nn.Linear(hidden // ways * ways, tags)

    def forward(self, ids: Tensor) -> Tensor:
        """(T, N) -> (T, N, tags)."""
        outputs, _ = self.layer(functional.one_hot(ids, self.size).float())
        return self.readout(outputs)


def train(network: Tagger, inputs: Tensor, tags: Tensor, seed: int, settings: Settings) -> None:
    """On batches drawn by `seed`; inputs and tags (T, M)."""
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps
    )
    random = np.random.default_rng(seed)
    for _ in range(settings.steps):
        batch = random.integers(inputs.shape[1], size=settings.batch)
        optimizer.zero_grad()
        logits = network(inputs[:, batch])
        functional.cross_entropy(
            logits.flatten(0, 1), tags[:, batch].flatten(), ignore_index=SILENT
        ).backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_at)
        optimizer.step()
        schedule.step()


def both_ways(text: PreparedText, seed: int, settings: Settings) -> list[Observation]:
    """Both networks."""
    size = text.vocabulary.size
    is_letter = np.array([text.vocabulary.decode(np.array([k])).isalpha() for k in range(size)])

    def examples(part: str, count: int) -> tuple[Tensor, Tensor]:
        ids = known(text, part)
        chosen = pieces(ids, spread(len(ids) - settings.piece + 1, count), settings.piece)
        return torch.from_numpy(chosen), torch.from_numpy(to_come(chosen, is_letter, settings.most))

    inputs, tags = examples("train", settings.examples)
    unseen, wanted = examples("test", settings.tests)
    asked = wanted != SILENT
    most = tags[tags != SILENT].bincount().argmax()
    floor = float((wanted[asked] == most).double().mean())
    rows = []
    for name, bidirectional in WAYS.items():
        torch.manual_seed(seed)
        network = Tagger(size, settings.hidden, settings.most + 1, bidirectional)
        train(network, inputs, tags, seed, settings)
        with torch.no_grad():
            right = network(unseen).argmax(-1)[asked] == wanted[asked]
        accuracy = float(right.double().mean())
        rows.append(Observation("V12", "both ways", name, seed, settings.steps, "accuracy",
                                accuracy, floor))  # fmt: skip
    return rows
