"""A composed params file, and typed views of its sections."""

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from pipeline.config.settings import Baseline, Experiment, Measure, Offload, Sweep
from pipeline.lm.io.errors import InputError
from pipeline.terminal import one_line, reason


def _root() -> Path:
    """The folder a command runs in if it has a params file, as where only what travels is; else
    the repository."""
    here = Path("params.yaml")
    if here.is_file() and re.search(r"^scale:", here.read_text(errors="replace"), re.MULTILINE):
        return Path()
    return Path(os.path.relpath(Path(__file__).parents[2]))


ROOT = _root()
"""What the folders of conf/paths are relative to."""
CORPORA = ROOT / "conf" / "corpus"
PARAMS_FILES = {
    "full": ROOT / "params.yaml",
    "laptop": ROOT / "scales" / "laptop" / "params.yaml",
}
DEFAULT_SCALE = "full"
COMPOSE = "run python -m pipeline.compose"
ENGLISH, NO_DICTIONARY = "english", "none"
"""A corpus's dictionary, where it is no path."""

T = TypeVar("T")


def add_scale_options(parser: ArgumentParser, default: str | None = DEFAULT_SCALE) -> None:
    """--scale for people, --params for the DAG."""
    parser.add_argument(
        "--scale",
        choices=list(PARAMS_FILES),
        default=default,
        help=f"without: {default or 'full, or laptop if only that has the model'}",
    )
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


def measure(config: DictConfig, corpus: str | None = None) -> Measure:
    """How results are measured; of a corpus, with its own `dictionary`, empty if it has none."""
    settings = view(Measure, config.measure, "measure")
    named = select(config, "corpora", corpus).get("dictionary") if corpus else None
    if named not in (None, ENGLISH):
        settings.dictionary = "" if named == NO_DICTIONARY else str(named)
    return settings


def offload(config: DictConfig) -> Offload:
    """What is trained on another machine, and how."""
    return view(Offload, config.offload, "offload")
