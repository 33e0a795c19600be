"""Whether networks generalise to sequences longer than those they learnt from (claim V10).

- counting: a network reads a a a b b b symbol by symbol; from the first b on it must tell what
  comes next, and after as many b as there were a, the end;
- copying: it reads some random letters and a mark, and must then tell them again.

Trained at all lengths up to a longest, tested at those and at longer ones. Measured by length:
share of the sequences told without an error. Floor: guessing, of counting the end of a trained
length, of copying each letter.

Shapes: T steps, N sequences, V symbols.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.probes.course.examples import BLANK, SILENT
from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, POSITIVE, POSITIVE_FINITE, SEED, check, one_of
from pipeline.config.settings import UNITS
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.network import CELLS, RecurrentNetwork

A, B, END = 0, 1, 2
COUNTING, COPYING = "counting", "copying"


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    cells: list[str]
    hidden: int
    batch: int
    steps: int
    learning_rate: float
    clip_at: float
    letters: int
    longest: dict[str, int]
    times: int
    tests: int

    def __post_init__(self) -> None:
        check(self, "inductive", SEED, "seeds")
        check(self, "inductive", one_of(*CELLS), "cells")
        check(self, "inductive", UNITS, "hidden")
        check(self, "inductive", COUNT, "batch", "steps", "letters", "times", "tests")
        check(self, "inductive", POSITIVE_FINITE, "learning_rate")
        check(self, "inductive", POSITIVE, "clip_at")
        check_longest(self.longest)


def check_longest(longest: dict[str, int]) -> None:
    """InputError unless each task has its longest trained length."""
    if set(longest) != {COUNTING, COPYING} or not all(map(COUNT.holds, longest.values())):
        raise InputError(
            f"inductive.longest is {longest}: give {COUNTING} and {COPYING}, {COUNT.words}"
        )


def counting(length: int, n: int, letters: int, random: np.random.Generator) -> tuple[Tensor, ...]:
    """a^n b^n, all alike: inputs and targets (2 length, N)."""
    inputs = torch.tensor([A] * length + [B] * length)
    targets = torch.tensor([SILENT] * length + [B] * (length - 1) + [END])
    return inputs[:, None].expand(-1, n), targets[:, None].expand(-1, n)


def copying(length: int, n: int, letters: int, random: np.random.Generator) -> tuple[Tensor, ...]:
    """Letters, a mark, nothing: inputs and targets (2 length, N)."""
    word = torch.from_numpy(random.integers(letters, size=(length, n)))
    mark, blank = torch.full((1, n), letters), torch.full((length - 1, n), BLANK)
    return torch.cat([word, mark, blank]), torch.cat([torch.full_like(word, SILENT), word])


TASKS = {COUNTING: counting, COPYING: copying}


def told(network: RecurrentNetwork, inputs: Tensor) -> Tensor:
    """Logits (T, N, V), from the zero state."""
    return network(inputs, network.start(inputs.shape[1]))[0]


def train(task: str, cell: str, seed: int, settings: Settings) -> RecurrentNetwork:
    """A network that has seen sequences of all lengths up to the longest, a length a step."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = RecurrentNetwork(settings.letters + 1, cell, 1, settings.hidden)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps
    )
    for _ in range(settings.steps):
        length = int(random.integers(1, settings.longest[task], endpoint=True))
        inputs, targets = TASKS[task](length, settings.batch, settings.letters, random)
        optimizer.zero_grad()
        functional.cross_entropy(
            told(network, inputs).flatten(0, 1), targets.flatten(), ignore_index=SILENT
        ).backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_at)
        optimizer.step()
        schedule.step()
    return network


@torch.no_grad()
def share_right(network: RecurrentNetwork, inputs: Tensor, targets: Tensor) -> float:
    """Share of sequences of which all that is asked is right."""
    right = (told(network, inputs).argmax(-1) == targets) | (targets == SILENT)
    return float(right.all(0).double().mean())


def inductive(seed: int, settings: Settings) -> list[Observation]:
    """Every cell on both tasks, tested at every length up to some times the longest trained."""
    rows = []
    for task, draw in TASKS.items():
        longest = settings.longest[task]
        for cell in settings.cells:
            network, random = train(task, cell, seed, settings), np.random.default_rng(seed)
            for length in range(1, settings.times * longest + 1):
                n = 1 if task == COUNTING else settings.tests
                tests = draw(length, n, settings.letters, random)
                guess = (length <= longest) / longest
                floor = guess if task == COUNTING else settings.letters**-length
                rows.append(
                    Observation("V10", task, cell.upper(), seed, length, "told without an error",
                                share_right(network, *tests), floor,
                                "learnt" if length <= longest else "longer")
                )  # fmt: skip
    return rows
