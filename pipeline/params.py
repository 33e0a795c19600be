"""Typed views of a composed params file: the only way settings reach the code."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from pipeline.lm.errors import InputError
from pipeline.rules import (
    COUNT,
    FINITE,
    NATURAL,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_FINITE,
    SEED,
    SHARE,
    STREAMS,
    Rule,
    between,
    check,
    one_of,
)
from pipeline.terminal import one_line, reason

CORPORA = Path("conf/corpus")
PARAMS_FILES = {"full": Path("params.yaml"), "laptop": Path("scales/laptop/params.yaml")}
COMPOSE = "run python -m pipeline.compose"

MOST_LAYERS, MOST_UNITS = 8, 16_384
MOST_CONTEXT, MOST_KENLM_ORDER = 100, 20
MEMORY = Rule(lambda text: bool(re.fullmatch(r"\d+[%bKMGT]?", text)), "a size as 2G or 40%")
TRAIN_CHOICES = {
    "optimizer": ("rmsprop", "adam"),
    "schedule": ("epoch_decay", "cosine"),
    "clip": ("value", "norm"),
    "initialisation": ("uniform", "scaled"),
    "precision": ("auto", "float32", "bfloat16", "float16"),
    "keep": ("best", "last"),
}


@dataclass
class Model:
    """The architecture: `layers` of `hidden` units (H) of one kind of cell."""

    cell: str
    layers: int
    hidden: int
    dropout: float

    def __post_init__(self) -> None:
        check(self, "model", one_of("lstm", "gru", "rnn"), "cell")
        check(self, "model", between(1, MOST_LAYERS), "layers")
        check(self, "model", between(1, MOST_UNITS), "hidden")
        check(self, "model", SHARE, "dropout")


@dataclass
class Train:
    """The recipe; conf/train/post.yaml says what each value means."""

    optimizer: str
    learning_rate: float
    rmsprop_decay: float
    schedule: str
    decay: float
    decay_after: int
    warm_up: int
    clip: str
    clip_at: float
    initialisation: str
    uniform_range: float
    forget_bias: float
    batch: int
    bptt: int
    epochs: int
    precision: str
    carry_state: bool
    keep: str
    evaluations: int
    checkpoint_seconds: float
    sample_iterations: list[int]
    sample_symbols: int

    def __post_init__(self) -> None:
        for name, allowed in TRAIN_CHOICES.items():
            check(self, "train", one_of(*allowed), name)
        check(self, "train", POSITIVE_FINITE, "learning_rate", "decay")
        check(self, "train", SHARE, "rmsprop_decay")
        check(self, "train", POSITIVE, "clip_at")  # infinite: no clipping
        check(self, "train", NOT_NEGATIVE, "uniform_range", "checkpoint_seconds")
        check(self, "train", FINITE, "forget_bias")
        check(self, "train", COUNT, "batch", "bptt", "epochs", "evaluations", "sample_iterations")
        check(self, "train", NATURAL, "decay_after", "warm_up")
        check(self, "train", COUNT if self.sample_iterations else NATURAL, "sample_symbols")


@dataclass
class Sample:
    """What is sampled from a trained model."""

    temperatures: list[float]
    symbols: int
    streams: int
    prime: int
    greedy_symbols: int
    seed: int

    def __post_init__(self) -> None:
        check(self, "sample", POSITIVE_FINITE, "temperatures")
        check(self, "sample", COUNT, "symbols", "prime", "greedy_symbols")
        check(self, "sample", STREAMS, "streams")
        check(self, "sample", SEED, "seed")


@dataclass
class Experiment:
    """One training run."""

    title: str
    corpus: str
    seed: int
    numerics: int
    model: Model
    train: Train
    sample: Sample

    def __post_init__(self) -> None:
        check(self, "experiment", SEED, "seed")
        check(self, "experiment", NATURAL, "numerics")


@dataclass
class Sweep:
    """Variants of the experiment `of`, on the text of `corpus`: `set` what else differs in all of
    them, `grid` the values of each setting that varies, by dotted keys."""

    title: str
    of: str
    corpus: str
    set: dict[str, Any]
    grid: dict[str, list[Any]]

    def __post_init__(self) -> None:
        if not self.grid or not all(self.grid.values()):
            raise InputError("sweep.grid needs a setting, and each setting a value")


@dataclass
class Baseline:
    """The n-gram models of one corpus. `ngram_orders` count symbols of context, as the reply;
    `kenlm_orders` are KenLM's N, of N - 1 symbols of context."""

    ngram_orders: list[int]
    kenlm_orders: list[int]
    kenlm_memory: str
    prune: list[int]
    quantise_from: int
    symbols: int
    streams: int
    prime: int
    seed: int

    def __post_init__(self) -> None:
        check(self, "baseline", between(1, MOST_CONTEXT), "ngram_orders")
        check(self, "baseline", between(1, MOST_KENLM_ORDER), "kenlm_orders")
        check(self, "baseline", MEMORY, "kenlm_memory")
        check(self, "baseline", NATURAL, "prune", "quantise_from")
        check(self, "baseline", COUNT, "symbols", "prime")
        check(self, "baseline", STREAMS, "streams")
        check(self, "baseline", SEED, "seed")
        if not (self.ngram_orders and self.kenlm_orders):
            raise InputError("baseline.ngram_orders and baseline.kenlm_orders need one order each")
        if self.prune != sorted(self.prune):
            raise InputError("baseline.prune must not fall from one order to the next")


@dataclass
class Measure:
    """How results are measured; conf/measure/default.yaml says what each value means."""

    window: int
    least_windows: int
    context: int
    closing_symbols: int
    distances: list[int]
    least_closings: int
    least_at_distance: int
    incidence_distances: list[int]
    structure_window: int
    copy_lengths: list[int]
    distinct_orders: list[int]
    word_lengths: list[int]
    dictionary: str
    half_width: float
    resamples: int
    level: float
    seed: int

    def __post_init__(self) -> None:
        check(self, "measure", COUNT, "window", "least_windows", "closing_symbols", "resamples")
        check(self, "measure", COUNT, "structure_window", "copy_lengths", "distinct_orders")
        check(self, "measure", NATURAL, "context", "least_closings", "least_at_distance")
        check(self, "measure", NATURAL, "distances", "incidence_distances", "word_lengths")
        check(self, "measure", POSITIVE_FINITE, "half_width", "level")
        check(self, "measure", SHARE, "level")
        check(self, "measure", SEED, "seed")


@dataclass
class Offload:
    """Training on another machine; conf/offload/default.yaml says what each value means."""

    jobs: list[str]
    processes: int
    chunk_mb: float
    reserve_seconds: float

    def __post_init__(self) -> None:
        check(self, "offload", COUNT, "processes")
        check(self, "offload", POSITIVE_FINITE, "chunk_mb")
        check(self, "offload", NOT_NEGATIVE, "reserve_seconds")


T = TypeVar("T")


def add_scale_options(parser: ArgumentParser) -> None:
    """--scale for people, --params for the DAG."""
    parser.add_argument("--scale", choices=list(PARAMS_FILES), default="full")
    parser.add_argument("--params", type=Path, help="a params file instead of a scale's")


def params_file(arguments: Namespace) -> Path:
    """The params file that the options of `add_scale_options` name."""
    return arguments.params or PARAMS_FILES[arguments.scale]


def load_yaml(path: Path, remedy: str = "correct it") -> Any:
    """A YAML file; InputError if it is missing or is not one."""
    try:
        return OmegaConf.load(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: {remedy}") from error
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): name a file") from error
    except (YAMLError, UnicodeDecodeError, OmegaConfBaseException, RecursionError) as error:
        raise InputError(f"{path} is not YAML ({reason(error)}): {remedy}") from error


def load(path: Path) -> DictConfig:
    """A composed params file; InputError if it is missing or is not one."""
    config = load_yaml(path, COMPOSE)
    if not isinstance(config, DictConfig) or config.get("scale") not in PARAMS_FILES:
        raise InputError(f"{path} is not a params file: {COMPOSE}")
    return config


def select(config: DictConfig, section: str, name: str) -> DictConfig:
    """`config.<section>.<name>`; InputError lists what there is."""
    return _entry(config.get(section) or {}, section, name)


def corpus(config: DictConfig, name: str) -> DictConfig:
    """The description of a corpus; InputError lists what there is."""
    return _entry(corpora(config), "corpora", name)


def _entry(entries: Any, section: str, name: str) -> DictConfig:
    if not isinstance(entries, Mapping):
        raise InputError(f"{section} is not a mapping: {COMPOSE}")
    if name not in entries:
        raise InputError(f"no {name!r} among the {section}: use {', '.join(map(str, entries))}")
    return entries[name]


def corpora(config: DictConfig) -> DictConfig:
    """Every corpus described in conf/corpus; the scale's own settings where it uses one."""
    described = {path.stem: load_yaml(path) for path in sorted(CORPORA.glob("*.yaml"))}
    used = {name: config.corpora[name] for name in config.corpora}
    return OmegaConf.create({**described, **used})


def view(kind: type[T], node: Any, where: str) -> T:
    """`node` as the dataclass `kind`, types and values checked; InputError says `where`."""
    if not isinstance(node, Mapping):
        raise InputError(f"{where} is {node!r}: it must be a mapping of settings to values")
    try:
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), node))  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        key = f" (key {error.full_key})" if error.full_key else ""
        raise InputError(f"{where}: {one_line(error)}{key}") from error
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def experiment(config: DictConfig, run: str) -> Experiment:
    """The experiment named `run`."""
    return view(Experiment, select(config, "experiments", run), f"experiments.{run}")


def sweep(config: DictConfig, name: str) -> Sweep:
    """The sweep named `name`."""
    return view(Sweep, select(config, "sweeps", name), f"sweeps.{name}")


def baseline(config: DictConfig, corpus: str) -> Baseline:
    """The n-gram models of `corpus`."""
    return view(Baseline, select(config, "baselines", corpus), f"baselines.{corpus}")


def measure(config: DictConfig) -> Measure:
    """How results are measured."""
    return view(Measure, config.measure, "measure")


def offload(config: DictConfig) -> Offload:
    """What is trained on another machine, and how."""
    return view(Offload, config.offload, "offload")
