"""The small course experiments: their data, their floors, and each on a toy text."""

import argparse
import calendar
import io
import math
import tokenize
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.claims.evidence.course import course_best, course_largest, course_lead, course_mean
from analysis.probes.course import examples
from analysis.probes.course.by_hand import as_network, by_hand, gradient_differences
from analysis.probes.course.examples import BLANK, SILENT, Data, Examples, bracket_depth, spread
from analysis.probes.course.experiments import Course
from analysis.probes.course.hello import WITH_STATE, WITHOUT_STATE, learnt, memoryless_bound
from analysis.probes.course.settings import Observation, Task
from analysis.probes.course.shapes import (
    accuracy,
    ends_as_asked,
    most_frequent,
    shapes,
    wholly_right,
)
from analysis.results.reader import NotRunError, Results
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.tables import write_table
from pipeline.lm.rnn.numpy_rnn import NumpyRNN, Parameters
from pipeline.lm.text import PreparedText
from tests.conftest import ROOT, prepare, random_ids

NAMES = b"Anna\nBob\nClara\nDan\nEva\nFritz\nGerd\nHanna\nIda\nJan\n" * 20
CODE = b"def f(a, (b, c)):\n    return [a, '(']  # )\n" * 40
TASK = Task(cell="gru", examples=400, tests=40, hidden=16, steps=150)


@pytest.fixture
def course() -> Course:
    """The settings, as composed."""
    return params.view(Course, params.load(ROOT / params.PARAMS_FILES["laptop"]).course, "course")


def final(rows: list[Observation], metric: str, setting: str) -> Observation:
    return [row for row in rows if (row.metric, row.setting) == (metric, setting)][-1]


def test_hello_is_learnt_with_state_and_never_without(course):
    settings = course.hello
    settings.train.epochs, settings.train.evaluations = 250, 2
    with_state = learnt(WITH_STATE, 1, settings)[-1]
    without = learnt(WITHOUT_STATE, 1, settings)[-1]
    assert with_state.value < 0.01
    assert without.floor == pytest.approx(math.log(2) / 2)
    assert without.floor <= without.value < without.floor + 0.01


@given(st.text("abc", min_size=2, max_size=12))
def test_the_memoryless_bound_is_what_the_best_table_reaches(word):
    table = np.zeros((3, 3))
    pairs = [("abc".index(a), "abc".index(b)) for a, b in pairwise(word)]
    for pair in pairs:
        table[pair] += 1
    with np.errstate(invalid="ignore"):
        table /= table.sum(1, keepdims=True)
    best = -np.mean([math.log(table[pair]) for pair in pairs])
    assert memoryless_bound(word) == pytest.approx(best, abs=1e-12)


def test_numpy_trains_as_pytorch_does(course, prose):
    settings = replace(course.by_hand, hidden=12, streams=4, steps=20, record_every=10)
    rows = by_hand(prose, 1, settings)
    for row in rows:
        if row.metric == "gradient difference":
            assert row.value < 1e-12 < row.floor < 1e-3
    assert final(rows, "loss difference", "NumPy").value < 1e-12
    assert [row.at for row in rows if row.metric == "training loss"] == [10, 20, 10, 20]


def test_a_wrong_gradient_is_seen(monkeypatch):
    right = NumpyRNN.loss

    def wrong(self, ids, state):
        nats, gradient, state = right(self, ids, state)
        gradient.hh[0, 0] += 1e-3 * np.abs(gradient.hh).max()
        return nats, gradient, state

    model = NumpyRNN(Parameters.random(5, 6, 0.3, seed=1))
    ids = random_ids(5, 33).reshape(11, 3)
    assert gradient_differences(model, ids)[0] < 1e-12
    monkeypatch.setattr(NumpyRNN, "loss", wrong)
    assert gradient_differences(model, ids)[0] == pytest.approx(1e-3, rel=0.01)
    assert as_network(model.parameters).size == 5


@given(st.integers(1, 300), st.integers(1, 300))
def test_spread_places_are_inside_and_as_many_as_asked(length, count):
    places = spread(length, count)
    assert len(places) == min(length, count)
    assert places.min() >= 0 and places.max() < length


def test_too_short_a_text_is_refused(prose):
    with pytest.raises(InputError, match="use a longer one"):
        examples.many_to_one(prose, 100_000, TASK)


def columns_of(data: Data, decode) -> list[tuple[bytes, bytes]]:
    """Each training example as what is read and what is told."""
    pairs = []
    for given_, told in zip(data.train.inputs.T, data.train.targets.T, strict=True):
        pairs.append((decode(given_[given_ != BLANK]), decode(told[told != SILENT])))
    return pairs


def test_names_are_asked_for_by_their_last_letter(tmp_path):
    text = prepare(tmp_path / "names", NAMES)
    data = examples.one_to_many(text, TASK)
    for read, told in columns_of(data, text.vocabulary.decode):
        assert told.endswith(b"\n") and read.rstrip(b"\n") == told[-2:-1] + told[:-1]


def test_half_of_the_pieces_run_backwards(prose):
    data = examples.many_to_one(prose, 7, TASK)
    text = prose.vocabulary.decode(prose.part("train"))
    size = prose.vocabulary.size
    for piece, label in zip(data.train.inputs.T, data.train.targets[-1], strict=True):
        forwards = prose.vocabulary.decode(piece if label == size else piece[::-1])
        assert forwards in text
    assert abs((data.train.targets[-1] == size).mean() - 0.5) < 0.01
    assert (data.train.targets[:-1] == SILENT).all()


def test_dates_are_those_of_the_calendar_and_none_is_learnt_and_tested():
    data = examples.many_to_many([2015, 2016], replace(TASK, examples=1000, tests=100))
    assert data.train.inputs.shape[1] == 365 + 366 - 100
    read = {tuple(column[: data.given]) for column in data.train.inputs.T}
    assert not read & {tuple(column[: data.given]) for column in data.test.inputs.T}
    assert (data.train.targets[: data.given - 1] == SILENT).all()
    assert (data.train.targets[data.given - 1] != SILENT).all()


def depth_by_tokenize(source: bytes) -> np.ndarray:
    """The reference: the interpreter's own tokens."""
    starts = np.cumsum([0, *map(len, source.splitlines(keepends=True))])
    steps = np.zeros(len(source), int)
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.OP and token.string in "()[]{}":
            row, column = token.start
            steps[starts[row - 1] + column] = 1 if token.string in "([{" else -1
    return steps.cumsum()


@pytest.mark.parametrize("module", [io, tokenize, argparse], ids=lambda m: m.__name__)
def test_bracket_depth_is_the_interpreters(module):
    source = Path(module.__file__).read_bytes()
    assert source.isascii()  # so that columns are bytes
    np.testing.assert_array_equal(bracket_depth(source)[0], depth_by_tokenize(source))


@given(st.binary(max_size=200))
def test_bracket_depth_of_anything(source):
    depth, hidden = bracket_depth(source)
    assert len(depth) == len(hidden) == len(source) and (depth >= 0).all()


def test_code_pieces_begin_with_a_line_outside_everything(tmp_path):
    text = prepare(tmp_path / "code", CODE)
    data = examples.synced(text, 30, 1, TASK)
    first = text.vocabulary.decode(data.train.inputs[0])
    assert set(first) == set(b"d ")  # "def" and the indented return
    told = data.train.targets - text.vocabulary.size
    opened = text.vocabulary.decode(data.train.inputs.T.ravel()).count(b"(")
    assert set(told.ravel()) == {0, 1} and opened


def test_floors_and_figures_by_hand():
    targets = np.array([[SILENT, SILENT, SILENT], [1, 1, 2], [3, SILENT, SILENT]])
    inputs = np.array([[1, 1, 2], [0, 0, 0], [0, BLANK, BLANK]])
    data = Data(4, Examples(inputs, targets), Examples(inputs, targets), given=2, end=3)
    blind = most_frequent(data)
    np.testing.assert_array_equal(blind[:, 0], [BLANK, 1, 3])
    assert accuracy(blind, data.test) == pytest.approx(3 / 4)
    assert wholly_right(blind[1:], data) == pytest.approx(2 / 3)
    written = np.array([[1, 0, 2], [3, 1, 2], [0, 3, 2]])  # the last never ends
    assert ends_as_asked(written, data) == pytest.approx(2 / 3)


TASKS = ["one-to-one", "one-to-many", "many-to-one", "many-to-many", "synced", "dates"]


def test_all_five_shapes_are_measured_and_dates_the_other_way(course, prose):
    build = examples.builders(prose, prose, prose, course.shapes)
    assert list(course.shapes.tasks) == list(build) == TASKS


def test_dates_in_words_are_read_and_told_by_numbers():
    data = examples.many_to_many(
        [2023, 2023], TASK, examples.in_american_words, examples.date.isoformat
    )
    alphabet = sorted({*"".join(calendar.month_name), *", 0123456789-\n"})
    read, told = columns_of(data, lambda ids: "".join(alphabet[k] for k in ids))[0]
    assert read.startswith("   January 2, 2023\n") and told == "2023-01-02\n"  # the first is a test


@pytest.mark.parametrize("name", TASKS[:5])  # dates are many-to-many's
def test_every_shape_is_learnt_a_little(name, course, tmp_path):
    prepare(tmp_path / "prose", b"abcde" * 200)
    prepare(tmp_path / "names", NAMES)
    prepare(tmp_path / "code", CODE)
    settings = replace(course.shapes, tasks={name: TASK}, code_piece=30, learning_rate=0.03)
    texts = [PreparedText.open(tmp_path / kind) for kind in ("prose", "names", "code")]
    rows = shapes(*texts, 1, settings)
    assert rows == shapes(*texts, 1, settings)
    network = final(rows, "accuracy", "network")
    assert network.value > network.floor
    assert all(0 <= row.value <= 1 for row in rows)


def test_unknown_years_are_refused(course):
    with pytest.raises(InputError, match="give the first and the last"):
        replace(course.shapes, years=[2000])


@pytest.fixture
def results(tmp_path) -> Results:
    """A table of three seeds, two settings, two steps."""
    config = params.load(ROOT / params.PARAMS_FILES["laptop"])
    config.paths.results = str(tmp_path)
    rows = [
        Observation("P22", "hello", setting, seed, step, "loss", loss + seed / step, 0.3)
        for setting, loss in (("a", 1.0), ("b", 3.0))
        for seed in (1, 2, 3)
        for step in (10, 20)
    ]
    write_table(
        tmp_path / "course/hello.tsv", [row._asdict() for row in rows], list(Observation._fields)
    )
    return Results.of(config)


def test_evidence_is_of_the_last_step_over_seeds(results):
    assert course_mean(results, "hello", "loss", "a").estimate == pytest.approx(1.1)
    assert course_mean(results, "hello", "loss", "a", column="floor")[:3] == pytest.approx(
        (0.3,) * 3
    )
    difference = course_mean(results, "hello", "loss", "b", less="a")
    assert difference[:3] == pytest.approx((2, 2, 2))
    assert course_largest(results, "hello", "loss", "a").estimate == pytest.approx(1.3)
    assert course_lead(results, "hello", "loss", "a").estimate == pytest.approx(0.8)
    mean = course_mean(results, "hello", "loss", "a")
    assert mean.low < mean.estimate < mean.high


def test_what_no_training_does_is_bounded_by_their_number(results, tmp_path):
    """Five trainings of which none explodes do not show that none does (3 / n)."""
    rows = [
        Observation("V7", "clipping", "free", seed, rate, metric, value, 0.0)
        for seed in range(1, 6)
        for rate, bits in ((0.1, 2.0), (1.0, 3.0))
        for metric, value in (("exploded", float(rate == 1.0)), ("bits", bits))
    ]
    write_table(
        tmp_path / "course/clipping.tsv", [row._asdict() for row in rows], list(Observation._fields)
    )
    never = course_best(results, "clipping", "exploded", "free", "bits")
    assert (never.estimate, never.low) == (0, 0) and never.high == pytest.approx(0.599, abs=1e-3)


@pytest.mark.parametrize(("seeds", "high"), [(5, 0.599), (20, 0.150)])
def test_seeds_that_all_agree_do_not_settle_a_difference(results, tmp_path, seeds, high):
    """One explodes and the other never: the difference is bounded by the number of seeds."""
    rows = [
        Observation("P24", "optimisers", name, seed, 1.0, "diverged", value, 0.0)
        for seed in range(seeds)
        for name, value in (("SGD", 1.0), ("Adam", 0.0))
    ]
    write_table(tmp_path / "course/optimisers.tsv", [row._asdict() for row in rows],
                list(Observation._fields))  # fmt: skip
    found = course_mean(results, "optimisers", "diverged", "Adam", less="SGD", at="all")
    assert (found.estimate, found.low) == (-1, -1)
    assert found.high == pytest.approx(-1 + 2 * high, abs=2e-3)


def test_missing_evidence_says_so(results, tmp_path):
    with pytest.raises(NotRunError, match="no loss of hello, c"):
        course_mean(results, "hello", "loss", "c")
    (tmp_path / "course/hello.tsv").unlink()
    with pytest.raises(NotRunError, match="waits for course"):
        course_largest(results, "hello", "loss", "a")
