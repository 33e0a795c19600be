"""Typed settings: what a params file may say, checked. conf/ explains each value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config.rules import (
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
from pipeline.lm.io.errors import InputError

LAYERS, UNITS = between(1, 8), between(1, 16_384)
MOST_CONTEXT, MOST_KENLM_ORDER = 100, 20
MEMORY = Rule(lambda text: bool(re.fullmatch(r"\d+[%bKMGT]?", text)), "a size as 2G or 40%")
TRAIN_CHOICES = {
    "optimizer": ("rmsprop", "adam"),
    "schedule": ("epoch_decay", "cosine"),
    "clip": ("value", "norm"),
    "initialisation": ("uniform", "scaled", "frequencies"),
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
        check(self, "model", LAYERS, "layers")
        check(self, "model", UNITS, "hidden")
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
    symbols: int | None
    patience: int | None
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
        bounds = [name for name in ("symbols", "patience") if getattr(self, name) is not None]
        check(self, "train", COUNT, *bounds)
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
    """How results are measured; conf/measure.yaml says what each value means."""

    window: int
    least_windows: int
    least_documents: int
    besides_symbols: int
    context: int
    closing_symbols: int
    distances: list[int]
    least_closings: int
    least_at_distance: int
    incidence_distances: list[int]
    structure_window: int
    least_structure_windows: int
    most_units: int
    judge_window: int
    judge_windows: int
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
        check(self, "measure", COUNT, "least_documents", "besides_symbols", "most_units")
        check(self, "measure", COUNT, "least_structure_windows", "judge_window", "judge_windows")
        check(self, "measure", NATURAL, "context", "least_closings", "least_at_distance")
        check(self, "measure", NATURAL, "distances", "incidence_distances", "word_lengths")
        check(self, "measure", POSITIVE_FINITE, "half_width", "level")
        check(self, "measure", SHARE, "level")
        check(self, "measure", SEED, "seed")

    def bootstrap(self) -> dict[str, Any]:
        """How intervals are computed, as what computes them takes it."""
        return {"resamples": self.resamples, "seed": self.seed, "level": self.level}


@dataclass
class Offload:
    """Training on another machine; conf/offload.yaml says what each value means."""

    jobs: list[str]
    processes: int
    chunk_mb: float
    reserve_seconds: float

    def __post_init__(self) -> None:
        check(self, "offload", COUNT, "processes")
        check(self, "offload", POSITIVE_FINITE, "chunk_mb")
        check(self, "offload", NOT_NEGATIVE, "reserve_seconds")


def agree(made: Any, wanted: Any) -> bool:
    """Whether settings that were recorded are those wanted; newer ones may have come since."""
    if isinstance(made, Mapping):
        return all(key in wanted and agree(value, wanted[key]) for key, value in made.items())
    return bool(made == wanted)
