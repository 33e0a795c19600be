"""Two tasks that need a memory, and how a network of one layer is trained on them.

Both read random numbers in [0, 1); the second input marks some of them.

- `copy`: the first number is to be told after all of them; nothing is marked.
- `add`: one number is marked in each half; their sum is to be told.
  Source: S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997, with T fixed.

The error is the mean square; guessing, always the mean, errs by the variance of what is to be told.
A network is one layer and a linear read-out of its last state. It is trained on fresh sequences of
all lengths up to the longest, log-uniformly, so that what short ones teach can carry over: trained
at one length alone it never finds what lies too far back. It stops when the task is solved, or
after so many steps.

Shapes: T steps, N sequences, H units.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.config.rules import (
    COUNT,
    FINITE,
    MOST,
    POSITIVE,
    POSITIVE_FINITE,
    SEED,
    between,
    check,
    one_of,
)
from pipeline.config.settings import UNITS
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.network import CELLS

TASKS = ("copy", "add")
SHORTEST = 2


@dataclass
class Settings:
    """conf/inside.yaml says what each value means."""

    tasks: list[str]
    cells: list[str]
    lengths: list[int]
    seeds: list[int]
    hidden: int
    forget_bias: float
    batch: int
    steps: int
    learning_rate: float
    clip_at: float
    tests: int
    check_every: int
    solved: float

    def __post_init__(self) -> None:
        check(self, "memory_tasks", one_of(*TASKS), "tasks")
        check(self, "memory_tasks", one_of(*CELLS), "cells")
        check(self, "memory_tasks", between(SHORTEST, MOST), "lengths")
        check(self, "memory_tasks", SEED, "seeds")
        check(self, "memory_tasks", UNITS, "hidden")
        check(self, "memory_tasks", FINITE, "forget_bias")
        check(self, "memory_tasks", COUNT, "batch", "steps", "tests", "check_every")
        check(self, "memory_tasks", POSITIVE_FINITE, "learning_rate", "solved")
        check(self, "memory_tasks", POSITIVE, "clip_at")
        if not self.lengths:
            raise InputError("memory_tasks.lengths is empty: give at least one")


def sequences(task: str, length: int, n: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Numbers and marks (T, N, 2), and what is to be told, (N,)."""
    values = torch.rand(length, n, generator=random)
    marks = torch.zeros(length, n)
    if task == "copy":
        return torch.stack([values, marks], -1), values[0]
    half = length // 2
    first = torch.randint(half, (n,), generator=random)
    second = torch.randint(half, length, (n,), generator=random)
    marks.scatter_(0, torch.stack([first, second]), 1.0)
    return torch.stack([values, marks], -1), (values * marks).sum(0)


class MemoryNetwork(nn.Module):
    """One recurrent layer, and a linear read-out of its last state."""

    def __init__(self, cell: str, hidden: int, forget_bias: float) -> None:
        super().__init__()
        self.layer = CELLS[cell](2, hidden)
        self.readout = nn.Linear(hidden, 1)
        if cell == "lstm":  # gates are stacked i, f, g, o
            self.layer.bias_ih_l0.data[hidden : 2 * hidden] = forget_bias

    def forward(self, inputs: Tensor) -> Tensor:
        """(T, N, 2) -> (N,)."""
        outputs, _ = self.layer(inputs)
        return self.readout(outputs[-1])[:, 0]


@dataclass(frozen=True)
class Job:
    """One network to train."""

    task: str
    cell: str
    seed: int
    lengths: tuple[int, ...]
    """Those it is tested at; it learns from all up to the longest."""

    def draw(self, random: torch.Generator) -> int:
        """The length of the next batch."""
        longest = max(self.lengths)
        share = float(torch.rand((), generator=random))
        return round(math.exp(math.log(SHORTEST) + share * math.log(longest / SHORTEST)))


@torch.no_grad()
def tested(
    network: nn.Module, job: Job, settings: Settings, seed: int
) -> list[tuple[float, float]]:
    """Error and that of guessing at each length of a job, on sequences drawn by `seed`."""
    random = torch.Generator().manual_seed(seed)
    found = []
    for length in job.lengths:
        inputs, wanted = sequences(job.task, length, settings.tests, random)
        error = functional.mse_loss(network(inputs), wanted)
        found.append((float(error), float(wanted.var(correction=0))))
    return found


def train(job: Job, settings: Settings) -> list[dict[str, Any]]:
    """Train and test one network: a row a length. The same seed gives the same rows."""
    torch.manual_seed(job.seed)
    network = MemoryNetwork(job.cell, settings.hidden, settings.forget_bias)
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate)
    random = torch.Generator().manual_seed(job.seed)
    step = 0
    for step in range(1, settings.steps + 1):
        inputs, wanted = sequences(job.task, job.draw(random), settings.batch, random)
        optimizer.zero_grad()
        functional.mse_loss(network(inputs), wanted).backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_at)
        optimizer.step()
        if step % settings.check_every == 0:
            looks = tested(network, job, settings, seed=step)
            if all(error <= settings.solved * guessing for error, guessing in looks):
                break
    # On sequences that decided no stopping: those have the numbers of steps as seeds.
    final = tested(network, job, settings, seed=settings.steps + job.seed)
    return [
        {"task": job.task, "cell": job.cell, "seed": job.seed,
         "length": length, "steps": step, "error": error, "guessing": guessing}
        for length, (error, guessing) in zip(job.lengths, final, strict=True)
    ]  # fmt: skip
