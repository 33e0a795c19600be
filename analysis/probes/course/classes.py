"""Names told apart by class, and batches packed or padded (claim V12).

A small LSTM reads a first name letter by letter and tells, at its end, whether it stands in the
list of female or of male names; names in both lists are left out. Names differ in length: a batch
is padded to its longest, and what was padded is never read.

- accuracy: share of unseen names told rightly. Floor: always the class with most names;
- packed against padded: largest difference of the loss and its gradient, in double precision,
  between sequences that PyTorch packs and padded ones read at their last letter, both ways of one
  network. Floor: the same of a bidirectional network, whose backward pass reads the padding first.

Shapes: T letters, N names, H units, V symbols.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from analysis.probes.course.examples import spread
from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, POSITIVE, POSITIVE_FINITE, SEED, check
from pipeline.config.settings import UNITS
from pipeline.lm.io.errors import InputError

ARCHIVE, CLASSES = "names.zip", ("female", "male")
PAD = 0
"""Of the alphabet's numbers; letters begin at 1."""
MOST_BYTES = 10_000_000


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    hidden: int
    batch: int
    steps: int
    learning_rate: float
    clip_at: float
    tests: int

    def __post_init__(self) -> None:
        check(self, "classes", SEED, "seeds")
        check(self, "classes", UNITS, "hidden")
        check(self, "classes", COUNT, "batch", "steps", "tests")
        check(self, "classes", POSITIVE_FINITE, "learning_rate")
        check(self, "classes", POSITIVE, "clip_at")


@dataclass(frozen=True)
class Names:
    """M names as columns of numbers, padded: letters (T, M), lengths (M,), classes (M,)."""

    alphabet: str
    letters: Tensor
    lengths: Tensor
    classes: Tensor

    def some(self, chosen: NDArray) -> "Names":
        """Those names, padded to the longest of them."""
        at = torch.from_numpy(chosen)
        lengths = self.lengths[at]
        letters = self.letters[: int(lengths.max()), at]
        return Names(self.alphabet, letters, lengths, self.classes[at])


def listed(folder: Path) -> dict[str, list[str]]:
    """The lists of a corpus as it was fetched, by class, in lower case, sorted; InputError if it
    has no such lists."""
    lists = {}
    try:
        with ZipFile(folder / ARCHIVE) as archive:
            for name in CLASSES:
                with archive.open(f"names/{name}.txt") as file:
                    lines = file.read(MOST_BYTES).decode().splitlines()
                lists[name] = {line.strip().lower() for line in lines}
    except (OSError, BadZipFile, KeyError, ValueError) as error:
        raise InputError(
            f"{folder / ARCHIVE} has no lists of {' and '.join(CLASSES)} names: set course.names "
            "to names, and download it"
        ) from error
    both = set.intersection(*lists.values()) | {""}
    return {name: sorted(names - both) for name, names in lists.items()}


def names_by_class(folder: Path) -> Names:
    """All of them, in the order of the alphabet."""
    pairs = sorted((name, k) for k, names in enumerate(listed(folder).values()) for name in names)
    words = [name for name, _ in pairs]
    alphabet = "".join(sorted(set("".join(words))))
    letters = torch.full((max(map(len, words)), len(words)), PAD)
    for column, word in enumerate(words):
        letters[: len(word), column] = torch.tensor([alphabet.index(c) + 1 for c in word])
    return Names(
        alphabet,
        letters,
        torch.tensor([len(word) for word in words]),
        torch.tensor([k for _, k in pairs]),
    )


def parts(names: Names, tests: int) -> tuple[Names, Names]:
    """For training and for testing, evenly spread over the alphabet."""
    count = len(names.lengths)
    held_out = spread(count, tests)
    return names.some(np.setdiff1d(np.arange(count), held_out)), names.some(held_out)


class Classifier(nn.Module):
    """One-hot letters, an LSTM, a class from its last states."""

    def __init__(self, size: int, hidden: int, bidirectional: bool = False) -> None:
        super().__init__()
        self.size = size
        self.layer = nn.LSTM(size, hidden, bidirectional=bidirectional)
        self.readout = nn.Linear(hidden * (1 + bidirectional), len(CLASSES))

    def one_hot(self, letters: Tensor) -> Tensor:
        """(T, N) -> (T, N, V)."""
        return functional.one_hot(letters, self.size).to(self.readout.weight.dtype)

    def forward(self, names: Names) -> Tensor:
        """Logits (N, 2); the sequences are packed, so that no pad is read."""
        inputs = self.one_hot(names.letters)
        packed = pack_padded_sequence(inputs, names.lengths, enforce_sorted=False)
        _, (h, _) = self.layer(packed)
        return self.readout(h.movedim(0, 1).flatten(1))

    def padded(self, names: Names) -> Tensor:
        """The same, pads and all: the forward pass is read at the last letter, the backward one,
        if any, at the first, which it reaches after the pads."""
        outputs, _ = self.layer(self.one_hot(names.letters))
        hidden = self.layer.hidden_size
        last = outputs[names.lengths - 1, torch.arange(len(names.lengths)), :hidden]
        return self.readout(torch.cat([last, outputs[0, :, hidden:]], 1))


def train(names: Names, seed: int, settings: Settings) -> Classifier:
    """A classifier trained on batches drawn by `seed`."""
    torch.manual_seed(seed)
    network = Classifier(len(names.alphabet) + 1, settings.hidden)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps
    )
    random = np.random.default_rng(seed)
    for _ in range(settings.steps):
        batch = names.some(random.integers(len(names.lengths), size=settings.batch))
        optimizer.zero_grad()
        functional.cross_entropy(network(batch), batch.classes).backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_at)
        optimizer.step()
        schedule.step()
    return network


def packing_difference(names: Names, hidden: int, bidirectional: bool, seed: int) -> float:
    """Largest difference of loss and gradients between packed and padded sequences."""
    torch.manual_seed(seed)
    network = Classifier(len(names.alphabet) + 1, hidden, bidirectional).double()
    found = []
    for way in (network.forward, network.padded):
        network.zero_grad()
        loss = functional.cross_entropy(way(names), names.classes)
        loss.backward()
        slopes = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
        found.append(torch.cat([loss.detach()[None], *slopes]))
    return float((found[0] - found[1]).abs().max())


def classes(names: Names, seed: int, settings: Settings) -> list[Observation]:
    """Train and test a classifier; compare packed and padded sequences."""
    learnt, unseen = parts(names, settings.tests)
    network = train(learnt, seed, settings).eval()
    with torch.no_grad():
        right = network(unseen).argmax(1) == unseen.classes
    most = int(learnt.classes.bincount().argmax())
    accuracy = float(right.double().mean())
    guess = float((unseen.classes == most).double().mean())
    apart = [packing_difference(unseen, settings.hidden, two, seed) for two in (False, True)]

    def row(setting: str, metric: str, value: float, floor: float) -> Observation:
        return Observation("V12", "classes", setting, seed, settings.steps, metric, value, floor)

    return [
        row("network", "accuracy", accuracy, guess),
        row("packed and padded", "largest difference", *apart),
    ]
