"""A network reading side by side, what models expect, and what the tables come to."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from analysis.cells.__main__ import CELL_COLUMNS, counts, features_of, shares
from analysis.cells.predictions import Predictions, confidence_rows, predict
from analysis.cells.reading import NothingToReadError, Reading, Settings, cell_values
from pipeline.config import params
from pipeline.config.composition import composed
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.language_model import RecurrentLM
from tests.conftest import random_ids, small_network

SIZE = 9


@pytest.fixture
def reading() -> Reading:
    """103 symbols: 2 streams of 48 after a context of 6."""
    return Reading.of(random_ids(SIZE, 103), symbols=200, streams=2, context=6)


def test_streams_follow_one_another(reading):
    assert len(reading.symbols) == 96 and len(reading.ids) == 103
    joined = [reading.ids[span.start : span.stop] for span in reading.spans]
    np.testing.assert_array_equal(np.concatenate(joined), reading.symbols)
    np.testing.assert_array_equal(reading.following[:-1], reading.symbols[1:])
    assert all(span.start - span.read == 6 for span in reading.spans)
    assert np.bincount(reading.streams_of).tolist() == [48, 48]


def test_a_text_too_short_is_a_clear_error():
    with pytest.raises(NothingToReadError, match="too few for 20 streams"):
        Reading.of(random_ids(SIZE, 30), symbols=100, streams=20, context=1000)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_cells_show_what_the_steps_hold(reading, cell):
    network = small_network(SIZE, cell).eval()
    shown = cell_values(network, reading, 0.01)
    model = RecurrentLM(network)
    for span, expected in zip(reading.spans, np.split(shown, 2), strict=True):
        state = model.start(1)
        for at in range(span.read, span.stop):
            _, state = model.step(state, reading.ids[at : at + 1])
            if at >= span.start:
                held = torch.cat([layer[-1][0, 0] for layer in state]).numpy()
                held = np.tanh(held) if cell == "lstm" else held
                np.testing.assert_allclose(expected[at - span.start], held, atol=0.00501)
    np.testing.assert_allclose(np.rint(shown * 100), shown * 100, atol=1e-4)


def test_expectations_are_those_of_the_model(reading):
    model = RecurrentLM(small_network(SIZE))
    found = predict(model, reading.ids, reading.spans, 4)[reading.counted]
    assert found.symbols.shape == found.probabilities.shape == (96, 4)
    for stream, span in enumerate(reading.spans):
        rows = np.exp(model.log_probs(reading.ids[span.read : span.stop]))[6:]
        mine = slice(48 * stream, 48 * (stream + 1))
        np.testing.assert_allclose(found.probabilities[mine], -np.sort(-rows)[:, :4], atol=1e-5)
        picked = np.take_along_axis(rows, found.symbols[mine], 1)
        np.testing.assert_allclose(picked, found.probabilities[mine], atol=1e-5)
        true = rows[np.arange(48), reading.following[mine]]
        np.testing.assert_allclose(found.true[mine], true, atol=1e-5)


def test_a_symbol_no_model_knows_has_no_probability():
    ids = np.array([0, 1, SIZE, 2, 3, 4])
    reading = Reading.of(ids, symbols=10, streams=1, context=1)
    found = predict(RecurrentLM(small_network(SIZE)), reading.ids, reading.spans, 20)
    assert found.symbols.shape[1] == SIZE
    assert np.isnan(found.true[1]) and np.isfinite(found.true[2:-1]).all()


def test_sureness_is_counted_by_class_and_bucket():
    found = Predictions(
        np.array([[1], [2], [3], [1]]), np.array([[0.95], [0.2], [0.5], [1.0]]), np.ones(4)
    )
    classes = {"all": np.ones(4, bool), "some": np.array([True, False, False, True])}
    following, windows = np.array([1, 0, 3, 0]), np.array([0, 0, 1, 1])
    rows = pd.DataFrame(confidence_rows(found, following, windows, classes, [0, 0.5, 0.9]))
    every = rows[rows["class"] == "all"]
    assert every[["window", "least", "symbols", "right"]].to_numpy().tolist() == [
        [0, 0.0, 1, 0], [0, 0.9, 1, 1], [1, 0.5, 1, 1], [1, 0.9, 1, 0]
    ]  # fmt: skip
    some = rows[rows["class"] == "some"]
    assert some["symbols"].sum() == 2 and some["probability"].sum() == pytest.approx(1.95)


def test_shares_tell_what_is_learnt_from_what_was_there():
    rows = [
        # network, cell, feature, fit, report: both follow www, one cell has learnt quotes
        ("trained", 1, "www", 0.9, 0.9), ("trained", 1, "quotes", 0.1, 0.1),
        ("trained", 2, "www", 0.1, 0.1), ("trained", 2, "quotes", -0.9, -0.85),
        ("trained", 3, "www", 0.9, -0.9), ("trained", 3, "quotes", 0.7, 0.9),
        ("untrained", 1, "www", 0.95, 0.95), ("untrained", 1, "quotes", 0.2, 0.2),
        ("untrained", 2, "www", 0.1, 0.1), ("untrained", 2, "quotes", 0.1, 0.1),
        ("untrained", 3, "www", 0.1, 0.1), ("untrained", 3, "quotes", 0.1, 0.1),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["network", "cell", "feature", "fit", "report"])
    table = table.assign(layer=1, threshold=0.15)[CELL_COLUMNS]
    assert counts(table, 0.8)["trained"] == {
        "www": {"interpretable": 1, "above_threshold": 1},
        "quotes": {"interpretable": 1, "above_threshold": 2},
    }
    full = {"trained": np.array([True, True, False]), "untrained": np.zeros(3, bool)}
    found = shares(table, full, 0.8, resamples=100, seed=1, level=0.95)
    estimates = {
        name: {what: round(share["estimate"] * 3) for what, share in of.items()}
        for name, of in found.items()
    }
    assert estimates == {
        "trained": {"interpretable": 2, "learned": 1, "above_threshold": 3, "saturated": 2},
        "untrained": {"interpretable": 1, "learned": 0, "above_threshold": 1, "saturated": 0},
    }


def test_a_text_without_features_is_a_clear_error(prose):
    config = OmegaConf.create(composed("full"))
    settings = params.view(Settings, config.cells, "cells")
    reading = Reading.of(prose.part("test"), symbols=200, streams=2, context=6)
    with pytest.raises(NothingToReadError, match="use a longer text"):
        features_of(prose, reading, "prose", replace(settings, least_occurrences=1000))
    with pytest.raises(InputError, match="no list for texts of kind verse"):
        features_of(prose, reading, "verse", settings)
    present, seen = features_of(prose, reading, "prose", replace(settings, least_occurrences=1))
    assert "word start" in present and "after a space" in present and "www" not in present
    assert seen["www"] == 0 and all(len(v) == len(reading.symbols) for v in present.values())
