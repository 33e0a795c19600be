"""Small experiments of the course chapters -> results/course.tsv, a row an observation.

Columns are those of `analysis.probes.course.settings.Observation`.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from tqdm import tqdm

from analysis.probes.course.by_hand import by_hand
from analysis.probes.course.examples import Data, builders
from analysis.probes.course.hello import WITH_STATE, WITHOUT_STATE, hello
from analysis.probes.course.settings import Course, Observation, Shapes
from analysis.probes.course.shapes import shape
from analysis.probes.journal import journal
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.tables import write_table
from pipeline.lm.text import PARTS, PreparedText

Job = Callable[[], list[Observation]]


def jobs(settings: Course, paths: Paths) -> Iterator[tuple[str, Job]]:
    """Every network to train, with its name."""
    for setting in (WITH_STATE, WITHOUT_STATE):
        for seed in settings.hello.seeds:
            yield "hello", partial(hello, setting, seed, settings.hello)
    text = PreparedText.open(paths.text / settings.prose)
    for seed in settings.by_hand.seeds:
        yield "NumPy by hand", partial(by_hand, text, seed, settings.by_hand)
    build = builders(paths.text, settings)
    for name, task in settings.shapes.tasks.items():
        if name not in build:
            raise InputError(f"course.shapes.tasks has {name!r}: use {', '.join(build)}")
        data = cache(partial(build[name], task))
        for seed in settings.shapes.seeds:
            yield name, partial(shape_of, name, data, seed, settings.shapes)


def shape_of(name: str, data: Callable[[], Data], seed: int, settings: Shapes) -> list[Observation]:
    """`shape`, its data made when the first network needs them."""
    return shape(name, data(), seed, settings)


def rows_of(job: Job) -> list[dict[str, Any]]:
    """What a job observes, as rows of the table."""
    return [observation._asdict() for observation in job()]


def measure_course(config: DictConfig) -> None:
    """Run every experiment with every seed."""
    settings, paths = params.view(Course, config.course, "course"), Paths.of(config)
    torch.set_num_threads(1)  # networks too small to share; and the same figures anywhere
    names = (settings.prose, settings.names, settings.code)
    texts = [PreparedText.open(paths.text / name) for name in names]
    given = [asdict(settings), [text.digest(part) for text in texts for part in PARTS]]
    code = sorted(Path(__file__).parent.glob("*.py"))
    bar = tqdm(list(jobs(settings, paths)), unit="network")
    with journal(paths.checkpoints, "course", code, given) as kept:
        rows = []
        for number, (name, job) in enumerate(bar):
            bar.set_description(name)
            rows += kept.found(f"{number} {name}", partial(rows_of, job))
        write_table(paths.results / "course.tsv", rows, list(Observation._fields))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.probes.course", description=__doc__)
    params.add_scale_options(parser)
    measure_course(params.load(params.params_file(parser.parse_args())))


if __name__ == "__main__":
    console.run(main)
