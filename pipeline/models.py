"""The models of a run by name: `lstm` (the run's network), `ngram:K`, `kenlm:N`."""

import re
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from pipeline import params
from pipeline.lm.checkpoint import CARD, load_network
from pipeline.lm.corpus import VOCABULARY, PreparedText
from pipeline.lm.errors import InputError
from pipeline.lm.kenlm import KenLM
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.recurrent import RecurrentLM
from pipeline.lm.suffix_index import SuffixIndex
from pipeline.lm.vocabulary import Vocabulary
from pipeline.paths import Paths

NAMES = "lstm (or network), ngram:K (K symbols of context), kenlm:N (N - 1 symbols of context)"
INDEX = "index.npy"


def kenlm_file(order: int) -> str:
    """The file of one KenLM model in a corpus's folder of baselines."""
    return f"kenlm-{order}.binary"


def sample_file(source: str) -> str:
    """The file of a baseline's samples (`ngram:4`), or of a network's at a temperature."""
    return f"{source.replace(':', '-')}.jsonl"


def temperature_source(temperature: float) -> str:
    """The name of a network's samples at one temperature, as results call it."""
    return f"temperature:{temperature:g}"


@dataclass(frozen=True)
class OpenModel:
    """A model and the vocabulary it speaks."""

    model: LanguageModel
    vocabulary: Vocabulary


def open_network(folder: Path) -> OpenModel:
    """A trained network from its folder."""
    return OpenModel(RecurrentLM(load_network(folder)), Vocabulary.load(folder / VOCABULARY))


def open_index(paths: Paths, corpus: str) -> tuple[SuffixIndex, PreparedText]:
    """The suffix index of a corpus, with the text it indexes."""
    text = PreparedText.open(paths.text / corpus)
    path = paths.baseline_models(corpus) / INDEX
    if not path.exists():
        raise InputError(f"{path} is missing: run python -m pipeline.baseline {corpus}")
    return SuffixIndex.load(path, text.part("train"), text.vocabulary.size), text


def open_kenlm(paths: Paths, corpus: str, order: int) -> OpenModel:
    """One KenLM model of a corpus."""
    text = PreparedText.open(paths.text / corpus)
    path = paths.baseline_models(corpus) / kenlm_file(order)
    if not path.exists():
        raise InputError(f"{path} is missing: run python -m pipeline.baseline {corpus}")
    return OpenModel(KenLM(path, text.vocabulary.size), text.vocabulary)


def open_model(config: DictConfig, run: str, name: str) -> OpenModel:
    """A model of `run`: an experiment, or the folder of a training made by hand."""
    family, _, order = name.partition(":")
    known = family in ("lstm", "network") and not order
    if not known and not (family in ("ngram", "kenlm") and re.fullmatch("[0-9]+", order)):
        raise InputError(f"no model {name!r}: use {NAMES}")
    paths = Paths.of(config)
    folder = Path(run)
    if (folder / CARD).exists():
        if not known:
            raise InputError(f"{run} holds a network only: use an experiment's name for {name}")
        return open_network(folder)
    corpus = params.experiment(config, run).corpus
    if family == "ngram":
        index, text = open_index(paths, corpus)
        return OpenModel(index.ngram(int(order)), text.vocabulary)
    if family == "kenlm":
        orders = params.baseline(config, corpus).kenlm_orders
        if int(order) not in orders:
            raise InputError(f"no {name} of {corpus}: its orders are {', '.join(map(str, orders))}")
        return open_kenlm(paths, corpus, int(order))
    return open_network(paths.run_model(run))
