"""Train every variant of a sweep and score it on the test part: results/sweeps/<sweep>/.

runs.tsv has one row a run (its settings, parameters, seconds), scores.tsv one a run and window of
the test part. A sweep that was stopped goes on with the run it was at.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from pipeline import console, params
from pipeline.lm.corpus import PreparedText
from pipeline.lm.errors import InputError
from pipeline.lm.files import atomic_write
from pipeline.lm.recurrent import RecurrentLM
from pipeline.lm.scoring import fitting_window, score
from pipeline.lm.training import Trainer
from pipeline.params import Experiment
from pipeline.paths import Paths
from pipeline.rules import COUNT
from pipeline.runs import Run, carry_out

RUNS, SCORES = "runs.tsv", "scores.tsv"
KEY = "digest"
"""Of all that decides a run: by this an unfinished sweep knows what it has done."""

KEPT = ("parameters", "steps", "symbols_per_step", "seconds", "validation_bits", "device",
        "precision")  # fmt: skip

Settings = dict[str, Any]


def variants(config: DictConfig, name: str) -> list[tuple[Settings, Experiment]]:
    """Every point of a sweep's grid: the settings that vary, and the whole experiment."""
    sweep = params.sweep(config, name)
    base = params.select(config, "experiments", sweep.of)
    points = []
    for values in product(*sweep.grid.values()):
        settings = dict(zip(sweep.grid, values, strict=True))
        node = OmegaConf.create(OmegaConf.to_container(base))
        for key, value in {"corpus": sweep.corpus, **sweep.set, **settings}.items():
            if OmegaConf.select(node, key) is None:
                raise InputError(f"sweeps.{name}: no setting {key!r} in experiments.{sweep.of}")
            OmegaConf.update(node, key, value)
        points.append((settings, params.view(Experiment, node, f"sweeps.{name} {settings}")))
    return points


def run_of(config: DictConfig, experiment: Experiment) -> Run:
    """The run of one point."""
    paths = Paths.of(config)
    return Run(experiment, PreparedText.open(paths.text / experiment.corpus), paths.checkpoints)


def trained(config: DictConfig, name: str, number: int) -> tuple[str, Settings, pd.DataFrame]:
    """Train and score one point: its digest, its row of runs.tsv, its rows of scores.tsv."""
    settings, experiment = variants(config, name)[number]
    run, measure = run_of(config, experiment), params.measure(config)
    found: list[tuple[str, Settings, pd.DataFrame]] = []

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
        found.append((run.digest, row, pd.DataFrame(scores)))

    carry_out(f"{name} {settings}", run, finish)
    return found[0]


class Sweep:
    """The results of a sweep, in its folder: a row and a table of scores a run, by digest."""

    def __init__(self, config: DictConfig, name: str) -> None:
        self.config, self.name = config, name
        self.points = variants(config, name)
        self.folder = Paths.of(config).sweep_results(name)
        self.done: dict[str, tuple[Settings, pd.DataFrame]] = {}
        if all((self.folder / file).exists() for file in (RUNS, SCORES)):
            scores = pd.read_csv(self.folder / SCORES, sep="\t")
            for row in pd.read_csv(self.folder / RUNS, sep="\t").to_dict("records"):
                self.done[row[KEY]] = (row, scores[scores[KEY] == row[KEY]])

    def carry_out(self, processes: int) -> None:
        """Train and score what is not done yet; in the end only what was asked for is kept."""
        digests = [run_of(self.config, experiment).digest for _, experiment in self.points]
        missing = [number for number, digest in enumerate(digests) if digest not in self.done]
        for digest, row, scores in self._results(missing, processes):
            self.done[digest] = (row, scores)
            self._write()
        self.done = {digest: self.done[digest] for digest in digests}
        self._write()

    def _results(
        self, numbers: list[int], processes: int
    ) -> Iterator[tuple[str, Settings, pd.DataFrame]]:
        """The results of some points as they come, from one process or several at once."""
        if processes == 1:
            yield from (trained(self.config, self.name, number) for number in numbers)
            return
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            work = [pool.submit(trained, self.config, self.name, number) for number in numbers]
            yield from (future.result() for future in as_completed(work))

    def _write(self) -> None:
        rows, scores = zip(*self.done.values(), strict=True)
        for name, table in ((SCORES, pd.concat(scores)), (RUNS, pd.DataFrame(rows))):
            with atomic_write(self.folder / name, "w") as file:
                table.to_csv(file, sep="\t", index=False, float_format="%.6g")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.sweep", description=__doc__)
    parser.add_argument("sweep", help="a sweep of the params file")
    parser.add_argument("--params", type=Path, default=params.PARAMS_FILES["full"])
    parser.add_argument("--processes", type=int, default=1, help="runs at once")
    arguments = parser.parse_args()
    if not COUNT.holds(arguments.processes):
        raise InputError(f"--processes is {arguments.processes}: use {COUNT.words}")
    Sweep(params.load(arguments.params), arguments.sweep).carry_out(arguments.processes)


if __name__ == "__main__":
    console.run(main)
