"""What tests share: the mirror, small prepared texts, small models of all three families."""

import os
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, settings
from omegaconf import DictConfig, OmegaConf

from pipeline.lm.io.files import file_sha256, write_json
from pipeline.lm.rnn.checkpoint import save_network
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.text import PARTS, PreparedText
from pipeline.lm.vocabulary import Vocabulary
from tests import network

ROOT = Path(__file__).parent.parent
PROSE = (
    b"All happy families are alike; every unhappy family is unhappy in its own way. "
    b"(Everything was in confusion in the house.) The wife had discovered that the husband was "
    b"carrying on with a French girl, and she had announced that she could not go on living "
    b"in the same house with him.\n"
) * 12


def pytest_configure() -> None:
    """Before any test. None is held against the clock: the machine may be busy."""
    network.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("any machine", slow)
    settings.load_profile("any machine")


LONGEST = ("test_dag.py", "test_faults.py")
"""Files that take minutes: begun first, so that two workers end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which files are given out."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The mirror of the corpora."""
    folder = os.environ.get("CORPORA_MIRROR")
    if not folder:
        pytest.skip("CORPORA_MIRROR is not set: no mirror of the corpora to test with")
    return Path(folder)


def prepare(
    folder: Path, text: bytes, vocabulary_of: Callable[[bytes], Vocabulary] = Vocabulary.of
) -> PreparedText:
    """Write a text as `preprocess` would, split 8 : 1 : 1."""
    folder.mkdir(parents=True)
    edges = [0, len(text) * 8 // 10, len(text) * 9 // 10, len(text)]
    slices = [text[a:b] for a, b in pairwise(edges)]
    vocabulary = vocabulary_of(slices[0])
    vocabulary.save(folder / "vocabulary.json")
    ids = dict(zip(PARTS, map(vocabulary.encode, slices), strict=True))
    for part, symbols in ids.items():
        (folder / f"{part}.bin").write_bytes(symbols.tobytes())
    parts = {
        part: {"symbols": len(symbols), "sha256": file_sha256(folder / f"{part}.bin")}
        for part, symbols in ids.items()
    }
    write_json(folder / "manifest.json", {"vocabulary": vocabulary.size, "parts": parts})
    rows = [f"{part}\tall\t0\t{len(symbols)}\n" for part, symbols in ids.items()]
    (folder / "documents.tsv").write_text("part\tname\tstart\tstop\n" + "".join(rows))
    return PreparedText.open(folder)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a table of results, as stages do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False)


def card(experiment: DictConfig) -> dict[str, Any]:
    """What train.json tells of a training of an experiment, made up."""
    return {
        "experiment": OmegaConf.to_container(experiment), "parameters": 1, "vocabulary": 96,
        "steps": 1, "symbols_per_step": 1, "device": "CPU, 1 threads", "precision": "float32",
    }  # fmt: skip


@pytest.fixture
def prose(tmp_path: Path) -> PreparedText:
    """A small prepared text."""
    return prepare(tmp_path / "prose", PROSE)


def small_network(size: int, cell: str = "lstm", layers: int = 2) -> RecurrentNetwork:
    """An untrained network with weights large enough to matter."""
    torch.manual_seed(0)
    network = RecurrentNetwork(size, cell, layers, hidden=12)
    network.initialise("uniform", 0.5, 1.0)
    return network


def prepare_model(base: Path) -> None:
    """In a folder: a network as training saves it (`model`), its prepared text (`text`), and a file
    to score (`some.txt`)."""
    text = prepare(base / "text", PROSE)
    save_network(base / "model", small_network(text.vocabulary.size), {})
    text.vocabulary.save(base / "model" / "vocabulary.json")
    (base / "some.txt").write_bytes(PROSE[:400])


@pytest.fixture
def network_lm(prose: PreparedText) -> RecurrentLM:
    """A small network behind the protocol."""
    return RecurrentLM(small_network(prose.vocabulary.size))


def random_ids(size: int, length: int, seed: int = 0) -> np.ndarray:
    """Random symbols."""
    return np.random.default_rng(seed).integers(size, size=length)
