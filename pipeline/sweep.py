"""Train every variant of a sweep and score it on the test part: results/sweeps/<sweep>/.

runs.tsv has one row a run (its settings, parameters, seconds), scores.tsv one a run and window of
the test part. A sweep that was stopped goes on with the runs it was at.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT
from pipeline.config.settings import Experiment
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write, sole_writer
from pipeline.lm.io.processes import at_once, cores
from pipeline.lm.io.tables import read_table
from pipeline.lm.rnn.hardware import device_at_hand
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.training import Trainer
from pipeline.lm.scoring import fitting_window, score
from pipeline.runs import Run, carry_out

RUNS, SCORES = "runs.tsv", "scores.tsv"
KEY = "digest"
"""Of all that decides a run: by this an unfinished sweep knows what it has done."""

KEPT = ("parameters", "steps", "symbols_per_step", "seconds", "validation_bits", "device",
        "precision")  # fmt: skip

ABSENT = object()
"""Stands for a setting that there is not; one may be null."""

Settings = dict[str, Any]
Results = dict[str, tuple[Settings, pd.DataFrame]]


def variants(config: DictConfig, name: str) -> list[tuple[Settings, Experiment]]:
    """Every point of a sweep's grid: the settings that vary, and the whole experiment."""
    sweep = params.sweep(config, name)
    base = params.select(config, "experiments", sweep.of)
    points = []
    for values in product(*sweep.grid.values()):
        settings = point(dict(zip(sweep.grid, values, strict=True)))
        node = OmegaConf.create(OmegaConf.to_container(base))
        for key, value in {"corpus": sweep.corpus, **sweep.set, **settings}.items():
            if OmegaConf.select(node, key, default=ABSENT) is ABSENT:
                raise InputError(f"sweeps.{name}: no setting {key!r} in experiments.{sweep.of}")
            OmegaConf.update(node, key, value)
        points.append((settings, params.view(Experiment, node, f"sweeps.{name} {settings}")))
    return points


def point(values: Settings) -> Settings:
    """The settings of a point of the grid; a value that sets several, as that of `model`, {cell:
    rnn, hidden: 500}, is spread over their keys."""
    settings: Settings = {}
    for key, value in values.items():
        if isinstance(value, dict):
            settings |= {f"{key}.{name}": single for name, single in value.items()}
        else:
            settings[key] = value
    return settings


def trained(config: DictConfig, name: str, number: int) -> None:
    """Train and score one point, and add what came of it to the results of its sweep."""
    sweep, measure = Sweep(config, name), params.measure(config)
    settings, experiment = sweep.points[number]
    run = Run.of(experiment, sweep.paths)

    def finish(trainer: Trainer, _: object) -> None:
        card = run.card(trainer)
        row = {KEY: run.digest, **settings, **{key: card[key] for key in KEPT}}
        part = run.text.part("test")
        window = fitting_window(len(part), measure.window, measure.least_windows)
        model = RecurrentLM(run.network(trainer.best_weights))
        scores = [
            {KEY: run.digest, "window": place, **asdict(result)}
            for place, (_, result) in enumerate(score(model, part, window, measure.context))
        ]
        with sweep.opened() as done:
            done[run.digest] = (row, pd.DataFrame(scores))

    carry_out(f"{name} {settings}", run, finish)


class Sweep:
    """The results of a sweep, in its folder: a row and a table of scores a run, by digest."""

    def __init__(self, config: DictConfig, name: str) -> None:
        self.config, self.name, self.paths = config, name, Paths.of(config)
        self.points = variants(config, name)
        self.folder = self.paths.sweep_results(name)

    def carry_out(self, processes: int) -> None:
        """Train and score what is not done yet; in the end only what was asked for is kept."""
        digests = [Run.of(experiment, self.paths).digest for _, experiment in self.points]
        with self.opened() as done:
            missing = [number for number, digest in enumerate(digests) if digest not in done]
        work = partial(trained, self.config, self.name)
        processes = min(processes, len(missing))
        if processes <= 1:
            for number in missing:
                work(number)
        else:
            at_once(work, missing, processes)
        with self.opened() as done:
            asked = {digest: done[digest] for digest in digests}
            done.clear()
            done |= asked

    @contextmanager
    def opened(self) -> Iterator[Results]:
        """What is done, by digest, for one process at a time to change; then it is written."""
        with sole_writer(self.paths.checkpoints / f"sweep-{self.name}", wait=True):
            done: Results = {}
            if all((self.folder / file).exists() for file in (RUNS, SCORES)):
                scores = dict(list(read_table(self.folder / SCORES, (KEY, "nats")).groupby(KEY)))
                rows = read_table(self.folder / RUNS, (KEY,)).to_dict("records")
                done = {row[KEY]: (row, scores[row[KEY]]) for row in rows if row[KEY] in scores}
            before = list(done)
            yield done
            if list(done) != before:
                self._write(done)

    def _write(self, done: Results) -> None:
        rows, scores = zip(*done.values(), strict=True)
        for name, table in ((SCORES, pd.concat(scores)), (RUNS, pd.DataFrame(rows))):
            with atomic_write(self.folder / name, "w") as file:
                table.to_csv(file, sep="\t", index=False, float_format="%.6g")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.sweep", description=__doc__)
    parser.add_argument("sweep", help="a sweep of the params file")
    parser.add_argument("--params", type=Path, default=params.PARAMS_FILES["full"])
    parser.add_argument(
        "--processes", type=int, help="runs at once (without: one on a GPU, else one a core)"
    )
    arguments = parser.parse_args()
    processes = arguments.processes
    if processes is None:
        processes = 1 if device_at_hand().type == "cuda" else cores()
    if not COUNT.holds(processes):
        raise InputError(f"--processes is {processes}: use {COUNT.words}")
    Sweep(params.load(arguments.params), arguments.sweep).carry_out(processes)


if __name__ == "__main__":
    console.run(main)
