"""Canaries: planted as often as is said, recited by what has counted them."""

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from analysis.probes import canaries
from pipeline.config import params
from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.ngram.suffix_index import SuffixIndex
from tests.conftest import PROSE, ROOT, prepare


@pytest.fixture
def config(tmp_path):
    """The laptop's, with a text of a few kilobytes and a network of a few units."""
    config = load(ROOT / PARAMS_FILES["laptop"])
    for name in ("results", "text"):
        config.paths[name] = str(tmp_path / name)
    small = {"corpus": "prose", "hidden": 8, "layers": 1, "times": [0, 1, 5], "strings": 3,
             "prime": 20, "train": {"epochs": 1, "batch": 8, "bptt": 16}}  # fmt: skip
    config.inside.canaries = OmegaConf.merge(config.inside.canaries, small)
    prepare(tmp_path / "text/prose", PROSE)
    return config


def test_strings_stand_as_often_as_planted(config, prose):
    settings = params.view(canaries.Settings, config.inside.canaries, "canaries")
    strings = canaries.canaries(prose, settings)
    assert strings.shape == (9, 40) and len(np.unique(strings, axis=0)) == 9
    ids = np.asarray(prose.part("train"))
    text = canaries.planted(ids, strings, np.repeat([0, 1, 5], 3), 1).tobytes()
    assert [text.count(string.astype(ids.dtype).tobytes()) for string in strings] == [0] * 3 + [
        1
    ] * 3 + [5] * 3
    for string in strings:
        text = text.replace(string.astype(ids.dtype).tobytes(), b"")
    assert text == ids.tobytes()


def test_a_long_context_recites_what_stood_once_and_nothing_else(config, tmp_path):
    canaries.measure_canaries(config)
    table = pd.read_csv(tmp_path / "results/canaries.tsv", sep="\t")
    assert len(table) == 9 * (1 + len(config.inside.canaries.ngram_orders))
    recited = table.groupby(["model", "times"])["recited"].mean()
    assert list(recited["ngram:20"]) == [0, 1, 1]
    assert list(recited["ngram:2"]) == [0, 0, 0]
    assert list(recited["network"]) == [0, 0, 0]
    assert (table[table["recited"] == 1]["right"] == 20).all()


def test_recitals_are_of_the_second_half(prose):
    strings = np.tile(np.asarray(prose.part("train"))[:40], (2, 1))
    model = SuffixIndex.build(prose.part("train")[:2000], prose.vocabulary.size).ngram(19)
    rows = canaries.recitals(model, strings, strings[0][:5], np.array([1, 2]))
    assert [row["right"] for row in rows] == [20, 20] and rows[1]["times"] == 2
