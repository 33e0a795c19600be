"""Train the network of one experiment: data/text -> models/<run>, results/<run>/.

By the DAG:  python -m pipeline.train --params params.yaml shakespeare
By hand:     python -m pipeline.train experiment=shakespeare model=lstm_2x128 [KEY=VALUE ...]
Sweeps:      python -m pipeline.train --multirun experiment=shakespeare experiment.seed=1,2,3

A training that was stopped, however, goes on from its last checkpoint when started again.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path

import hydra
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Experiment
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.hardware import device_at_hand
from pipeline.lm.rnn.parallel import Workers
from pipeline.runs import Run, carry_out
from pipeline.terminal import reason

CONF = Path(__file__).parent.parent / "conf"
EXPERIMENT_GROUPS = ("model", "train", "sample")


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
    train(
        arguments.run,
        experiment,
        paths,
        model=paths.run_model(arguments.run),
        results=paths.run_results(arguments.run),
    )


def train(name: str, experiment: Experiment, paths: Paths, model: Path, results: Path) -> None:
    """Train one network, alone or as one of torchrun's workers, and write it."""
    workers = Workers.join(device_at_hand())
    run = Run.of(experiment, paths, workers)
    carry_out(name, run, partial(run.write, name, model, results))
    workers.leave()


def train_by_hand(config: DictConfig) -> None:
    """Train a variant; everything of it stays under its own folder, which is printed."""
    OmegaConf.resolve(config)
    experiment = params.view(Experiment, config.get("experiment"), "experiment")
    paths = Paths.of(config)
    folder = paths.by_hand / f"{experiment.corpus}-{Run.of(experiment, paths).digest}"
    train(folder.name, experiment, paths, model=folder, results=folder)
    print(folder)


@hydra.main(config_path=str(CONF), config_name="by_hand", version_base="1.3")
def run_by_hand(config: DictConfig) -> None:
    """What Hydra calls, once for each variant."""
    try:
        train_by_hand(config)
    except Exception as error:
        # Hydra would print a traceback of any exception but this one.
        sys.exit(console.complaint(error))


def by_hand() -> None:
    """The entry by hand."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # or it prints what is wrong in its own way
    try:
        run_by_hand()
    except OverrideParseException as error:
        raise InputError(f"{error.override!r} is not KEY=VALUE: {reason(error)}") from error
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(reason(error)) from error


def main() -> None:
    """Entry point: Hydra's if there are overrides, else the DAG's."""
    overrides = [word for word in sys.argv[1:] if "=" in word and not word.startswith("--")]
    if not overrides and not {"--multirun", "-m", "--cfg", "-c"} & set(sys.argv):
        by_dag()
        return
    # `model=X` is short for Hydra's `model@experiment.model=X`. Hydra itself would take it only if
    # experiments were composed at the top, where their key `corpus` collides with conf/corpus.
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
