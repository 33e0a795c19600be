"""Train all that the full scale lacks, side by side, then run what hangs on it: `make evidence`.

Trainings are processes of one thread each, as many at once as there are cores (two of one thread do
more than one of two), in the order of conf/offload.yaml. Once a minute a line says what runs. Ended
in whatever way, the same command goes on where it was.

DVC alone carries out one stage after another, and its queue of experiments copies the workspace for
each; so trainings run here, DVC adopts each (`dvc commit`), and runs all that follows.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from omegaconf import DictConfig

from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT
from pipeline.jobs import Job, jobs
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.processes import cores, ends_with_this
from pipeline.lm.text import MANIFEST

TELL_SECONDS, LOOK_SECONDS = 60, 1
LAST_WORDS = 4096
"""Bytes at the end of a log in which its last line is."""


class Training:
    """A job as a process, whose words go to a log beside its checkpoints."""

    def __init__(self, job: Job, params_file: Path) -> None:
        self.job, self.log = job, job.paths.checkpoints / f"{job.name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                job.command(params_file, processes=1),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"}, preexec_fn=ends_with_this(),
            )  # fmt: skip

    def last_words(self) -> str:
        """The last line of its log: how far it is and what time is left, or what went wrong."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LAST_WORDS))
            lines = log.read().decode(errors="replace").replace("\r", "\n").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "starting")


class Queue:
    """What waits, what runs, and what became of the rest."""

    def __init__(self, config: DictConfig, params_file: Path, processes: int) -> None:
        self.config, self.params_file, self.processes = config, params_file, processes
        self.waiting, self.running, self.failed = list[Job](), list[Training](), list[str]()

    def fill(self) -> None:
        """Start what may run now."""
        while self.waiting and len(self.running) < self.processes:
            self.running.append(Training(self.waiting.pop(0), self.params_file))
            print(f"{self.running[-1].job.name}: started", flush=True)

    def carry_out(self) -> None:
        """Train everything that waits; DVC adopts each and runs its page while others train."""
        told = -float(TELL_SECONDS)
        self.fill()
        while self.running:
            for training in [one for one in self.running if one.process.poll() is not None]:
                self.running.remove(training)
                self.fill()
                self.finish(training)
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                print(self.line(), flush=True)
            time.sleep(LOOK_SECONDS)

    def line(self) -> str:
        """What runs and how far it is, and what waits."""
        now = "; ".join(f"{one.job.name}: {one.last_words()}" for one in self.running)
        return f"{now}; waiting: {', '.join(job.name for job in self.waiting) or 'nothing'}"

    def finish(self, training: Training) -> None:
        """Adopt what a training wrote, and run what its page needs."""
        job = training.job
        if training.process.returncode:
            self.failed.append(job.name)
            print(f"{job.name}: failed: {training.last_words()}", flush=True)
            return
        print(f"{job.name}: trained", flush=True)
        dvc("commit", "--force", job.stage)
        if not job.is_sweep:
            corpus = job.experiment.corpus
            # Unsmoothed n-grams first: DVC itself may begin with KenLM, which takes long.
            dvc("repro", "--keep-going", f"measure_ngram@{corpus}", f"excerpts_ngram@{corpus}")
            dvc("repro", "--keep-going", f"page@{corpus}", f"page_cells@{job.name}")


def dvc(*words: str) -> int:
    """Run a command of DVC's; its exit status."""
    return subprocess.run([Path(sys.executable).parent / "dvc", *words], check=False).returncode


def prepared(config: DictConfig) -> list[Job]:
    """The jobs that are not done, of texts that can be had."""
    texts = Paths.of(config).text
    found = jobs(config)
    corpora = sorted({job.experiment.corpus for job in found})
    dvc("repro", "--keep-going", *(f"preprocess@{corpus}" for corpus in corpora))
    for corpus in (name for name in corpora if not (texts / name / MANIFEST).exists()):
        print(f"{corpus}: its text cannot be had, what needs it is left out", flush=True)
        found = [job for job in found if job.experiment.corpus != corpus]
    return [job for job in found if not job.done()]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.evidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--processes", type=int, default=cores(), help="trainings at once")
    parser.add_argument("--params", type=Path, default=params.PARAMS_FILES["full"])
    arguments = parser.parse_args()
    if not COUNT.holds(arguments.processes):
        raise InputError(f"--processes is {arguments.processes}: use {COUNT.words}")
    config = params.load(arguments.params)
    queue = Queue(config, arguments.params, arguments.processes)
    queue.waiting = prepared(config)
    queue.carry_out()
    rest = dvc("repro", "--keep-going")
    if queue.failed or rest:
        raise InputError(
            f"not all was run ({', '.join(queue.failed) or 'see above'}): mend it, and run the same"
        )


if __name__ == "__main__":
    console.run(main)
