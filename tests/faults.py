"""A whole project of one small corpus, and its stages as real processes that meet with faults.

The processes are forked from a server that has imported everything, so that each costs what its
stage does; in them the clock is a counter, so that equal runs write equal bytes.
"""

import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from omegaconf import OmegaConf

from pipeline import console
from pipeline.config.composition import composed
from pipeline.config.paths import Paths
from tests.conftest import PROSE, ROOT
from tests.processes import PATIENCE

STAGES = {
    "download": ("pipeline.download", "warpeace"),
    "preprocess": ("pipeline.preprocess", "warpeace"),
    "ngram": ("pipeline.baseline", "ngram", "warpeace"),
    "kenlm": ("pipeline.baseline", "kenlm", "warpeace"),
    "train": ("pipeline.train", "warpeace"),
    "sweep": ("pipeline.sweep", "kjf-warpeace", "--processes", "1"),
    "sample": ("pipeline.sample", "--write", "warpeace"),
    "measure_ngram": ("analysis.measure.__main__", "ngram", "warpeace"),
    "measure_kenlm": ("analysis.measure.__main__", "kenlm", "warpeace"),
    "measure": ("analysis.measure.__main__", "network", "warpeace"),
    "compare": ("analysis.measure.compare", "warpeace"),
    "gates": ("analysis.measure.gates", "warpeace"),
    "errors": ("analysis.measure.error_kinds", "warpeace"),
    "loops": ("analysis.measure.loops", "warpeace"),
    "evolution": ("analysis.measure.evolution", "warpeace"),
    "gradients": ("analysis.probes.gradients",),
    "memory_tasks": ("analysis.probes.memory_tasks",),
    "course": ("analysis.probes.course.__main__", "hello", "by_hand", "shapes"),
    "delayed_copy": ("analysis.probes.delayed_copy",),
    "canaries": ("analysis.probes.canaries",),
    "excerpts_ngram": ("analysis.measure.excerpts", "ngram", "warpeace"),
    "excerpts": ("analysis.measure.excerpts", "network", "warpeace"),
    "cells": ("analysis.cells.__main__", "warpeace"),
    "page_cells": ("analysis.report.cells_page", "warpeace"),
    "play": ("analysis.report.play", "warpeace"),
    "page": ("analysis.report.__main__", "page", "warpeace"),
    "claims": ("analysis.claims.__main__", "--write"),
    "index": ("analysis.report.__main__", "index"),
    "pack": ("pipeline.offload", "pack", "packed"),
    "run": ("pipeline.offload", "run", "packed", "--out", "back"),
    "adopt": ("pipeline.offload", "adopt", "back"),
}
"""In the order of the DAG; the last three are the way to another machine and back."""
CORPUS, SWEEP = JOBS = ("warpeace", "kjf-warpeace")
TICK = 2.0**-10
"""Seconds that pass each time a stage looks at the clock: sums of them are exact."""

LATE = "torch._dynamo"
"""What torch imports when an optimizer takes its first step, in seconds."""
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, LATE, *sorted({words[0] for words in STAGES.values()})])


class Ended(NamedTuple):
    """How a stage ended: its exit status (below 0: a signal's number) and what it wrote."""

    code: int | None
    said: str

    @property
    def line(self) -> str:
        """The last line, after all progress bars."""
        return self.said.replace("\r", "\n").strip().splitlines()[-1]

    def complains(self, code: int, *words: str) -> None:
        """Assert that it ended with one clear line that has these words."""
        assert (self.code, "Traceback" in self.said) == (code, False), self.said
        assert self.line.startswith("error: "), self.said
        assert self.said.count("error: ") == 1, self.said
        for word in words:
            assert word in self.line, self.line


class Project:
    """A folder with a small corpus, its params file, and whatever its stages have written."""

    def __init__(self, folder: Path, like: "Project | None" = None) -> None:
        self.folder, self.words = folder, folder.with_name(f"{folder.name}-said")
        self.words.mkdir()
        self.config = OmegaConf.create(composed("laptop")) if like is None else like.config.copy()
        if like is not None:
            shutil.copytree(like.folder, folder, symlinks=True, dirs_exist_ok=True)
            return
        folder.mkdir()
        (folder / "own.txt").write_bytes(PROSE)
        self._only(CORPUS, SWEEP)
        self._shrink()
        self.write()

    def _only(self, corpus: str, sweep: str) -> None:
        """Forget all other corpora and sweeps, and the claims about them."""
        conf = self.folder / "conf"
        (conf / "corpus").mkdir(parents=True)
        (conf / "reference.yaml").symlink_to(ROOT / "conf/reference.yaml")
        claims = OmegaConf.load(ROOT / "conf/claims.yaml")
        others = {*self.config.corpora, *self.config.experiments, *self.config.sweeps}
        others -= {corpus, sweep}
        for name, claim in list(claims.items()):
            if any(other in str(claim["parts"]) for other in others):
                del claims[name]
        assert claims
        OmegaConf.save(claims, conf / "claims.yaml")
        for section in ("corpora", "experiments", "baselines"):
            kept = (corpus, "linux-kjf")  # with which the index compares
            self.config[section] = {name: self.config[section][name] for name in kept}
        self.config.sweeps = {sweep: self.config.sweeps[sweep]}

    def _shrink(self) -> None:
        config = self.config
        config.corpora.warpeace = {
            "title": "Small",
            "kind": "prose",
            "sources": [{"variant": "own", "from": ["file:own.txt"]}],
        }
        run = config.experiments.warpeace
        run.model.update({"layers": 1, "hidden": 12})
        run.train.update(
            {"batch": 8, "bptt": 16, "epochs": 1, "evaluations": 3, "precision": "float32",
             "sample_iterations": [3], "sample_symbols": 100, "checkpoint_seconds": 9 * TICK}
        )  # fmt: skip
        run.sample.update({"symbols": 400, "streams": 2, "prime": 20, "greedy_symbols": 50})
        run.sample.temperatures = [0.5, 1.0]
        config.baselines.warpeace.update(
            {"ngram_orders": [2, 4], "kenlm_orders": [2, 3], "kenlm_memory": "50M",
             "symbols": 400, "streams": 2, "prime": 20}
        )  # fmt: skip
        config.sweeps["kjf-warpeace"].grid = {
            "model.cell": ["lstm"], "model.layers": [1], "model.hidden": [8, 12],
        }  # fmt: skip
        config.measure.update(
            {"closing_symbols": 500, "window": 200, "resamples": 50, "structure_window": 200}
        )
        config.cells.update(
            {"symbols": 300, "streams": 2, "page_symbols": 100, "least_occurrences": 2}
        )
        config.inside.gradients.update(
            {"cells": ["gru"], "hidden": 8, "symbols": 500, "seeds": [1, 2], "distances": [1, 2],
             "windows": 2, "context": 2}
        )  # fmt: skip
        config.inside.gradients.train.update(
            {"batch": 4, "bptt": 8, "epochs": 1, "evaluations": 1, "precision": "float32"}
        )
        config.inside.memory_tasks.update(
            {"tasks": ["copy"], "cells": ["gru"], "lengths": [3], "seeds": [1, 2], "hidden": 4,
             "batch": 2, "steps": 2, "tests": 2, "check_every": 1}
        )  # fmt: skip
        config.inside.delayed_copy.update(
            {
                "window": 4,
                "lags": [1],
                "seeds": [1],
                "hidden": 4,
                "batch": 4,
                "steps": 2,
                "tests": 8,
            }
        )
        config.inside.canaries.update(
            {"hidden": 4, "layers": 1, "times": [1], "strings": 2, "ngram_orders": [4]}
        )
        config.inside.canaries.train.update(
            {"batch": 4, "bptt": 8, "epochs": 1, "evaluations": 1, "precision": "float32"}
        )
        course = config.course
        course.prose = course.names = course.code = CORPUS
        course.hello.seeds = course.by_hand.seeds = course.shapes.seeds = [1]
        course.hello.train.update({"epochs": 2, "evaluations": 1})
        course.by_hand.update({"steps": 2, "record_every": 1})
        task = {"cell": "gru", "examples": 8, "tests": 4, "hidden": 4, "steps": 2}
        course.shapes.tasks = {"many-to-many": task}
        config.offload.update({"jobs": list(JOBS), "reserve_seconds": 0})
        for name in Paths.__dataclass_fields__:
            config.paths[name] = name
        config.paths.reports = "pages"

    def write(self) -> None:
        """Write the params file anew, after a change of `config`."""
        (self.folder / "params.yaml").write_text(OmegaConf.to_yaml(self.config))

    def start(self, stage: str, fault: Callable[[], None] | None = None, tick: float = TICK):
        """Begin a stage; `fault` is called in its process when all is ready to go."""
        module, *words = STAGES[stage]
        words += ["--params", "params.yaml"]
        how = (self.folder, self.words, module, words, fault, tick)
        process = CONTEXT.Process(target=_carry_out, args=how)
        process.start()
        return process

    def run(self, stage: str, fault: Callable[[], None] | None = None, tick: float = TICK) -> Ended:
        """Carry out a stage."""
        return self.ended(self.start(stage, fault, tick))

    def ended(self, process) -> Ended:
        """How a process that was started has ended."""
        process.join(PATIENCE)
        process.kill()  # which it has no need of, or hangs
        process.join()
        return Ended(process.exitcode, (self.words / str(process.pid)).read_text())

    def files(self) -> dict[str, bytes]:
        """Everything that has a final name, by path."""
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self._outputs()}

    def leftovers(self) -> list[Path]:
        """Temporary files."""
        return [path for path in self._outputs(hidden=True) if not path.name.endswith(".lock")]

    def _outputs(self, hidden: bool = False) -> Iterator[Path]:
        for name in ("raw", "text", "samples", "models", "results", "pages", "packed", "back"):
            for path in sorted((self.folder / name).rglob("*")):
                if path.is_file() and hidden == any(
                    part.startswith(".") for part in path.relative_to(self.folder).parts
                ):
                    yield path

    def remove(self, names: set[str]) -> None:
        """Remove what a stage wrote, and the folders that are empty then."""
        for name in names:
            (self.folder / name).unlink()
        for folder, _, _ in os.walk(self.folder, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()


def _carry_out(
    folder: Path, told: Path, module: str, words: list[str], fault: Callable[[], None] | None,
    tick: float,
) -> None:  # fmt: skip
    """A stage, in a process of its own; all it says goes to a file in `told`."""
    os.chdir(folder)
    said = os.open(told / str(os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    figures = import_module("analysis.report.plots.figures")
    figures._saved = lambda *_: b'<svg viewBox="0 0 1 1"></defs></svg>'  # it takes seconds
    torch.set_num_threads(1)
    ticks = count(1)
    time.perf_counter = lambda: tick * next(ticks)
    os.fsync = lambda _: None  # what is killed is not the system
    sys.argv = [module, *words]
    if fault:
        fault()
    console.run(import_module(module).main)


def at_write(number: int, sent: signal.Signals) -> Callable[[], None]:
    """The fault of getting a signal when the `number`th file is about to take its name."""
    return partial(_signal_at_write, number, sent)


def _signal_at_write(number: int, sent: signal.Signals) -> None:
    writes, replace = count(1), Path.replace

    def replaced(path: Path, target: Path) -> Path:
        if next(writes) == number:
            os.kill(os.getpid(), sent)
        return replace(path, target)

    Path.replace = replaced


def memory_left(megabytes: int) -> Callable[[], None]:
    """The fault of having no more than this to take."""
    return partial(_limit_memory, megabytes << 20)


def _limit_memory(more: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
