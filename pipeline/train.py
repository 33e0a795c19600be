"""Train the network of one experiment: data/text -> models/<run>, results/<run>/.

By the DAG:  python -m pipeline.train --params params.yaml shakespeare
By hand:     python -m pipeline.train experiment=shakespeare model=lstm_2x128 [KEY=VALUE ...]
Sweeps:      python -m pipeline.train --multirun experiment=shakespeare experiment.seed=1,2,3

A training that was stopped, however, goes on from its last checkpoint when started again.
"""

import argparse
import json
import math
import platform
import sys
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import hydra
import torch
from filelock import FileLock, Timeout
from omegaconf import DictConfig
from tqdm import tqdm

from pipeline import console, params
from pipeline.lm.batches import Streams
from pipeline.lm.checkpoint import read_tensors, save_network, write_tensors
from pipeline.lm.corpus import PARTS, PreparedText
from pipeline.lm.errors import InputError
from pipeline.lm.files import atomic_write, file_sha256, write_json
from pipeline.lm.hardware import device_at_hand
from pipeline.lm.parallel import Workers
from pipeline.lm.recurrent import RecurrentLM, RecurrentNetwork
from pipeline.lm.samples import sampled_texts
from pipeline.lm.sampling import Decoding
from pipeline.lm.training import Progress, Trainer
from pipeline.models import VOCABULARY
from pipeline.params import Experiment
from pipeline.paths import Paths

EVOLUTION_STREAMS = 20
EXPERIMENT_GROUPS = ("model", "train", "sample")


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
        self.data = {part: file_sha256(text.folder / f"{part}.bin") for part in PARTS}
        # Only what decides the weights: a checkpoint must never resume under other settings.
        decisive = asdict(experiment)
        for name in ("title", "sample"):
            del decisive[name]
        key = json.dumps([decisive, self.data], sort_keys=True)
        self.digest = sha256(key.encode()).hexdigest()[:12]
        self.checkpoint = (
            checkpoints / f"{experiment.corpus}-{self.digest}" / "training.safetensors"
        )

    def trainer(self) -> tuple[Trainer, dict[str, str]]:
        """A trainer at the last checkpoint, if there is one, and the samples taken by then."""
        recipe = self.experiment.train
        train = Streams.fit(self.text.part("train"), recipe.batch, recipe.bptt)
        held_out = self.text.part("val")
        validation = Streams.fit(held_out, recipe.batch, recipe.bptt) if len(held_out) > 1 else None
        torch.manual_seed(self.experiment.seed)
        network = RecurrentNetwork(self.text.vocabulary.size, **asdict(self.experiment.model))
        network.initialise(recipe.initialisation, recipe.uniform_range, recipe.forget_bias)
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

    def save_checkpoint(self, trainer: Trainer, evolution: dict[str, str]) -> None:
        """Replace the checkpoint by the present state, atomically."""
        about = {"progress": asdict(trainer.progress), "evolution": evolution}
        tensors = trainer.tensors()
        if self.workers.first:
            write_tensors(self.checkpoint, tensors, about)

    def train(self) -> tuple[Trainer, dict[str, str]]:
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

    def evolution_sample(self, trainer: Trainer, step: int) -> str:
        """A sample from the network as it is after `step` (claim P13)."""
        plan = replace(
            self.experiment.sample,
            symbols=self.experiment.train.sample_symbols,
            streams=EVOLUTION_STREAMS,
            seed=step,
        )
        network = RecurrentNetwork(self.text.vocabulary.size, **asdict(self.experiment.model))
        network.load_weights({k: v.cpu() for k, v in trainer.network.weights().items()})
        texts = sampled_texts(RecurrentLM(network), self.text, plan, Decoding())
        return b"\n".join(texts).decode("utf-8", "surrogateescape")

    def write(
        self, name: str, trainer: Trainer, evolution: dict[str, str], model: Path, results: Path
    ) -> None:
        """The network, and what there is to say about its training."""
        network = RecurrentNetwork(self.text.vocabulary.size, **asdict(self.experiment.model))
        network.load_weights({k: v.cpu() for k, v in trainer.best_weights.items()})
        progress = trainer.progress
        about: dict[str, Any] = {
            "run": name,
            "experiment": asdict(self.experiment),
            "corpus_variant": self.text.manifest.get("source", {}).get("variant"),
            "data_sha256": self.data,
            "parameters": network.parameter_count(),
            "vocabulary": network.size,
            "steps": progress.step,
            "symbols_per_step": trainer.train.n * trainer.train.window,
            "seconds": round(progress.seconds, 1),
            "validation_bits": progress.best / math.log(2),
            "device": device_name(trainer.device),
            "precision": str(trainer.plan.dtype).removeprefix("torch."),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
        }
        save_network(model, network, about)
        self.text.vocabulary.save(model / VOCABULARY)
        with atomic_write(results / "history.tsv", "w") as file:
            write_history(file, progress)
        write_json(results / "evolution.json", evolution)
        write_json(results / "train.json", about)


def device_name(device: torch.device) -> str:
    """What computed it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} threads)"


def write_history(file: Any, progress: Progress) -> None:
    """One row an evaluation."""
    if progress.history:
        print(*progress.history[0], sep="\t", file=file)
    for row in progress.history:
        print(*(f"{value:.6g}" for value in row.values()), sep="\t", file=file)


def train_run(
    name: str,
    experiment: Experiment,
    text: PreparedText,
    model: Path,
    results: Path,
    checkpoints: Path,
) -> None:
    """Train and write; InputError if another process is training the same run."""
    workers = Workers.join(device_at_hand())
    run = Run(experiment, text, checkpoints, workers)
    if not workers.first:
        run.train()
        workers.leave()
        return
    run.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(run.checkpoint.parent / "lock", timeout=0)
    try:
        with lock:
            trainer, evolution = run.train()
            run.write(name, trainer, evolution, model, results)
            run.checkpoint.unlink(missing_ok=True)
            workers.leave()
    except Timeout as error:
        raise InputError(
            f"another process is training {name} (lock {lock.lock_file}): wait for it or stop it"
        ) from error


def by_dag() -> None:
    """The entry of dvc.yaml."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", help="an experiment of the params file")
    parser.add_argument("--params", type=Path, default=params.PARAMS_FILES["full"])
    arguments = parser.parse_args()
    config = params.load(arguments.params)
    paths = Paths.of(config)
    experiment = params.experiment(config, arguments.run)
    train_run(
        arguments.run,
        experiment,
        PreparedText.open(paths.text / experiment.corpus),
        paths.run_model(arguments.run),
        paths.run_results(arguments.run),
        paths.checkpoints,
    )


def train_by_hand(config: DictConfig) -> None:
    """Train a variant; everything of it stays under its own folder, which is printed."""
    experiment = params.view(Experiment, config.experiment, "experiment")
    paths = Paths.of(config)
    text = PreparedText.open(paths.text / experiment.corpus)
    digest = Run(experiment, text, paths.checkpoints).digest
    folder = paths.by_hand / f"{experiment.corpus}-{digest}"
    train_run(folder.name, experiment, text, folder, folder, paths.checkpoints)
    print(folder)


@hydra.main(config_path="../conf", config_name="train", version_base="1.3")
def by_hand(config: DictConfig) -> None:
    """The entry by hand."""
    try:
        train_by_hand(config)
    except InputError as error:
        # Hydra would print a traceback of any exception but this one.
        sys.exit(console.complaint(error))


def main() -> None:
    """Entry point: Hydra's if there are overrides, else the DAG's."""
    overrides = [word for word in sys.argv[1:] if "=" in word and not word.startswith("--")]
    if not overrides and not {"--multirun", "-m", "--cfg", "-c"} & set(sys.argv):
        by_dag()
        return
    # `model=X` is short for Hydra's `model@experiment.model=X`.
    short = tuple(f"{group}=" for group in EXPERIMENT_GROUPS)
    sys.argv[1:] = [
        word.replace("=", "@experiment.{}=".format(word.partition("=")[0]), 1)
        if word.startswith(short)
        else word
        for word in sys.argv[1:]
    ]
    by_hand()


if __name__ == "__main__":
    console.run(main)
