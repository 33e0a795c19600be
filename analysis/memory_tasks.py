"""Over how many steps each kind of cell can learn to remember: two tasks (claim V2).

- `copy`: the first symbol, of an alphabet of its own, is to be told after a sequence of random
  symbols of another alphabet. Error: share told wrong; guessing errs in all but 1 / `symbols`.
- `add`: of random numbers in [0, 1), two are marked, one in each half; their sum is to be told.
  Error: mean squared; guessing, always the mean, errs by the variance of the sum.
  Source: S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997, with T fixed.

A network is one layer and a linear read-out of its last state. It is trained on fresh sequences of
one length, or (`mixed`) of all lengths up to the longest, log-uniformly: then what short ones teach
can carry over. It stops when the task is solved, or after so many steps.

Writes results/memory_tasks.tsv, a row a network and length. Shapes: T steps, N sequences, D inputs,
H units.
"""

import argparse
import math
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from analysis.measure import write_table
from pipeline import console, params
from pipeline.lm.errors import InputError
from pipeline.lm.recurrent import CELLS
from pipeline.paths import Paths

COLUMNS = ["task", "cell", "training", "seed", "length", "steps", "error", "guessing"]
TASKS = ("copy", "add")
ALONE, MIXED = "that length alone", "all lengths mixed"
SHORTEST = 2


@dataclass
class Settings:
    """conf/inside/default.yaml says what each value means."""

    tasks: list[str]
    cells: list[str]
    lengths: list[int]
    seeds: list[int]
    symbols: int
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
        if not set(self.tasks) <= set(TASKS) or not set(self.cells) <= set(CELLS):
            raise InputError(f"tasks: use {', '.join(TASKS)}; cells: use {', '.join(CELLS)}")
        if min(self.lengths, default=0) < SHORTEST:
            raise InputError(f"lengths must be {SHORTEST} or more")


def sequences(
    task: str, length: int, n: int, symbols: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Inputs (T, N, D) and what is to be told, (N,): symbol ids, or sums."""
    if task == "copy":
        ids = torch.randint(symbols, 2 * symbols, (length, n), generator=random)
        ids[0] = torch.randint(symbols, (n,), generator=random)
        return functional.one_hot(ids, 2 * symbols).float(), ids[0]
    values = torch.rand(length, n, generator=random)
    half = length // 2
    places = torch.stack(
        [
            torch.randint(half, (n,), generator=random),
            torch.randint(half, length, (n,), generator=random),
        ]
    )
    marks = torch.zeros(length, n).scatter_(0, places, 1.0)
    return torch.stack([values, marks], -1), (values * marks).sum(0)


class MemoryNetwork(nn.Module):
    """One recurrent layer, and a linear read-out of its last state."""

    def __init__(self, cell: str, inputs: int, hidden: int, outputs: int, forget_bias: float):
        super().__init__()
        self.layer = CELLS[cell](inputs, hidden)
        self.readout = nn.Linear(hidden, outputs)
        if cell == "lstm":  # gates are stacked i, f, g, o
            self.layer.bias_ih_l0.data[hidden : 2 * hidden] = forget_bias

    def forward(self, inputs: Tensor) -> Tensor:
        """(T, N, D) -> (N, outputs)."""
        outputs, _ = self.layer(inputs)
        return self.readout(outputs[-1])


@dataclass(frozen=True)
class Job:
    """One network to train."""

    task: str
    cell: str
    seed: int
    training: str
    lengths: tuple[int, ...]
    """Those it is tested at."""

    def draw(self, random: torch.Generator) -> int:
        """The length of the next batch."""
        longest = max(self.lengths)
        if self.training == ALONE:
            return longest
        share = float(torch.rand((), generator=random))
        return round(math.exp(math.log(SHORTEST) + share * math.log(longest / SHORTEST)))


def loss_of(task: str, told: Tensor, wanted: Tensor) -> Tensor:
    """What training lowers: cross-entropy, or mean squared error."""
    if task == "copy":
        return functional.cross_entropy(told, wanted)
    return functional.mse_loss(told[:, 0], wanted)


def error_and_guessing(
    task: str, told: Tensor, wanted: Tensor, symbols: int
) -> tuple[float, float]:
    """The error of a task, and that of guessing on the same sequences."""
    if task == "copy":
        return float((told.argmax(1) != wanted).float().mean()), 1 - 1 / symbols
    squares = functional.mse_loss(told[:, 0], wanted)
    return float(squares), float(wanted.var(correction=0))


@torch.no_grad()
def tested(
    network: nn.Module, job: Job, settings: Settings, seed: int
) -> list[tuple[float, float]]:
    """Error and that of guessing at each length of a job, on sequences drawn by `seed`."""
    random = torch.Generator().manual_seed(seed)
    found = []
    for length in job.lengths:
        inputs, wanted = sequences(job.task, length, settings.tests, settings.symbols, random)
        found.append(error_and_guessing(job.task, network(inputs), wanted, settings.symbols))
    return found


def train(job: Job, settings: Settings) -> list[dict[str, Any]]:
    """Train and test one network: a row a length. The same seed gives the same rows."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # gradients that vanish would slow the processor tenfold
    torch.manual_seed(job.seed)
    inputs, outputs = (2 * settings.symbols, settings.symbols) if job.task == "copy" else (2, 1)
    network = MemoryNetwork(job.cell, inputs, settings.hidden, outputs, settings.forget_bias)
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate)
    random = torch.Generator().manual_seed(job.seed)
    step = 0
    for step in range(1, settings.steps + 1):
        given, wanted = sequences(
            job.task, job.draw(random), settings.batch, settings.symbols, random
        )
        optimizer.zero_grad()
        loss_of(job.task, network(given), wanted).backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_at)
        optimizer.step()
        if step % settings.check_every == 0:
            looks = tested(network, job, settings, seed=step)
            if all(error <= settings.solved * guessing for error, guessing in looks):
                break
    # Sequences that decided no stopping: step numbers are the seeds of those.
    final = tested(network, job, settings, seed=-job.seed)
    return [
        {"task": job.task, "cell": job.cell, "training": job.training, "seed": job.seed,
         "length": length, "steps": step, "error": error, "guessing": guessing}
        for length, (error, guessing) in zip(job.lengths, final, strict=True)
    ]  # fmt: skip


def jobs(settings: Settings) -> Iterator[Job]:
    """Every network to train, those that take longest first."""
    lengths = sorted(settings.lengths, reverse=True)
    for training, groups in ((ALONE, [(length,) for length in lengths]), (MIXED, [tuple(lengths)])):
        for group in groups:
            for task in settings.tasks:
                for cell in settings.cells:
                    for seed in settings.seeds:
                        yield Job(task, cell, seed, training, group)


def measure_memory(config: DictConfig) -> None:
    """Train every network, as many at once as there are processors for."""
    settings = params.view(Settings, config.inside.memory_tasks, "inside.memory_tasks")
    wanted = list(jobs(settings))
    workers = min(len(wanted), len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        futures = [pool.submit(train, job, settings) for job in wanted]
        bar = tqdm(futures, desc="memory tasks", unit="network")
        rows = [row for future in bar for row in future.result()]
    write_table(Paths.of(config).results / "memory_tasks.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.memory_tasks", description=__doc__)
    params.add_scale_options(parser)
    measure_memory(params.load(params.params_file(parser.parse_args())))


if __name__ == "__main__":
    console.run(main)
