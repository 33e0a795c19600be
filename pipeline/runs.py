"""One training run as files: its inputs, its checkpoint to go on from, what it writes.

Shared by the stages that train: `train` one experiment, `sweep` a grid of variants.
"""

import json
import math
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor
from tqdm import tqdm

from pipeline.config.paths import Paths
from pipeline.config.settings import Experiment
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write, write_json
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.checkpoint import read_tensors, save_network, write_tensors
from pipeline.lm.rnn.hardware import chosen_precision, device_at_hand, processor
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.parallel import Workers
from pipeline.lm.rnn.training import Progress, Trainer
from pipeline.lm.samples import EVOLUTION, as_words, sampled_texts
from pipeline.lm.sampling import Decoding
from pipeline.lm.text import PARTS, VOCABULARY, PreparedText

Evolution = dict[str, list[str]]
"""Samples taken while training: step -> texts, one a stream."""
EVOLUTION_STREAMS = 20
"""Of each sample taken while training: the units of its bootstrap. No setting: one more would make
another recipe of every recipe, and all networks would be trained anew."""


def initial_network(experiment: Experiment, text: PreparedText) -> RecurrentNetwork:
    """The network of an experiment on its text before training, by its seed."""
    model, counts = asdict(experiment.model), text.counts("train")
    return RecurrentNetwork.initial(experiment.train, experiment.seed, counts, **model)


class Run:
    """One training: its inputs, where it writes, and the checkpoint it can be resumed from."""

    def __init__(
        self,
        experiment: Experiment,
        text: PreparedText,
        checkpoints: Path,
        workers: Workers | None = None,
    ) -> None:
        self.experiment, self.text = experiment, text
        self.workers, self.device = workers or Workers(), device_at_hand()
        self.data = {part: text.digest(part) for part in PARTS}
        # Only what decides the weights: a checkpoint must never resume under other settings.
        decisive = asdict(experiment)
        for name in ("title", "sample"):
            del decisive[name]
        key = json.dumps([decisive, self.data], sort_keys=True)
        self.digest = sha256(key.encode()).hexdigest()[:12]
        self.checkpoint = (
            checkpoints / f"{experiment.corpus}-{self.digest}" / "training.safetensors"
        )

    @classmethod
    def of(cls, experiment: Experiment, paths: Paths, workers: Workers | None = None) -> "Run":
        """The run of an experiment on its prepared text. InputError, before anything is read, if
        this machine lacks the arithmetic asked for."""
        chosen_precision(experiment.train.precision, device_at_hand())
        text = PreparedText.open(paths.text / experiment.corpus)
        return cls(experiment, text, paths.checkpoints, workers)

    def trainer(self) -> tuple[Trainer, Evolution]:
        """A trainer at the last checkpoint, if there is one, and the samples taken by then."""
        recipe = self.experiment.train
        train = Streams.fit(self.text.part("train"), recipe.batch, recipe.bptt)
        held_out = self.text.part("val")
        validation = Streams.fit(held_out, recipe.batch, recipe.bptt) if len(held_out) > 1 else None
        network = initial_network(self.experiment, self.text)
        trainer = Trainer(
            network,
            train,
            validation,
            recipe,
            self.experiment.seed,
            self.device,
            self.workers,
        )
        if not self.checkpoint.exists():
            return trainer, {}
        tensors, about = read_tensors(self.checkpoint)
        try:
            trainer.restore(tensors, about["progress"])
        except (KeyError, RuntimeError, TypeError) as error:
            raise InputError(f"{self.checkpoint} is of another training: delete it") from error
        return trainer, about["evolution"]

    def save_checkpoint(self, trainer: Trainer, evolution: Evolution) -> None:
        """Replace the checkpoint by the present state, atomically."""
        about = {"progress": asdict(trainer.progress), "evolution": evolution}
        tensors = trainer.tensors()
        if self.workers.first:
            write_tensors(self.checkpoint, tensors, about)

    def train(self) -> tuple[Trainer, Evolution]:
        """Train to the end, from wherever the last attempt stopped."""
        trainer, evolution = self.trainer()
        recipe = self.experiment.train
        if trainer.progress.step and self.workers.first:
            print(f"going on from step {trainer.progress.step}", file=sys.stderr)
        saved = trainer.progress.seconds
        with tqdm(
            total=trainer.steps,
            initial=trainer.progress.step,
            desc=f"train {self.experiment.title}",
            unit="step",
            mininterval=1,
            disable=not self.workers.first,
        ) as bar:
            for step in trainer.run():
                bar.update()
                if trainer.progress.history:
                    bits = trainer.progress.history[-1]["validation_bits"]
                    bar.set_postfix_str(f"validation {bits:.3f} bits per symbol", refresh=False)
                if step in recipe.sample_iterations and self.workers.first:
                    evolution[str(step)] = self.evolution_sample(trainer, step)
                due = trainer.progress.seconds - saved > recipe.checkpoint_seconds
                if self.workers.agreed(due, self.device):
                    self.save_checkpoint(trainer, evolution)
                    saved = trainer.progress.seconds
        return trainer, evolution

    def evolution_sample(self, trainer: Trainer, step: int) -> list[str]:
        """A sample from the network as it is after `step` (claim P13), a text a stream."""
        plan = replace(
            self.experiment.sample,
            symbols=self.experiment.train.sample_symbols,
            streams=EVOLUTION_STREAMS,
            seed=step,
        )
        texts = sampled_texts(
            RecurrentLM(self.network(trainer.network.weights())), self.text, plan, Decoding()
        )
        return list(map(as_words, texts))

    def write(
        self,
        name: str,
        model: Path,
        results: Path,
        trainer: Trainer,
        evolution: Evolution,
    ) -> None:
        """The network, and what there is to say about its training."""
        network = self.network(trainer.best_weights)
        save_network(model, network, about := {"run": name, **self.card(trainer)})
        self.text.vocabulary.save(model / VOCABULARY)
        with atomic_write(results / "history.tsv", "w") as file:
            write_history(file, trainer.progress)
        write_json(results / EVOLUTION, evolution)
        write_json(results / "train.json", about)

    def network(self, weights: dict[str, Tensor]) -> RecurrentNetwork:
        """A network of this run with given weights, on the CPU."""
        network = RecurrentNetwork(self.text.vocabulary.size, **asdict(self.experiment.model))
        network.load_weights({name: tensor.cpu() for name, tensor in weights.items()})
        return network

    def card(self, trainer: Trainer) -> dict[str, Any]:
        """What made the network, and how training it went."""
        network, progress = self.network(trainer.best_weights), trainer.progress
        return {
            "experiment": asdict(self.experiment),
            "corpus_variant": self.text.manifest.get("source", {}).get("variant"),
            "data_sha256": self.data,
            "parameters": network.parameter_count(),
            "vocabulary": network.size,
            "steps": progress.step,
            "symbols_per_step": trainer.train.n * trainer.train.window,
            "seconds": round(progress.seconds, 1),
            "validation_bits": progress.best / math.log(2),
            "stopped_by": trainer.stopped_by,
            "device": f"{processor(trainer.device)}, "
            f"{trainer.plan.threads or torch.get_num_threads()} threads",
            "precision": str(trainer.plan.dtype).removeprefix("torch."),
            "machines": {
                name: round(steps / progress.step, 4) for name, steps in progress.machines.items()
            },
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
        }


def write_history(file: Any, progress: Progress) -> None:
    """One row an evaluation."""
    if progress.history:
        print(*progress.history[0], sep="\t", file=file)
    for row in progress.history:
        print(*(f"{value:.6g}" for value in row.values()), sep="\t", file=file)


def carry_out(name: str, run: Run, finish: Callable[[Trainer, Evolution], None]) -> None:
    """Train to the end, `finish` with what came of it, and only then give up the checkpoint.

    Of several workers the first finishes. InputError if another process trains the same run.
    """
    if not run.workers.first:
        run.train()
        return
    run.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(run.checkpoint.parent / "lock", timeout=0)
    try:
        with lock:
            trainer, evolution = run.train()
            finish(trainer, evolution)
            run.checkpoint.unlink(missing_ok=True)
    except Timeout as error:
        raise InputError(
            f"another process is training {name} (lock {lock.lock_file}): wait for it or stop it"
        ) from error
