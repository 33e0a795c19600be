"""Over how many steps each kind of cell can learn to remember (claim V2).

Networks of every kind are trained on the tasks of `analysis.probes.remembering`, all lengths mixed.

Writes results/memory_tasks.tsv, a row a network and length.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from tqdm import tqdm

from analysis.probes import remembering
from analysis.probes.journal import journal
from analysis.probes.remembering import Job, Settings, train
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.lm.io.processes import at_once, cores
from pipeline.lm.io.tables import write_table

COLUMNS = ["task", "cell", "seed", "length", "steps", "error", "guessing"]


def train_apart(job: Job, settings: Settings) -> list[dict[str, Any]]:
    """`train`, in a process of its own, with one thread, so that figures are the same anywhere."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # gradients that vanish would, as denormals, slow it tenfold
    return train(job, settings)


def jobs(settings: Settings) -> Iterator[Job]:
    """Every network to train."""
    for task, cell, seed in product(settings.tasks, settings.cells, settings.seeds):
        yield Job(task, cell, seed, tuple(settings.lengths))


def measure_memory(config: DictConfig) -> None:
    """Train every network, as many at once as there are processors for."""
    settings = params.view(Settings, config.inside.memory_tasks, "inside.memory_tasks")
    paths, wanted = Paths.of(config), list(jobs(settings))
    code = [Path(__file__), Path(remembering.__file__)]
    with journal(paths.checkpoints, "memory-tasks", code, asdict(settings)) as kept:
        missing = [job for job in wanted if str(job) not in kept.done]
        with tqdm(total=len(missing), desc="memory tasks", unit="network") as bar:

            def keep(job: Job, rows: list[dict[str, Any]]) -> None:
                kept.add(str(job), rows)
                bar.update()

            work = partial(train_apart, settings=settings)
            at_once(work, missing, cores(), keep)
        rows = [row for job in wanted for row in kept.done[str(job)]]
        write_table(paths.results / "memory_tasks.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.probes.memory_tasks", description=__doc__
    )
    params.add_scale_options(parser)
    measure_memory(params.load(params.params_file(parser.parse_args())))


if __name__ == "__main__":
    console.run(main)
