"""What goes on inside networks: gates, errors, loops, evolution."""

import re
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from analysis.measure import error_kinds as errors
from analysis.measure import evolution, gates, loops
from pipeline import runs
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import write_json
from pipeline.lm.rnn.activations import GATES
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.samples import EVOLUTION, as_words, read_evolution
from pipeline.lm.scoring import windows
from pipeline.runs import Run
from tests.conftest import ROOT, random_ids, small_network
from tests.lm.test_activations import activations
from tests.prepared_texts import corpus_of, prepared

GATE_SETTINGS = gates.Settings(symbols=400, streams=4, context=10, left=0.1, right=0.9)
ERROR_SETTINGS = errors.Settings(
    symbols=1000, threshold=0.5, near=0.4, oracle_context=9, memory=[5, 50], rare=[0, 2]
)


def test_gates_forced_open_and_shut_are_saturated():
    network = RecurrentNetwork(5, "lstm", layers=2, hidden=3)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    network.layers[0].bias_ih_l0.data[3:6] = torch.tensor([5.0, -5.0, 0.0])  # forget gates
    ids = random_ids(5, 40).reshape(20, 2)
    rows = gates.saturation(network, ids, GATE_SETTINGS)
    first = [r for r in rows if r["layer"] == 1 and r["gate"] == "f"]
    assert [(r["left"], r["right"]) for r in first] == [(0, 20), (20, 0), (0, 0)]
    assert {r["symbols"] for r in rows} == {(20 - 10) * 2}
    assert sum(r["left"] + r["right"] for r in rows) == 40


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_saturations_are_counted_from_the_activations(cell):
    network = small_network(6, cell)
    network.initialise("uniform", 4.0, 1.0)
    ids = random_ids(6, 600)
    counted = gates.saturation(network, ids[:, None], GATE_SETTINGS)
    layers = activations(network, ids)
    for row in counted:
        values = getattr(layers[row["layer"] - 1], row["gate"])[10:, row["unit"]]
        assert row["left"] == (values < 0.1).sum() and row["right"] == (values > 0.9).sum()
    assert len(counted) == 2 * len(GATES[cell]) * network.hidden
    assert any(0 < row["left"] < row["symbols"] for row in counted)


@pytest.mark.parametrize("start", ["uniform", "scaled", "frequencies"])
def test_the_untrained_network_is_that_of_the_training(prose, tmp_path, start):
    experiment = params.experiment(OmegaConf.load(ROOT / "scales/laptop/params.yaml"), "names")
    experiment.model.hidden, experiment.train.initialisation = 8, start
    trainer, _ = Run(experiment, prose, tmp_path).trainer()
    untrained = runs.initial_network(experiment, prose).state_dict()
    for name, weights in trainer.network.weights().items():
        torch.testing.assert_close(untrained[name], weights.cpu())


def named_kinds(text: bytes, counts: dict[bytes, int], oracle: set[int] = frozenset()) -> list[str]:
    names = errors.kind_names(ERROR_SETTINGS)
    right = np.isin(np.arange(len(text)), list(oracle))
    known = Counter({word.decode(): n for word, n in counts.items()})
    found = np.where(right, 0, errors.kinds(text.decode("latin-1"), known, ERROR_SETTINGS))
    return [names[k] for k in found]


def test_errors_are_peeled_in_order():
    known = {b"Mary": 9, b"and": 9, b"then": 1}
    found = named_kinds(b"Mary and, Mary zzz then", known, oracle={1, 20})
    assert found[:5] == ["word start", "n-gram", "rest", "rest", "white space"]
    assert found[5:10] == ["word start", "rest", "rest", "punctuation", "white space"]
    assert found[10:14] == ["word start", *["memory 50"] * 3]  # 10 bytes back
    assert found[15:18] == ["rare 0"] * 3
    assert found[19:] == ["rare 2", "n-gram", "rare 2", "rare 2"]


WORDY = st.lists(st.sampled_from([b"a", b"ab", b"abc", b"b_1", b" ", b", ", b"\n"]), max_size=60)


@given(WORDY.map(b"".join), st.data())
def test_memory_and_rarity_agree_with_a_plain_search(text, data):
    known = {word: data.draw(st.integers(0, 4)) for word in (b"a", b"ab", b"abc")}
    found = named_kinds(text, known)
    assert len(found) == len(text)
    for match in re.finditer(rb"\w+", text):
        start, stop = match.span()
        seen = [n for n in (5, 50) if match[0] in text[max(0, start - n) : start]]
        rare = [n for n in (0, 2) if known.get(match[0], 0) <= n]
        first = f"rare {rare[0]}" if rare else "word start"
        later = f"memory {seen[0]}" if seen else f"rare {rare[0]}" if rare else "rest"
        assert found[start:stop] == [first] + [later] * (stop - start - 1)


@pytest.mark.parametrize(
    ("unit", "text", "kinds"),
    [
        (
            "characters",
            "да。 ",
            {"д": "word start", "а": "rest", "。": "punctuation", " ": "white space"},
        ),
        ("words", "да нет, ", {"да": "word start", " нет": "word start", ",": "punctuation"}),
    ],
)
def test_symbols_of_any_kind_have_kinds(tmp_path, unit, text, kinds):
    """Characters by Unicode's letters; a word by its first letter, whatever stands before it."""
    (tmp_path / "own.txt").write_text((text * 9 + "\n") * 40)
    own = prepared(corpus_of(tmp_path / "own.txt", symbols=unit), tmp_path)
    part = np.asarray(own.part("test"))
    settings = replace(ERROR_SETTINGS, memory=[1], rare=[0])
    found = errors.kinds_of(own, part, settings)
    symbols = [
        own.vocabulary.decode(part[i : i + 1]).decode("utf-8", "replace") for i in range(len(part))
    ]
    named = [errors.kind_names(settings)[kind] for kind in found]
    assert len(found) == len(part)
    seen = set(zip(symbols, named, strict=True))
    assert {(s, k) for s, k in seen if s in kinds} == set(kinds.items())


def test_error_rows_count_errors_and_near_misses():
    probability = np.array([np.nan, 0.9, 0.45, 0.1, 0.5, 0.39, 0.41, np.nan])
    kind = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    spans = windows(8, window=4, context=1)
    rows = errors.error_rows(np.log(probability), kind, spans, ERROR_SETTINGS)
    sums = {
        (row["window"], row["kind"]): (row["symbols"], row["errors"], row["near"])
        for row in rows
        if row["symbols"]
    }
    names = errors.kind_names(ERROR_SETTINGS)
    assert sums == {
        (0, names[0]): (1, 0, 0),
        (0, names[1]): (2, 2, 1),
        (0, names[2]): (1, 0, 0),
        (1, names[2]): (2, 2, 1),
    }


def test_the_oracle_is_right_where_any_model_is():
    first, second = np.log([[0.6, 0.1, np.nan, 0.5], [0.2, 0.2, np.nan, 0.1]])
    assert errors.oracle([first, second], 4, 0.5).tolist() == [True, False, False, True]
    assert not errors.oracle([], 3, 0.5).any()


def test_loops_are_found_at_the_end_of_streams():
    settings = loops.Settings(repeats=3, span=30)
    varied = np.random.default_rng(0).integers(97, 122, 200).astype(np.uint8).tobytes()
    rows = loops.loop_rows("x", [varied + b"the RNN " * 20, varied], settings)
    assert [row["period"] for row in rows] == [8, 0]
    assert rows[0]["start"] <= 200 and rows[1]["start"] == rows[1]["symbols"] == 200


def test_a_text_without_spaces_is_one_long_word():
    measure = evolution.word_length(b"x" * 50)
    assert (measure.events, measure.exposure) == (50, 1)
    assert evolution.word_length(b"to be\nor not").events == 9


def test_a_run_without_samples_is_one_clear_error(tmp_path):
    (tmp_path / EVOLUTION).write_text("{}")
    with pytest.raises(InputError, match="sample_iterations"):
        read_evolution(tmp_path / EVOLUTION)


def test_samples_by_iteration_are_read_in_order_byte_for_byte(tmp_path):
    texts = [b"a\n\xff", b"", "é".encode()]
    write_json(tmp_path / EVOLUTION, {"20": list(map(as_words, texts)), "3": ["x"]})
    assert list(read_evolution(tmp_path / EVOLUTION).items()) == [(3, [b"x"]), (20, texts)]


def test_settings_are_those_of_conf():
    for path in ("params.yaml", "scales/laptop/params.yaml"):
        inside = OmegaConf.load(ROOT / path).inside
        for module, node in ((gates, inside.gates), (errors, inside.errors), (loops, inside.loops)):
            assert asdict(params.view(module.Settings, node, "x")) == OmegaConf.to_container(node)
