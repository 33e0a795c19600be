"""The models of a run, opened by the names that `pipeline.lm.sources` gives them.

The library of a family is loaded when a model of it is opened: torch and numba take seconds.
"""

import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.rnn.architecture import CARD
from pipeline.lm.sources import KENLM, NETWORK, NGRAM, kenlm_source, parsed
from pipeline.lm.text import MANIFEST, PARTS, VOCABULARY, PreparedText
from pipeline.lm.vocabulary import Vocabulary

INDEX, BASELINE = "index.npy", "baseline.json"


def kenlm_file(order: int) -> str:
    """The file of one KenLM model in its corpus's folder of them."""
    return f"kenlm-{order}.binary"


if TYPE_CHECKING:
    from pipeline.lm.ngram.suffix_index import SuffixIndex


@dataclass(frozen=True)
class OpenModel:
    """A model and the vocabulary it speaks."""

    model: LanguageModel
    vocabulary: Vocabulary


def open_network(folder: Path) -> OpenModel:
    """A trained network from its folder."""
    from pipeline.lm.rnn.checkpoint import load_network
    from pipeline.lm.rnn.language_model import RecurrentLM

    network, vocabulary = load_network(folder), Vocabulary.load(folder / VOCABULARY)
    if vocabulary.size != network.size:
        raise InputError(f"{folder / VOCABULARY} is not that of the network: train again")
    return OpenModel(RecurrentLM(network), vocabulary)


def trained_folder(config: DictConfig, run: str) -> Path:
    """The network of an experiment; InputError if it learnt another text than is prepared now."""
    paths = Paths.of(config)
    folder, prepared = paths.run_model(run), paths.text / params.experiment(config, run).corpus
    if (folder / CARD).exists() and (prepared / MANIFEST).exists():
        text = PreparedText.open(prepared)
        told = {part: text.manifest["parts"][part]["sha256"] for part in PARTS}
        own = Vocabulary.load(folder / VOCABULARY)
        if read_json(folder / CARD).get("data_sha256") != told or own != text.vocabulary:
            raise InputError(
                f"{folder} was trained on another text than {prepared} holds now: train again "
                "(dvc repro), or name that folder to use it as it is"
            )
    return folder


def open_index(paths: Paths, corpus: str) -> tuple["SuffixIndex", PreparedText]:
    """The suffix index of a corpus, with the text it indexes."""
    from pipeline.lm.ngram.suffix_index import SuffixIndex

    text = PreparedText.open(paths.text / corpus)
    path = paths.baseline_models(corpus, NGRAM) / INDEX
    if not path.exists():
        raise InputError(f"{path} is missing: run python -m pipeline.baseline {NGRAM} {corpus}")
    return SuffixIndex.load(path, text.part("train"), text.vocabulary.size), text


def open_kenlm(paths: Paths, corpus: str, order: int) -> OpenModel:
    """One KenLM model of a corpus; InputError if it is not of the text that is prepared now."""
    from pipeline.lm.ngram.kenlm import KenLM

    text = PreparedText.open(paths.text / corpus)
    path = paths.baseline_models(corpus, KENLM) / kenlm_file(order)
    remedy = f"run python -m pipeline.baseline {KENLM} {corpus}"
    if not path.exists():
        raise InputError(f"{path} is missing: {remedy}")
    about = paths.baseline_results(corpus, KENLM) / BASELINE
    told = read_json(about)
    if told.get("data_sha256") != text.digest("train"):
        raise InputError(f"{path} is of another text than {text.folder} holds now: {remedy}")
    if (kenlm_source(order), path.stat().st_size) not in _sizes(told):
        raise InputError(f"{path} is not the model that {about} tells of: {remedy}")
    return OpenModel(KenLM(path, text.vocabulary.size), text.vocabulary)


def _sizes(told: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Name and bytes of each model in baseline.json."""
    return [(row.get("model"), row.get("bytes")) for row in told.get("models", [])]


def config_of(arguments: Namespace) -> DictConfig:
    """The configuration that options name, or else the first that has the model asked for."""
    if arguments.params or arguments.scale:
        return params.load(params.params_file(arguments))
    configs = {scale: params.load(path) for scale, path in params.PARAMS_FILES.items()}
    for scale, config in configs.items():
        if _is_there(config, arguments.run, arguments.model):
            if scale != params.DEFAULT_SCALE:
                print(f"the model of the {scale} scale", file=sys.stderr)
            return config
    return configs[params.DEFAULT_SCALE]


def _is_there(config: DictConfig, run: str, name: str) -> bool:
    """Whether a model of an experiment has been made."""
    family, order = parsed(name)
    experiment = config.experiments.get(run)
    if experiment is None:
        return False
    paths = Paths.of(config)
    files = {NGRAM: INDEX, KENLM: kenlm_file(order)}
    if family in files:
        return (paths.baseline_models(experiment.corpus, family) / files[family]).exists()
    return (paths.run_model(run) / CARD).exists()


def open_model(config: DictConfig, run: str, name: str) -> OpenModel:
    """A model of `run`: an experiment, or the folder of a training made by hand."""
    family, order = parsed(name)
    paths = Paths.of(config)
    folder = Path(run)
    if (folder / CARD).exists():
        if family != NETWORK:
            raise InputError(f"{run} holds a network only: use an experiment's name for {name}")
        return open_network(folder)
    corpus = params.experiment(config, run).corpus
    if family == NGRAM:
        index, text = open_index(paths, corpus)
        return OpenModel(index.ngram(order), text.vocabulary)
    if family == KENLM:
        orders = params.baseline(config, corpus).kenlm_orders
        if order not in orders:
            raise InputError(f"no {name} of {corpus}: its orders are {', '.join(map(str, orders))}")
        return open_kenlm(paths, corpus, order)
    return open_network(trained_folder(config, run))
