"""What is trained at full scale, as jobs: an experiment or a sweep of the params file.

Shared by the stages that carry them out: `evidence` here, `offload` on another machine.
"""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from omegaconf import DictConfig

from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import agree
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json
from pipeline.lm.rnn.checkpoint import WEIGHTS
from pipeline.lm.text import PreparedText
from pipeline.runs import Run


class Job:
    """One experiment or one sweep of the params file."""

    def __init__(self, config: DictConfig, name: str) -> None:
        self.config, self.name, self.paths = config, name, Paths.of(config)
        self.is_sweep = name in (config.get("sweeps") or {})
        if self.is_sweep:
            sweep = params.sweep(config, name)
            self.experiment = replace(params.experiment(config, sweep.of), corpus=sweep.corpus)
        else:
            self.experiment = params.experiment(config, name)

    @property
    def stage(self) -> str:
        """Its name in dvc.yaml."""
        return f"{'sweep' if self.is_sweep else 'train'}@{self.name}"

    def command(self, params_file: Path, processes: int) -> list[str]:
        """What carries it out; a sweep with so many runs at once."""
        words = ["-m", "pipeline.train"]
        if self.is_sweep:
            words = ["-m", "pipeline.sweep", "--processes", str(processes)]
        return [sys.executable, *words, "--params", str(params_file), self.name]

    def outputs(self) -> list[Path]:
        """The folders it writes."""
        if self.is_sweep:
            return [self.paths.sweep_results(self.name)]
        return [self.paths.run_model(self.name), self.paths.run_results(self.name)]

    def files(self) -> list[Path]:
        """What it has written so far."""
        found = (path for folder in self.outputs() for path in sorted(folder.rglob("*")))
        return [path for path in found if path.is_file() and not path.name.startswith(".")]

    def check(self, adopted: dict[Path, bytes]) -> None:
        """InputError unless the results of an experiment are of these settings and this text."""
        if self.is_sweep:
            return  # its rows carry the digest of settings and text: the stage drops others
        card_path = self.paths.run_results(self.name) / "train.json"
        card = json.loads(adopted[card_path]) if card_path in adopted else read_json(card_path)
        text = PreparedText.open(self.paths.text / self.experiment.corpus)
        run = Run(self.experiment, text, self.paths.checkpoints)
        for what, ours, theirs in (
            ("settings", asdict(self.experiment), card.get("experiment")),
            ("text", run.data, card.get("data_sha256")),
        ):
            if not theirs or not agree(theirs, ours):
                raise InputError(
                    f"{card_path} is of other {what} than this repository's: run it again"
                )

    def done(self) -> bool:
        """Whether an experiment's network and card are there, of these settings and this text.

        A sweep itself knows which of its runs are done, and is never done here.
        """
        weights = self.paths.run_model(self.name) / WEIGHTS
        if self.is_sweep or not weights.exists():
            return False
        try:
            self.check({})
        except InputError:
            return False
        return True


def jobs(config: DictConfig) -> list[Job]:
    """All jobs, most valuable first."""
    return [Job(config, name) for name in params.offload(config).jobs]
