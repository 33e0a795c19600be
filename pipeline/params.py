"""Typed views of a composed params file: the only way settings reach the code."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from pipeline.lm.errors import InputError

CORPORA = Path("conf/corpus")
PARAMS_FILES = {"full": Path("params.yaml"), "laptop": Path("scales/laptop/params.yaml")}


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)


@dataclass
class Model:
    """The architecture: `layers` of `hidden` units (H) of one kind of cell."""

    cell: str
    layers: int
    hidden: int
    dropout: float

    def __post_init__(self) -> None:
        _require(
            self.cell in ("lstm", "gru", "rnn"),
            f"model.cell is {self.cell!r}: use lstm, gru or rnn",
        )
        _require(1 <= self.layers <= 8, f"model.layers is {self.layers}: use 1 to 8")
        _require(self.hidden >= 1, f"model.hidden is {self.hidden}: use 1 or more")
        _require(0 <= self.dropout < 1, f"model.dropout is {self.dropout}: use 0 or more, below 1")


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
        choices = {
            "optimizer": ("rmsprop", "adam"),
            "schedule": ("epoch_decay", "cosine"),
            "clip": ("value", "norm"),
            "initialisation": ("uniform", "scaled"),
            "precision": ("auto", "float32", "bfloat16", "float16"),
            "keep": ("best", "last"),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            _require(value in allowed, f"train.{name} is {value!r}: use {' or '.join(allowed)}")
        for name in ("learning_rate", "clip_at", "batch", "bptt", "epochs", "evaluations"):
            value = getattr(self, name)
            _require(value > 0, f"train.{name} is {value}: use a positive number")
        _require(self.warm_up >= 0, f"train.warm_up is {self.warm_up}: use 0 or more")


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
        _require(all(t > 0 for t in self.temperatures), "sample.temperatures must all be above 0")
        for name in ("symbols", "streams", "prime", "greedy_symbols"):
            _require(getattr(self, name) > 0, f"sample.{name} must be positive")


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


@dataclass
class Sweep:
    """Variants of the experiment `of`, on the text of `corpus`: `set` what else differs in all of
    them, `grid` the values of each setting that varies, by dotted keys."""

    title: str
    of: str
    corpus: str
    set: dict[str, Any]
    grid: dict[str, list[Any]]


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
        _require(
            all(1 <= n <= 100 for n in self.ngram_orders), "baseline.ngram_orders: use 1 to 100"
        )
        _require(all(1 <= n <= 20 for n in self.kenlm_orders), "baseline.kenlm_orders: use 1 to 20")


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


T = TypeVar("T")


def add_scale_options(parser: ArgumentParser) -> None:
    """--scale for people, --params for the DAG."""
    parser.add_argument("--scale", choices=list(PARAMS_FILES), default="full")
    parser.add_argument("--params", type=Path, help="a params file instead of a scale's")


def params_file(arguments: Namespace) -> Path:
    """The params file that the options of `add_scale_options` name."""
    return arguments.params or PARAMS_FILES[arguments.scale]


def load_yaml(path: Path) -> Any:
    """A YAML file; InputError if it is missing or is not one."""
    try:
        return OmegaConf.load(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: run python -m pipeline.compose") from error
    except (YAMLError, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        remedy = "run python -m pipeline.compose"
        raise InputError(f"{path} is not YAML ({reason}): {remedy}") from error


def load(path: Path) -> DictConfig:
    """A composed params file; InputError if it is missing or is not one."""
    config = load_yaml(path)
    if not isinstance(config, DictConfig) or "scale" not in config:
        raise InputError(f"{path} is not a params file: run python -m pipeline.compose")
    return config


def select(config: DictConfig, section: str, name: str) -> DictConfig:
    """`config.<section>.<name>`; InputError lists what there is."""
    return _entry(config.get(section) or {}, section, name)


def corpus(config: DictConfig, name: str) -> DictConfig:
    """The description of a corpus; InputError lists what there is."""
    return _entry(corpora(config), "corpora", name)


def _entry(entries: Any, section: str, name: str) -> DictConfig:
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
    try:
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), node))  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{where}: {reason} (key {error.full_key or '?'})") from error
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
