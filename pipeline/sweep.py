"""Train every variant of a sweep and score it on the test part: results/sweeps/<sweep>/.

runs.tsv has one row a run (its settings, parameters, seconds), scores.tsv one a run and window of
the test part. A sweep that was stopped goes on with the run it was at.
"""

import argparse
from dataclasses import asdict
from functools import partial
from itertools import product
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
        for key, value in {**sweep.set, **settings}.items():
            if OmegaConf.select(node, key) is None:
                raise InputError(f"sweeps.{name}: no setting {key!r} in experiments.{sweep.of}")
            OmegaConf.update(node, key, value)
        points.append((settings, params.view(Experiment, node, f"sweeps.{name} {settings}")))
    return points


class Sweep:
    """The results of a sweep, in its folder: a row and a table of scores a run, by digest."""

    def __init__(self, config: DictConfig, name: str) -> None:
        self.paths, self.measure = Paths.of(config), params.measure(config)
        self.folder = self.paths.sweep_results(name)
        self.name = name
        self.done: dict[str, tuple[Settings, pd.DataFrame]] = {}
        if all((self.folder / file).exists() for file in (RUNS, SCORES)):
            scores = pd.read_csv(self.folder / SCORES, sep="\t")
            for row in pd.read_csv(self.folder / RUNS, sep="\t").to_dict("records"):
                self.done[row[KEY]] = (row, scores[scores[KEY] == row[KEY]])

    def carry_out(self, points: list[tuple[Settings, Experiment]]) -> None:
        """Train and score what is not done yet; in the end only what was asked for is kept."""
        digests = []
        for settings, experiment in points:
            text = PreparedText.open(self.paths.text / experiment.corpus)
            run = Run(experiment, text, self.paths.checkpoints)
            digests.append(run.digest)
            if run.digest not in self.done:
                carry_out(f"{self.name} {settings}", run, partial(self._add, run, settings))
        self.done = {digest: self.done[digest] for digest in digests}
        self._write()

    def _add(self, run: Run, settings: Settings, trainer: Trainer, _: object) -> None:
        card = run.card(trainer)
        row = {KEY: run.digest, **settings, **{name: card[name] for name in KEPT}}
        part, s = run.text.part("test"), self.measure
        model = RecurrentLM(run.network(trainer.best_weights))
        found = score(model, part, fitting_window(len(part), s.window, s.least_windows), s.context)
        scores = [
            {KEY: run.digest, "window": window, **asdict(result)}
            for window, (_, result) in enumerate(found)
        ]
        self.done[run.digest] = (row, pd.DataFrame(scores))
        self._write()

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
    arguments = parser.parse_args()
    config = params.load(arguments.params)
    Sweep(config, arguments.sweep).carry_out(variants(config, arguments.sweep))


if __name__ == "__main__":
    console.run(main)
