"""Small experiments of the post and the course -> results/course, a table each.

Columns are those of `analysis.probes.course.settings.Observation`. Without names, all are run; who
names some gets their figures too.
"""

import argparse
import time
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path

import torch
from omegaconf import DictConfig
from tqdm import tqdm

from analysis.probes.course.experiments import EXPERIMENTS, Course, opened
from analysis.probes.course.settings import Observation
from analysis.probes.journal import journal
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.tables import write_table


def carry_out(name: str, settings: Course, paths: Paths) -> Path:
    """Run one experiment with every seed: its table."""
    experiment, own = EXPERIMENTS[name], getattr(settings, name)
    read, digests = [], []
    for thing, digest in opened(experiment.reads, settings, paths):
        read.append(thing)
        digests.append(digest)
    code = sorted(Path(__file__).parent.glob("*.py"))
    with journal(paths.checkpoints, f"course-{name}", code, [asdict(own), digests]) as kept:

        def rows_of(seed: int) -> list[dict]:
            return [row._asdict() for row in experiment.run(*read, seed, own)]

        rows = [
            row
            for seed in tqdm(own.seeds, desc=name, unit="seed")
            for row in kept.found(f"seed {seed}", partial(rows_of, seed))
        ]
        path = paths.results / "course" / f"{name}.tsv"
        write_table(path, rows, list(Observation._fields))
    return path


def carry_out_all(names: list[str], config: DictConfig) -> None:
    """Some experiments, or all."""
    if unknown := set(names) - set(EXPERIMENTS):
        raise InputError(f"no experiment {min(unknown)!r}: use {', '.join(EXPERIMENTS)}")
    settings, paths = params.view(Course, config.course, "course"), Paths.of(config)
    torch.set_num_threads(1)  # networks too small to share; and the same figures anywhere
    torch.set_flush_denormal(True)  # gradients that vanish would, as denormals, slow it tenfold
    for name in names or EXPERIMENTS:
        began = time.process_time()
        path = carry_out(name, settings, paths)
        print(f"{name}: {time.process_time() - began:.0f} s of processor time, {path}")
        if names:
            # By its name: the DAG runs all, draws nothing, and so hangs on no figure's code.
            report = import_module("analysis.report.course_sections")
            print(report.write_figure(config, name))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.probes.course", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments to run")
    parser.add_argument("--list", action="store_true", help="print what there is")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    if arguments.list:
        for name, experiment in EXPERIMENTS.items():
            print(f"{name:11} {experiment.claims:8} {experiment.asks}")
    else:
        carry_out_all(arguments.names, params.load(params.params_file(arguments)))


if __name__ == "__main__":
    console.run(main)
