"""Bad and odd input: one table of what is given and what one sees, and tests of every row.

tests/BAD_INPUT.md is the same table for readers; `python -m tests.test_bad_input` writes it.
"""

import contextlib
import copy
import importlib
import io
import math
import re
import shlex
import sys
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from analysis.cells import reading as cell_reading
from analysis.measure import error_kinds as errors
from analysis.measure import excerpts, gates, loops
from analysis.probes import gradients, memory_tasks
from analysis.probes.course.experiments import Course
from analysis.report.blind import Blind
from analysis.report.play import Play
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.corpora import documents
from pipeline.corpora.corpus import Corpus
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import file_sha256
from pipeline.lm.rnn import hardware
from pipeline.lm.sampling import Decoding
from pipeline.lm.text import PARTS, PreparedText
from pipeline.sweep import variants
from tests.conftest import PROSE, ROOT

LAPTOP_SECTIONS = ("measure", "offload", "cells", "course", "inside", "report")
SETTINGS_OF_STAGES = {
    "cells": cell_reading.Settings,
    "course": Course,
    "inside.errors": errors.Settings,
    "inside.gates": gates.Settings,
    "inside.gradients": gradients.Settings,
    "inside.loops": loops.Settings,
    "inside.memory_tasks": memory_tasks.Settings,
    "report.blind": Blind,
    "report.excerpts": excerpts.Settings,
    "report.play": Play,
}
DOCUMENT = Path(__file__).parent / "BAD_INPUT.md"
ANYTHING = "…"
"""Stands for any text in what one sees."""


class Case(NamedTuple):
    """One row. `DIR` stands for a folder that holds own.txt and what `bench` puts there."""

    given: str
    command: str
    sees: str
    """All of the line after `error: ` where the status is 2, else a piece of the output."""
    status: int = 2
    change: str = ""
    """KEY=VALUE of the params file, changed beforehand; DELETE removes the key."""
    like: str = ""
    """A command whose output is the same, byte for byte."""


class Text(NamedTuple):
    """A corpus, and what one sees when it is downloaded, prepared, trained on and sampled."""

    given: str
    text: bytes
    sees: str = "works: any bytes come back as they were"
    status: int = 0
    corpus: Mapping[str, Any] = MappingProxyType({})


CRLF = PROSE.replace(b"\n", b"\r\n")
LINES = b"Smith, John\nO'Neil, Ann\nSmith, John, Jr.\n" * 20
TEXTS = [
    Text("empty file", b"", f"{ANYTHING}own.txt is empty: check corpora.*.sources and "
         "corpora.*.documents", 2),
    Text("one byte", b"a", "the text has 1 symbols, and at least 2 are needed to predict one: use "
         "a longer corpus", 2),
    Text("two bytes", b"ab"),
    Text("one byte again and again", b"a" * 40),
    Text("one line", b"hello world, this is one line\n"),
    Text("no newline", b"no newline at all " * 40),
    Text("newlines alone", b"\n" * 50),
    Text("lines that end with CRLF", CRLF),
    Text("a byte-order mark", b"\xef\xbb\xbf" + PROSE),
    Text("NUL bytes", b"a\0b\0" * 200),
    Text("all 256 byte values", bytes(range(256)) * 10),
    Text("invalid UTF-8, as bytes", b"caf\xe9 \xff\xfe \xc3" * 60),
    Text("invalid UTF-8, as characters", b"caf\xe9 \xff\xfe \xc3" * 60,
         corpus={"symbols": "characters"}),
    Text("invalid UTF-8, as words", b"caf\xe9 \xff\xfe \xc3" * 60, corpus={"symbols": "words"}),
    Text("names with a comma", LINES, corpus={"kind": "names", "unit": "lines"}),
    Text("a limit of 0 bytes", PROSE, "mine: the training part is empty: raise corpora.*.limit", 2,
         {"limit": 0}),
    Text("split by document, one document", PROSE, "1 documents for 3 parts: set split.by to "
         "position, or raise the limit", 2, {"split": {"by": "document"}}),
    Text("an unknown place", PROSE, "gopher:x is no place known: use mirror:, http(s):, file:, "
         "apt: ...", 2, {"sources": [{"variant": "own", "from": ["gopher:x"]}]}),
    Text("a file that is not there", PROSE, f"no source has the corpus mine. Tried: file:nope "
         f"(own): {ANYTHING}nope is not there. To go on, correct corpora.mine.sources", 2,
         {"sources": [{"variant": "own", "from": ["file:nope"]}]}),
    Text("a damaged .gz", b"\x1f\x8b\x08\0damaged", f"{ANYTHING}own.txt is damaged ({ANYTHING}): "
         "delete it and download again", 2),
]  # fmt: skip

EXPERIMENT, BASELINE = "experiments.mine.", "baselines.mine."
TRAIN, BUILD = "pipeline.train mine", "pipeline.baseline kenlm mine"
WRITE = "pipeline.sample mine --write"
SAMPLE, SCORE = "pipeline.sample mine --length 20", "pipeline.score mine DIR/own.txt"
COUNT = "use 1 or more, at most 1,000,000,000"
NUMBER = "could not be converted to Integer"


def changed(key: str, value: str) -> str:
    """A setting that is wrong, in words."""
    return f"no {key}" if value == "DELETE" else f"{key}: {value}"


def of_experiment(key: str, value: str, sees: str, command: str = TRAIN) -> Case:
    """A setting of the experiment."""
    return Case(changed(key, value), command, f"experiments.mine: {sees}", 2,
                f"{EXPERIMENT}{key}={value}")  # fmt: skip


def of_baseline(key: str, value: str, sees: str) -> Case:
    """A setting of the n-gram models."""
    return Case(changed(key, value), BUILD, f"baselines.mine: {sees}", 2,
                f"{BASELINE}{key}={value}")  # fmt: skip


SETTINGS = [
    of_experiment("model.cell", "transformer", "model.cell is 'transformer': use lstm, gru or rnn"),
    of_experiment("model.layers", "0", "model.layers is 0: use 1 to 8"),
    of_experiment("model.hidden", "0", "model.hidden is 0: use 1 to 16,384"),
    of_experiment("model.hidden", "100000000", "model.hidden is 100000000: use 1 to 16,384"),
    of_experiment("model.hidden", "1.5", f"Value '1.5' of type 'float' {NUMBER} "
                  "(key model.hidden)"),
    of_experiment("model.hidden", "null", "Incompatible value 'None' for field of type 'int' "
                  "(key model.hidden)"),
    of_experiment("model.dropout", "1", "model.dropout is 1.0: use 0 or more, below 1"),
    of_experiment("model.dropout", ".nan", "model.dropout is nan: use 0 or more, below 1"),
    of_experiment("model", "[1]", "Invalid type assigned: list is not a subclass of Model. value: "
                  "[1]"),
    of_experiment("model.x", "1", "Key 'x' not in 'Model' (key model.x)"),
    of_experiment("train.batch", "0", f"train.batch is 0: {COUNT}"),
    of_experiment("train.bptt", "0", f"train.bptt is 0: {COUNT}"),
    of_experiment("train.epochs", "0", f"train.epochs is 0: {COUNT}"),
    of_experiment("train.epochs", "abc", f"Value 'abc' of type 'str' {NUMBER} (key train.epochs)"),
    of_experiment("train.epochs", "DELETE", "Structured config of type `Train` has missing "
                  "mandatory value: epochs (key train.epochs)"),
    of_experiment("train.learning_rate", ".nan",
                  "train.learning_rate is nan: use a finite number above 0"),
    of_experiment("train.learning_rate", ".inf",
                  "train.learning_rate is inf: use a finite number above 0"),
    of_experiment("train.rmsprop_decay", "2", "train.rmsprop_decay is 2.0: use 0 or more, below 1"),
    of_experiment("train.decay", "-1", "train.decay is -1.0: use a finite number above 0"),
    of_experiment("train.clip_at", "0", "train.clip_at is 0.0: use a number above 0"),
    of_experiment("train.uniform_range", ".nan",
                  "train.uniform_range is nan: use a finite number, 0 or more"),
    of_experiment("train.optimizer", "sgd", "train.optimizer is 'sgd': use rmsprop or adam"),
    of_experiment("train.precision", "float8",
                  "train.precision is 'float8': use auto, float32, bfloat16 or float16"),
    Case("train.precision: bfloat16, on a processor without AVX-512", TRAIN,
         "train.precision bfloat16 is more than this processor can do: use auto or float32",
         2, f"{EXPERIMENT}train.precision=bfloat16"),
    of_experiment("train.sample_iterations", "[0]",
                  "train.sample_iterations has 0: use 1 or more, at most 1,000,000,000"),
    of_experiment("train.sample_iterations", "[1]", f"train.sample_symbols is 0: {COUNT}"),
    of_experiment("train.epohcs", "1", "Key 'epohcs' not in 'Train' (key train.epohcs)"),
    of_experiment("seed", "-1", "experiment.seed is -1: use 0 to 4,294,967,295"),
    of_experiment("sample.temperatures", "[0]",
                  "sample.temperatures has 0.0: use a finite number above 0", WRITE),
    of_experiment("sample.temperatures", "[.nan]",
                  "sample.temperatures has nan: use a finite number above 0", WRITE),
    of_experiment("sample.streams", "1000000000", "sample.streams is 1000000000: use 1 to 100,000",
                  WRITE),
    of_experiment("sample.seed", "-1", "sample.seed is -1: use 0 to 4,294,967,295", WRITE),
    Case("experiments.mine: 7", TRAIN, "experiments.mine is 7: it must be a mapping of settings to "
         "values", 2, "experiments.mine=7"),
    Case("experiments: [1]", TRAIN, "experiments is not a mapping: run python -m pipeline.compose",
         2, "experiments=[1]"),
    Case("an unknown corpus", TRAIN, "DIR/text/nope/manifest.json is missing: run the stage that "
         "writes it (dvc repro)", 2, "experiments.mine.corpus=nope"),
    Case("a batch larger than the corpus", f"{TRAIN} && {SCORE}", "bits per symbol", 0,
         "experiments.mine.train.batch=1000000"),
    Case("a window longer than the corpus", f"{TRAIN} && {SCORE}", "bits per symbol", 0,
         "experiments.mine.train.bptt=1000000"),
    of_baseline("ngram_orders", "[0]", "baseline.ngram_orders has 0: use 1 to 100"),
    of_baseline("ngram_orders", "[500]", "baseline.ngram_orders has 500: use 1 to 100"),
    of_baseline("ngram_orders", "4", "Invalid value assigned: AnyNode is not a ListConfig, list or "
                "tuple. (key ngram_orders)"),
    of_baseline("kenlm_orders", "[21]", "baseline.kenlm_orders has 21: use 1 to 20"),
    of_baseline("kenlm_orders", "[]",
                "baseline.ngram_orders and baseline.kenlm_orders need one order each"),
    of_baseline("kenlm_memory", "; reboot",
                "baseline.kenlm_memory is '; reboot': use a size as 2G or 40%"),
    of_baseline("prune", "[5, 1]", "baseline.prune must not fall from one order to the next"),
    of_baseline("streams", "0", "baseline.streams is 0: use 1 to 100,000"),
    Case("measure.window: 0", SCORE, f"measure: measure.window is 0: {COUNT}", 2,
         "measure.window=0"),
    Case("no measure", SCORE, f"the settings are not whole: {ANYTHING}Missing key measure", 2,
         "measure=DELETE"),
    Case("no paths", SAMPLE, "paths is None: it must be a mapping of settings to values", 2,
         "paths=DELETE"),
    Case("paths.text: 7", SAMPLE, "paths: Value '7' of type 'int' could not be converted to Path "
         "(key text)", 2, "paths.text=7"),
    Case("sweeps.mine.grid: {seed: []}", "pipeline.sweep mine", "sweeps.mine: sweep.grid needs a "
         "setting, and each setting a value", 2, "sweeps.mine.grid={seed: []}"),
    Case("a sweep over a setting that is none", "pipeline.sweep mine",
         "sweeps.mine: no setting 'sead' in experiments.mine", 2, "sweeps.mine.grid={sead: [1]}"),
    Case("corpora.mine.kind: null", "pipeline.preprocess mine",
         "corpora.mine has no kind: add one, as conf/corpus/python.yaml has", 2,
         "corpora.mine.kind=null"),
    Case("corpora.mine.limit: 1 MB", "pipeline.preprocess mine",
         "corpora.mine.limit is '1 MB': use a whole number, 0 or more", 2,
         "corpora.mine.limit=1 MB"),
    Case("corpora.mine.colour: 1", "pipeline.preprocess mine",
         f"corpora.mine has an unknown key 'colour': use {ANYTHING}", 2, "corpora.mine.colour=1"),
    Case("corpora.mine.split: 7", "pipeline.preprocess mine",
         "corpora.mine.split is 7: use a mapping of settings to values", 2, "corpora.mine.split=7"),
    Case("corpora.mine.documents: {starts: {a: [1]}}", "pipeline.preprocess mine",
         "corpora.mine.sources.documents has [1] where a pattern should be", 2,
         "corpora.mine.documents={starts: {a: [1]}}"),
    Case("inside.gates.left: 2", "analysis.measure.gates mine",
         "inside.gates: gates.left is 2.0: use 0 or more, below 1", 2, "inside.gates.left=2"),
    Case("inside.loops.repeats: 1", "analysis.measure.loops mine",
         "inside.loops: loops.repeats is 1: use 2 to 1,000,000,000", 2, "inside.loops.repeats=1"),
    Case("cells.streams: 0", "analysis.cells mine",
         "cells: cells.streams is 0: use 1 or more, at most 1,000,000,000", 2, "cells.streams=0"),
    Case("inside.memory_tasks.lengths: []", "analysis.probes.memory_tasks",
         "inside.memory_tasks: memory_tasks.lengths is empty: give at least one", 2,
         "inside.memory_tasks.lengths=[]"),
    Case("course.hello.cell: lstn", "analysis.probes.course",
         "course: hello.cell is 'lstn': use lstm, gru or rnn", 2, "course.hello.cell=lstn"),
    Case("offload.chunk_mb: many", "pipeline.offload pack DIR/packed",
         "offload: Value 'many' of type 'str' could not be converted to Float (key chunk_mb)", 2,
         "offload.chunk_mb=many"),
    Case("an interpolation of nothing", TRAIN,
         "the settings are not whole: Interpolation key 'nope' not found", 2,
         "experiments.mine=${nope}"),
]  # fmt: skip

PARAMS = f"{SAMPLE} --params DIR/"
COMPOSE = "run python -m pipeline.compose"
FILES = [
    Case("a params file that is not there", f"{PARAMS}nope", f"DIR/nope is missing: {COMPOSE}"),
    Case("a folder in its place", f"{PARAMS}folder",
         "cannot read DIR/folder (Is a directory): name a file"),
    Case("an empty params file", f"{PARAMS}empty", f"DIR/empty is not a params file: {COMPOSE}"),
    Case("broken YAML", f"{PARAMS}broken.yaml",
         f"DIR/broken.yaml is not YAML (while parsing a flow node expected the node content, but "
         f"found '<stream end>'{ANYTHING}): {COMPOSE}"),
    Case("a YAML list", f"{PARAMS}list.yaml", f"DIR/list.yaml is not a params file: {COMPOSE}"),
    Case("a key twice", f"{PARAMS}twice.yaml",
         f"DIR/twice.yaml is not YAML ({ANYTHING}found duplicate key scale{ANYTHING}): {COMPOSE}"),
    Case("YAML that would run a program", f"{PARAMS}tag.yaml",
         f"DIR/tag.yaml is not YAML (could not determine a constructor for the tag{ANYTHING}): "
         f"{COMPOSE}"),
    Case("YAML that holds itself", f"{PARAMS}self.yaml",
         f"DIR/self.yaml is not YAML (maximum recursion depth exceeded{ANYTHING}): {COMPOSE}"),
    Case("YAML nested 3,000 deep", f"{PARAMS}deep.yaml",
         f"DIR/deep.yaml is not YAML (maximum recursion depth exceeded{ANYTHING}): {COMPOSE}"),
    Case("YAML that is not UTF-8", f"{PARAMS}bytes.yaml",
         f"DIR/bytes.yaml is not YAML ('utf-8' codec can't decode byte 0x80 in position 128: "
         f"invalid start byte): {COMPOSE}"),
    Case("an unknown experiment", "pipeline.sample nope",
         "no 'nope' among the experiments: use mine"),
    Case("a folder without a model", "pipeline.sample DIR/folder",
         "no 'DIR/folder' among the experiments: use mine"),
    Case("a file to score that is not there", "pipeline.score mine DIR/nope",
         "cannot read DIR/nope (No such file or directory): name a file"),
    Case("a folder to score", "pipeline.score mine DIR/folder",
         "cannot read DIR/folder (Is a directory): name a file"),
    Case("an empty file to score", "pipeline.score mine DIR/empty",
         "DIR/empty: nothing to score: give a text of 2 symbols or more that the model knows"),
    Case("a name that is not UTF-8", "pipeline.score mine DIR/BYTES.txt", "bits per symbol", 0),
    Case("text outside the vocabulary to score", "pipeline.score mine DIR/bytes.yaml",
         "outside the vocabulary)", 0),
    Case("a prompt file that is not there", f"{SAMPLE} --prompt-file DIR/nope",
         "cannot read DIR/nope (No such file or directory): name a file"),
    Case("a folder as a prompt file", f"{SAMPLE} --prompt-file DIR/folder",
         "cannot read DIR/folder (Is a directory): name a file"),
    Case("an empty prompt file", f"{SAMPLE} --prompt-file DIR/empty", "as without a prompt", 0,
         like=SAMPLE),
]  # fmt: skip

CHOICES = (
    "use network (or lstm), ngram:K (K symbols of context), kenlm:N (N - 1 symbols of context)"
)
COMMANDS = [
    Case("temperature 0", f"{SAMPLE} --temperature 0", "the likeliest symbol each time", 0,
         like=f"{SAMPLE} --top-k 1"),
    Case("a temperature near 0", f"{SAMPLE} --temperature 1e-320", "as temperature 0", 0,
         like=f"{SAMPLE} --temperature 0"),
    Case("a negative temperature", f"{SAMPLE} --temperature -1",
         "temperature is -1.0: use 0 (greedy) or more"),
    Case("temperature NaN", f"{SAMPLE} --temperature nan",
         "temperature is nan: use 0 (greedy) or more"),
    Case("temperature infinite", f"{SAMPLE} --temperature inf",
         "temperature is inf: use 0 (greedy) or more"),
    Case("a temperature that is no number", f"{SAMPLE} --temperature warm",
         "argument --temperature: invalid float value: 'warm'"),
    Case("top-k 0", f"{SAMPLE} --top-k 0", "top-k is 0: use 1 or more"),
    Case("top-k above the vocabulary", f"{SAMPLE} --top-k 1000", "as without it", 0, like=SAMPLE),
    Case("top-p 0", f"{SAMPLE} --top-p 0", "top-p is 0.0: use more than 0, at most 1"),
    Case("top-p NaN", f"{SAMPLE} --top-p nan", "top-p is nan: use more than 0, at most 1"),
    Case("top-p 1", f"{SAMPLE} --top-p 1", "as without it", 0, like=SAMPLE),
    Case("a prompt outside the vocabulary", f"{SAMPLE} --prompt Zürich",
         "the prompt's symbol 1, b'Z', never occurs in the training text, so no model knows it: "
         f"use one of its {ANYTHING} symbols"),
    Case("an empty prompt", f"{SAMPLE} --prompt ''", "as without a prompt", 0, like=SAMPLE),
    Case("no symbols", "pipeline.sample mine --length 0", f"--length is 0: {COUNT}"),
    Case("no streams", f"{SAMPLE} --streams 0", "--streams is 0: use 1 to 100,000"),
    Case("streams without end", f"{SAMPLE} --streams 99999999999999999999",
         "--streams is 99999999999999999999: use 1 to 100,000"),
    Case("a negative seed", f"{SAMPLE} --seed -1", "--seed is -1: use 0 to 4,294,967,295"),
    Case("lines of a corpus of running text", f"{SAMPLE} --lines 2", "2 lines", 0,
         like=f"{SAMPLE} --lines 2 --streams 1"),
    Case("--lines and --beam", f"{SAMPLE} --lines 2 --beam 2",
         "argument --beam: not allowed with argument --lines"),
    Case("--beam and --temperature", f"{SAMPLE} --beam 2 --temperature 0.5",
         "--beam leaves nothing to chance: drop --temperature, --top-k, --top-p"),
    Case("--beam 0", f"{SAMPLE} --beam 0", "--beam is 0: use 1 to 10,000"),
    Case("--write and --model", f"{WRITE} --model ngram:2",
         "--write samples as conf/sample says: drop --model"),
    Case("n-gram of order 0", f"{SAMPLE} --model ngram:0", "symbols by their frequency", 0,
         like=f"{SAMPLE} --model ngram:0 --top-p 1 --temperature 1"),
    Case("n-gram of order 500", f"{SAMPLE} --model ngram:500",
         "as much context as was ever seen", 0, like=f"{SAMPLE} --model ngram:2000000000"),
    Case("n-gram of order 10²⁰", f"{SAMPLE} --model ngram:100000000000000000000",
         "an n-gram cannot have 100000000000000000000 symbols of context: give 0 to 2147483647"),
    Case("n-gram of order ²", f"{SAMPLE} --model ngram:²", f"no model 'ngram:²': {CHOICES}"),
    Case("n-gram of order -1", f"{SAMPLE} --model ngram:-1", f"no model 'ngram:-1': {CHOICES}"),
    Case("KenLM of order 500", f"{SAMPLE} --model kenlm:500",
         "no kenlm:500 of mine: its orders are 3"),
    Case("an unknown model", f"{SAMPLE} --model gpt", f"no model 'gpt': {CHOICES}"),
    Case("an n-gram of a network's folder", "pipeline.sample DIR/models/mine --model ngram:2",
         "DIR/models/mine holds a network only: use an experiment's name for ngram:2"),
    Case("an unknown option", f"{SAMPLE} --heat 1", "unrecognized arguments: --heat 1"),
    Case("an unknown scale", f"{SAMPLE} --scale tiny",
         "argument --scale: invalid choice: 'tiny' (choose from 'full', 'laptop')"),
    Case("an unknown corpus", "pipeline.download nope",
         f"no 'nope' among the corpora: use {ANYTHING}mine"),
    Case("no corpus", "pipeline.download", "give the name of a corpus, or --list"),
    Case("an unknown baseline", "pipeline.baseline ngram nope",
         "no 'nope' among the baselines: use mine"),
    Case("an unknown sweep", "pipeline.sweep nope", "no 'nope' among the sweeps: use mine"),
    Case("no processes", "pipeline.sweep mine --processes 0", f"--processes is 0: {COUNT}"),
    Case("minutes NaN", "pipeline.offload run DIR --minutes nan",
         "--minutes is nan: use a finite number above 0"),
    Case("an unknown run to measure", "analysis.measure network nope",
         "no 'nope' among the experiments: use mine"),
    Case("an unknown page", "analysis.report page nope", "no 'nope' among the baselines: use mine"),
    Case("a page before its run", "analysis.report page mine",
         f"no page for mine yet, waits for mine{ANYTHING}: run dvc repro"),
    Case("a summary before its run", "analysis.report summary mine",
         f"no summary of mine, waits for {ANYTHING}: run dvc repro"),
]  # fmt: skip

HAND = "pipeline.train"
BY_HAND = [
    Case("an unknown experiment", f"{HAND} experiment=nope",
         f"In 'by_hand': Could not find 'experiment/nope' Available options in 'experiment': "
         f"{ANYTHING}"),
    Case("an unknown model", f"{HAND} model=nope",
         f"In 'experiment/python': Could not find 'model/nope'{ANYTHING}"),
    Case("an unknown key", f"{HAND} experiment.train.epohcs=1",
         f"Could not override 'experiment.train.epohcs'.{ANYTHING}Key 'epohcs' is not in struct"),
    Case("an unknown key, appended", f"{HAND} +experiment.train.epohcs=1",
         "experiment: Key 'epohcs' not in 'Train' (key train.epohcs)"),
    Case("epochs 0", f"{HAND} experiment.train.epochs=0",
         f"experiment: train.epochs is 0: {COUNT}"),
    Case("what is no KEY=VALUE", f"{HAND} a=b=c",
         "'a=b=c' is not KEY=VALUE: mismatched input '=' expecting <EOF>"),
    Case("a list without --multirun", f"{HAND} experiment.seed=1,2",
         f"Ambiguous value for argument 'experiment.seed=1,2'{ANYTHING}--multirun{ANYTHING}"),
    Case("no experiment", f"{HAND} ~experiment +x=1",
         "experiment is None: it must be a mapping of settings to values"),
]  # fmt: skip

SECTIONS = {
    "Settings of the params file": SETTINGS,
    "Files": FILES,
    "The command line": COMMANDS,
    "Training by hand": BY_HAND,
}


# The bench: a folder with a small corpus of its own and models of it.


class Outcome(NamedTuple):
    """What a command printed and its exit status."""

    status: int
    out: bytes
    err: str


class Bench:
    """A folder, its params file, and commands run in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        laptop: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "scales/laptop/params.yaml"))
        folders = Paths.__dataclass_fields__
        own: dict[str, Any] = {
            "scale": "laptop",
            "paths": {name: str(folder / name) for name in folders},
            "corpora": {
                "mine": {
                    "title": "Mine",
                    "kind": "prose",
                    "sources": [{"variant": "own", "from": ["file:DIR/own.txt"]}],
                }
            },
            "experiments": {"mine": laptop["experiments"]["python"]},
            "baselines": {"mine": laptop["baselines"]["python"]},
            "sweeps": {
                "mine": {
                    "title": "",
                    "of": "mine",
                    "corpus": "mine",
                    "set": {},
                    "grid": {"seed": [1]},
                }
            },
            **{name: laptop[name] for name in LAPTOP_SECTIONS},
        }
        experiment, baseline = own["experiments"]["mine"], own["baselines"]["mine"]
        experiment["corpus"] = "mine"
        experiment["model"] |= {"layers": 1, "hidden": 8}
        experiment["train"] |= {"epochs": 1, "batch": 4, "bptt": 16, "evaluations": 1}
        experiment["sample"] |= {"symbols": 20, "streams": 2, "prime": 5, "temperatures": [1.0]}
        baseline |= {"ngram_orders": [2], "kenlm_orders": [3], "kenlm_memory": "200M"}
        baseline |= {"symbols": 20, "streams": 2, "prime": 5}
        self.settings = own

    def write_params(
        self, change: str = "", corpus: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """params.yaml, with one setting changed or the corpus described otherwise."""
        content = copy.deepcopy(self.settings)
        content["corpora"]["mine"] |= corpus
        if change:
            key, _, value = change.partition("=")
            put(content, key.split("."), yaml.safe_load(value))
        text = yaml.safe_dump(content).replace("DIR", str(self.folder))
        (self.folder / "params.yaml").write_text(text)

    def run(self, command: str) -> Outcome:
        """The outcome of `A && B` as of a shell's, each printing what it prints."""
        for part in command.split(" && "):
            outcome = self._run(self.words(part))
            if outcome.status:
                break
        return outcome

    def words(self, command: str) -> list[str]:
        """The words of a command, with places filled in and a params file named."""
        words = shlex.split(command.replace("DIR", str(self.folder)).replace("BYTES", "\udcff"))
        by_hand = any("=" in word and not word.startswith("--") for word in words)
        if by_hand:
            return words + [f"paths.{k}={v}" for k, v in self.settings["paths"].items()]
        return words if "--params" in words else [*words, "--params", f"{self.folder}/params.yaml"]

    def _run(self, words: list[str]) -> Outcome:
        module = importlib.import_module(words[0])
        if hasattr(module, "__path__"):
            module = importlib.import_module(f"{words[0]}.__main__")
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as end,
        ):
            patch.setattr("sys.argv", words)
            patch.setattr(hardware, "processor_trains_in_bfloat16", lambda: False)
            console.run(module.main)
        out.flush()
        return Outcome(int(end.value.code or 0), out.buffer.getvalue(), err.getvalue())

    def kept(self) -> dict[Path, str]:
        """What no mistake may touch, by digest."""
        folders = [self.folder / name for name in ("raw", "text", "models", "results")]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {path: file_sha256(path) for path in files}


def put(content: dict[str, Any], keys: list[Any], value: Any) -> None:
    """Change one setting in place; DELETE removes it."""
    for key in keys[:-1]:
        content = content[key]
    if value == "DELETE":
        del content[keys[-1]]
    else:
        content[keys[-1]] = value


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Iterator[Bench]:
    """A corpus prepared, trained on, and indexed."""
    made = Bench(tmp_path_factory.mktemp("bench"))
    (made.folder / "own.txt").write_bytes(PROSE)
    (made.folder / "\udcff.txt").write_bytes(PROSE)
    (made.folder / "folder").mkdir()
    for name, content in {
        "empty": b"",
        "broken.yaml": b"a: [",
        "list.yaml": b"- 1\n",
        "twice.yaml": b"scale: full\nscale: laptop\n",
        "tag.yaml": b"scale: !!python/object/apply:os.system ['touch planted']\n",
        "self.yaml": b"a: &a [*a]\n",
        "deep.yaml": b"scale: " + b"[" * 3000 + b"]" * 3000,
        "bytes.yaml": bytes(range(256)),
    }.items():
        (made.folder / name).write_bytes(content)
    made.write_params()
    index = "pipeline.baseline ngram mine"
    for command in ("pipeline.download mine", "pipeline.preprocess mine", TRAIN, index, BUILD):
        assert made.run(command).status == 0
    yield made
    assert not Path("planted").exists()


def assert_seen(line: str, expected: str, folder: Path) -> None:
    """A line is what was expected, but for what `ANYTHING` stands for."""
    pieces = expected.replace("DIR", str(folder)).split(ANYTHING)
    assert re.fullmatch(".*".join(map(re.escape, pieces)), line), line


def complaint(err: str) -> str:
    """The one line of complaint; progress bars and argparse's usage may stand before it."""
    assert "Traceback" not in err
    said = [line for line in err.replace("\r", "\n").splitlines() if line and "it/s" not in line]
    lines = [line for line in said if "error: " in line]
    assert len(lines) == 1 and said[-1] == lines[0], err
    assert lines[0].startswith("error: ") or said[0].startswith("usage: ")
    return lines[0].partition("error: ")[2]


ALL = [case for cases in SECTIONS.values() for case in cases]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.given)
def test_each_case_ends_as_the_table_says(bench: Bench, case: Case) -> None:
    bench.write_params(case.change)
    before = bench.kept()
    outcome = bench.run(case.command)
    bench.write_params()
    assert outcome.status == case.status, outcome.err
    if case.status:
        assert_seen(complaint(outcome.err), case.sees, bench.folder)
        assert outcome.out == b"" and bench.kept() == before
    elif case.like:
        assert outcome.out == bench.run(case.like).out and outcome.out
    else:
        assert case.sees in outcome.out.decode()


def folder_of(bench: Bench, tmp_path: Path) -> Bench:
    """The same settings in another folder."""
    other = copy.copy(bench)
    other.folder = tmp_path
    other.settings = copy.deepcopy(bench.settings)
    other.settings["paths"] = {name: str(tmp_path / name) for name in bench.settings["paths"]}
    return other


STAGES = ("pipeline.download mine", "pipeline.preprocess mine", TRAIN, SAMPLE, SCORE)


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.given)
def test_each_corpus_works_or_is_refused_in_a_line(
    bench: Bench, tmp_path: Path, case: Text
) -> None:
    own = folder_of(bench, tmp_path)
    (tmp_path / "own.txt").write_bytes(case.text)
    own.write_params(corpus=case.corpus)
    outcome = own.run(" && ".join(STAGES))
    assert outcome.status == case.status, outcome.err
    if case.status:
        assert_seen(complaint(outcome.err), case.sees, tmp_path)
        return
    text = PreparedText.open(tmp_path / "text/mine")
    assert b"".join(text.vocabulary.decode(text.part(part)) for part in PARTS) == case.text
    assert b"bits per symbol" in outcome.out
    sampled = own.run(SAMPLE).out.removesuffix(b"\n")
    assert sampled and set(sampled) <= set(case.text)


# What a table cannot hold.


def test_documents_of_any_name_are_told_apart(bench: Bench, tmp_path: Path) -> None:
    own = folder_of(bench, tmp_path)
    names = ["a,b.txt", '"quoted".txt', "tab\there.txt", "=1+1.txt", "new\nline.txt", "\udcff.txt"]
    (tmp_path / "files").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "files" / name).write_bytes(b"text %d\n" % number * 20)
    corpus = {
        "sources": [{"variant": "own", "from": [f"file:{tmp_path}/files"]}],
        "documents": {"reader": "members"},
        "split": {"by": "document"},
    }
    own.write_params(corpus=corpus)
    assert own.run(" && ".join(STAGES[:2])).status == 0
    text = PreparedText.open(tmp_path / "text/mine")
    found = {
        document.name: text.vocabulary.decode(text.part(part)[document.start : document.stop])
        for part in PARTS
        for document in text.documents(part)
    }
    shown = {"a,b.txt", '"quoted".txt', "tab here.txt", "=1+1.txt", "new line.txt", "?.txt"}
    assert set(found) == shown and len(set(found.values())) == len(names)


@pytest.mark.parametrize("symbols", ["bytes", "characters"])
def test_a_long_text_without_a_newline_takes_little_memory(
    bench: Bench, tmp_path: Path, symbols: str
) -> None:
    own, size = folder_of(bench, tmp_path), 40_000_000
    with (tmp_path / "own.txt").open("wb") as file:
        file.truncate(size)
    own.write_params(corpus={"symbols": symbols})
    tracemalloc.start()
    try:
        outcome = own.run(" && ".join(STAGES[:2]))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert b"40,000,000 bytes" in outcome.out
    # Of characters a block of 4 MB is held as UTF-32, as ids, and on the way from one to the other.
    assert most < (30 if symbols == "bytes" else 40 * 4) * 1_000_000


def test_a_text_that_must_be_read_whole_has_a_bound(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = folder_of(bench, tmp_path)
    (tmp_path / "own.txt").write_bytes(LINES)
    own.write_params(corpus={"documents": {"reader": "names"}})
    monkeypatch.setattr(documents, "MOST_AT_ONCE", 100)
    outcome = own.run(" && ".join(STAGES[:2]))
    assert outcome.status == 2
    assert complaint(outcome.err).endswith(
        "the reader names takes into memory: use the reader file"
    )


def test_a_broken_description_of_any_corpus_is_named(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.yaml").write_text("title: [")
    monkeypatch.setattr(params, "CORPORA", tmp_path)
    said = complaint(bench.run("pipeline.download mine").err)
    assert said.startswith(f"{tmp_path}/other.yaml is not YAML") and said.endswith(": correct it")


# Whatever stands anywhere.

WRONG = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=3),
    st.sampled_from(["${nope}", "DELETE", 10**30, -1, 0, 1.5]),
    st.recursive(
        st.none() | st.integers(-2, 2) | st.text(max_size=2),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner,
                                                                    max_size=2),
        max_leaves=3,
    ),
)  # fmt: skip


def places(content: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every setting."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from places(value, (*at, key))


def read_everything(config: Any) -> None:
    """Every typed view of the bench's settings."""
    params.experiment(config, "mine")
    params.baseline(config, "mine")
    params.measure(config)
    params.offload(config)
    for name, kind in SETTINGS_OF_STAGES.items():
        params.view(kind, OmegaConf.select(config, name), name)
    variants(config, "mine")
    Paths.of(config)
    Corpus.of("mine", params.select(config, "corpora", "mine"))


@settings(max_examples=120)
@given(data=st.data(), wrong=WRONG)
def test_any_value_at_any_key_is_taken_or_refused_in_a_line(bench: Bench, data, wrong) -> None:
    content = copy.deepcopy(bench.settings)
    at = data.draw(st.sampled_from(list(places(content))))
    put(content, list(at), wrong)
    said = io.StringIO()
    with contextlib.redirect_stderr(said), pytest.raises(SystemExit) as end:
        console.run(lambda: read_everything(OmegaConf.create(content)))
    assert end.value.code in (0, 2)
    assert said.getvalue().count("\n") == (1 if end.value.code else 0)


@given(st.floats() | st.integers(), st.integers(-2, 5) | st.none(), st.floats() | st.none())
def test_any_way_of_choosing_is_refused_or_chooses_what_is_possible(temperature, k, p) -> None:
    log_probs = np.array([[-0.5, -np.inf, -1.5, -1e-3, -800.0]])
    try:
        chosen = Decoding(temperature, k, p).choose(log_probs, np.array([0.999999]))
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert math.isfinite(log_probs[0, chosen[0]])


@settings(max_examples=50)
@given(st.binary(max_size=12) | st.text(st.sampled_from("the (Fr\n"), max_size=12).map(str.encode))
def test_any_prompt_is_continued_or_refused_in_a_line(bench: Bench, prompt: bytes) -> None:
    (bench.folder / "prompt").write_bytes(prompt)
    outcome = bench.run(f"{SAMPLE} --prompt-file DIR/prompt")
    if outcome.status:
        assert "never occurs in the training text" in complaint(outcome.err)
        assert not set(prompt) <= set(PROSE)
    else:
        assert outcome.out.startswith(prompt) and len(outcome.out) == len(prompt) + 20 + 1


# The table for readers.


def code(text: str) -> str:
    """As code in a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


def row(case: Case) -> str:
    """A row of the table."""
    sees = case.sees if not case.status and case.like else code(case.sees)
    return f"| {case.given} | {code(case.command)} | {sees} | {case.status} |"


def document() -> str:
    """tests/BAD_INPUT.md."""
    lines = [
        "# Bad and odd input",
        "",
        "Written by `python -m tests.test_bad_input` from the table in tests/test_bad_input.py,",
        "which is tested row by row: edit it there. A command is what follows `python -m`; `mine`",
        "is a corpus and an experiment of one's own, `DIR` a folder, `…` any text. Exit code 2",
        "comes without a traceback, with the line shown here after `error: ` (and after the usage",
        "where it is about an option), and leaves text, models and results as they were.",
        "",
        "## Corpora",
        "",
        "Each downloaded, prepared, trained on, sampled and scored. A text of any length without a",
        "newline is prepared in the same memory.",
        "",
        "| Given | What one sees | Exit code |",
        "|---|---|---|",
    ]
    for text in TEXTS:
        sees = code(text.sees) if text.status else text.sees
        lines.append(f"| {text.given} | {sees} | {text.status} |")
    for title, cases in SECTIONS.items():
        header = "| Given | Command | What one sees | Exit code |"
        lines += ["", f"## {title}", "", header, "|---|---|---|---|", *map(row, cases)]
    return "\n".join(lines) + "\n"


def test_the_table_for_readers_is_the_tested_one() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run python -m tests.test_bad_input"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    print(DOCUMENT.relative_to(ROOT), file=sys.stderr)
