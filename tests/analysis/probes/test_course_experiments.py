"""Each small experiment of the course: what it measures is what it says, on toy inputs."""

import math
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from analysis.probes.course import (
    both_ways,
    classes,
    clipping,
    descent,
    diagram,
    gist,
    inductive,
    memory,
    optimisers,
    powers,
    states,
)
from analysis.probes.course.examples import SILENT
from analysis.probes.course.experiments import EXPERIMENTS, Course
from analysis.report.course_sections import FIGURES, WORDS
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.rnn.numpy_rnn import NumpyRNN, Parameters
from tests.conftest import ROOT

NAMES = {
    "female": "Anna\nClara\nEva\nHanna\nIda\nMaria\nSara\nEmma\nAlex\nJulia\nOlivia\nNora\n",
    "male": "Bob\nDan\nFritz\nGerd\nJan\nPeter\nMax\nErik\nAlex\nJohn\nOtto\nPaul\n",
}


@pytest.fixture(scope="module")
def course() -> Course:
    """The settings of the laptop scale."""
    return params.view(Course, params.load(ROOT / params.PARAMS_FILES["laptop"]).course, "course")


@pytest.fixture
def folder(tmp_path):
    """Names as they are fetched."""
    with zipfile.ZipFile(tmp_path / classes.ARCHIVE, "w") as archive:
        for name, lines in NAMES.items():
            archive.writestr(f"names/{name}.txt", lines)
    return tmp_path


def found(rows, metric: str, setting: str) -> float:
    (value,) = {row.value for row in rows if (row.metric, row.setting) == (metric, setting)}
    return value


def test_every_experiment_has_settings_words_and_a_figure(course):
    assert list(EXPERIMENTS) == [name for name in vars(course) if hasattr(course, name)
                                 and not isinstance(getattr(course, name), str)]  # fmt: skip
    assert set(WORDS) == set(FIGURES) == set(EXPERIMENTS)


def test_an_update_of_the_diagram_goes_down_the_loss(course):
    p = Parameters.random(4, 3, 1.0, seed=5)
    nats, gradient = diagram.loss_and_gradient(p)
    hidden, scores = diagram.read(p)
    assert hidden.shape == (4, 3)
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert nats == pytest.approx(-np.log(probabilities[range(4), diagram.TARGETS]).mean())
    assert diagram.loss_and_gradient(diagram.nudged(p, gradient, 0.1))[0] < nats
    blind = diagram.random_direction(gradient, np.random.default_rng(1))
    lengths = [sum((a**2).sum() for a in vars(way).values()) for way in (gradient, blind)]
    assert lengths[0] == pytest.approx(lengths[1])
    raised = replace(p, y=p.y + np.eye(4)[1])  # the score of e alone, which is right once
    moved = diagram.moves(p, raised)
    assert moved["all four right scores rise"] == 0 and moved["right scores that rise"] == 1 / 4
    assert moved["wrong scores that fall"] == 0
    rows = diagram.diagram(1, replace(course.diagram, starts=3, steps=400))
    ends = [found(rows, "nats per symbol", time) for time in (diagram.BEFORE, diagram.END)]
    assert ends[1] < ends[0] / 2


def test_ngrams_of_the_gist_are_witten_and_bells():
    train, test = np.array([0, 1, 0, 1, 0, 2]), np.array([0, 1, 0, 2])
    by_count = np.array([3, 2, 1]) / 6
    unigram = (by_count * 6 + 3 * np.full(3, 1 / 3)) / (6 + 3)
    assert gist.ngram_bits(train, test, 0, 3) == pytest.approx(-np.log2(unigram[test]).mean())
    after_0, after_1 = (np.array([0, 2, 1]) + 2 * unigram) / 5, (np.array([2, 0, 0]) + unigram) / 3
    expected = [after_0[1], after_1[0], after_0[2]]
    assert gist.ngram_bits(train, test, 1, 3) == pytest.approx(-np.log2(expected).mean())


def test_the_gist_is_its_own_recipe():
    """One iteration by the gist's own lines, V = 4."""
    ids = np.array([0, 1, 2, 3, 1, 0])
    p = Parameters.random(4, 5, 2.0, seed=1)  # large, so that clipping counts
    settings = gist.Settings([1], 5, 5, 0.1, 0.05, 2.0, 1, 1, [1], 2, "50M", 5, 5)
    model = NumpyRNN(p)
    _, gradient, _ = model.loss(ids[:, None], model.start(1))
    wanted = []
    for weight, slope in zip(vars(p).values(), vars(gradient).values(), strict=True):
        dparam = np.clip(slope * 5, -0.05, 0.05)
        mem = dparam * dparam
        wanted.append(weight - 0.1 * dparam / np.sqrt(mem + 1e-8))
    curve = gist.train(model, ids, settings)
    for got, right in zip(vars(p).values(), wanted, strict=True):
        np.testing.assert_allclose(got, right)
    assert [at for at, _ in curve] == [1]


def test_the_gist_beside_its_ngrams(course, prose):
    settings = replace(course.gist, iterations=60, record_every=20, hidden=12, kenlm_order=3,
                       kenlm_memory="50M", tests=200, sample_symbols=30)  # fmt: skip
    rows = gist.gist(prose, 1, settings)
    assert len(next(row.text for row in rows if row.metric == "sample")) == 30
    bits = {row.setting: row.value for row in rows if row.metric == "test bits"}
    assert bits["n-gram, context 2"] < bits["n-gram, context 1"] < bits["n-gram, context 0"]
    frequencies = rows[0].floor
    assert bits["n-gram, context 0"] == frequencies > bits["gist"] > bits["Kneser-Ney, context 2"]


def test_descent_learns_and_divergence_is_seen(prose):
    streams = Streams.fit(np.asarray(prose.part("train")), 8, 10)
    size = prose.vocabulary.size

    def run(rate: float, clip_at: float = math.inf) -> np.ndarray:
        torch.manual_seed(1)
        network = RecurrentNetwork(size, "rnn", 1, 16)
        return descent.trained(network, streams, 60, partial(torch.optim.SGD, lr=rate), clip_at)

    assert not descent.diverged(run(1.0), size)
    assert descent.diverged(run(1e4), size) and not descent.diverged(run(1.0, 1.0), size)
    assert np.isnan(run(1e38)).any() and descent.diverged(run(1e38), size)


def test_optimisers_and_clipping_report_every_rate(course, prose):
    small = {"seeds": [1], "hidden": 8, "streams": 4, "window": 8, "steps": 20}
    rows = optimisers.optimisers(prose, 1, replace(course.optimisers, **small, record_every=10))
    assert len({(r.setting, r.at) for r in rows if r.metric == "training nats"}) == 12
    assert [r.at for r in rows if r.setting == "SGD at 1"] == [10, 20]
    rates = {"SGD": [1.0, 1e4]}
    rows = clipping.clipping(prose, 1, replace(course.clipping, **small, rates=rates))
    exploded = {(r.setting, r.at): r.value for r in rows if r.metric == "exploded"}
    assert exploded["RNN, SGD, not clipped", 1e4] == 1 and len(exploded) == 8
    with pytest.raises(InputError, match=r"clipping\.rates has 'Newton'"):
        replace(course.clipping, rates={"Newton": [1.0]})


def test_gradients_are_powers_of_a_diagonal(course):
    weights, slopes = np.diag([0.5, 0.9]), np.ones((40, 7, 2))
    back = powers.norms(weights, slopes, np.random.default_rng(0))
    assert back[-1] / back[-2] == pytest.approx(0.9, rel=1e-6)
    half = powers.norms(weights, slopes / 2, np.random.default_rng(0))
    np.testing.assert_allclose(half * 2.0 ** np.arange(1, 41), back)
    rows = powers.powers(1, replace(course.powers, hidden=40, radii=[0.9, 1.5]))
    growth = {(r.setting, r.at): r.value for r in rows if r.metric == "growth per step"}
    assert growth["linear", 1.5] == pytest.approx(1.5, abs=0.03)
    assert growth["tanh", 1.5] < growth["linear", 1.5] and growth["tanh", 0.9] < 0.9


def test_memory_trains_by_the_memory_tasks_own_code(course):
    tiny = {"hidden": 4, "steps": 2, "batch": 2, "tests": 500, "check_every": 2}
    settings = memory.Settings([1], replace(course.memory.adding, **tiny),
                               replace(course.memory.limit, **tiny))  # fmt: skip
    rows = memory.memory(1, settings)
    assert {(r.claim, r.experiment) for r in rows} == {
        ("V13", "adding: add"), ("V9", "limit: add"), ("V9", "limit: copy")}  # fmt: skip
    assert {r.setting for r in rows if r.claim == "V13"} == {"RNN", "GRU", "LSTM"}
    assert all(r.floor == pytest.approx({"d": 1 / 6, "y": 1 / 12}[r.experiment[-1]], rel=0.2)
               for r in rows)  # fmt: skip


def test_what_is_to_be_counted_and_copied():
    random = np.random.default_rng(0)
    inputs, targets = inductive.counting(3, 2, 4, random)
    assert inputs[:, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert targets[:, 1].tolist() == [SILENT] * 3 + [1, 1, 2]
    inputs, targets = inductive.copying(3, 5, 4, random)
    assert inputs.shape == targets.shape == (6, 5)
    assert torch.equal(inputs[:3], targets[3:]) and (inputs[3] == 4).all()

    class Perfect:
        size = 5

        def start(self, n):
            return None

        def __call__(self, ids, states):
            told = torch.cat([ids[:3], ids[:3]])
            return torch.nn.functional.one_hot(told, 5).float(), states

    assert inductive.share_right(Perfect(), inputs, targets) == 1
    targets[4, 0] = (targets[4, 0] + 1) % 4
    assert inductive.share_right(Perfect(), inputs, targets) == pytest.approx(4 / 5)


def test_short_words_are_copied(course):
    settings = replace(course.inductive, cells=["gru"], hidden=24, steps=150, letters=2,
                       longest={"counting": 2, "copying": 1}, times=2, tests=50)  # fmt: skip
    rows = {(r.experiment, r.at): r for r in inductive.inductive(1, settings)}
    assert rows["copying", 1].value == 1 and rows["copying", 1].floor == 0.5
    assert rows["counting", 2].floor == 0.5 and rows["counting", 3].floor == 0
    assert rows["copying", 2].text == "longer"


def test_names_have_a_class_and_a_name_in_both_lists_none(course, folder):
    names = classes.names_by_class(folder)
    words = ["".join(names.alphabet[k - 1] for k in column if k) for column in names.letters.T]
    assert words == sorted(words) and "alex" not in words and len(words) == 22
    assert names.classes[words.index("paul")] == 1 and names.classes[words.index("sara")] == 0
    assert names.lengths.tolist() == list(map(len, words))
    learnt, unseen = classes.parts(names, 6)
    assert (len(learnt.lengths), len(unseen.lengths)) == (16, 6)
    settings = replace(course.classes, hidden=12, batch=16, steps=60, tests=6)
    network = classes.train(names, 1, settings)
    assert (network(names).argmax(1) == names.classes).float().mean() > 0.9
    (folder / classes.ARCHIVE).write_bytes(b"PK")
    with pytest.raises(InputError, match="no lists of female and male names"):
        classes.names_by_class(folder)


def test_pads_are_no_matter_unless_they_are_read(folder):
    names = classes.names_by_class(folder)
    assert classes.packing_difference(names, 8, bidirectional=False, seed=1) < 1e-12
    assert classes.packing_difference(names, 8, bidirectional=True, seed=1) > 1e-4


def test_states_are_of_the_letters_asked_for(course, folder):
    names = classes.names_by_class(folder)
    torch.manual_seed(1)
    network = classes.Classifier(len(names.alphabet) + 1, 8)
    got = states.states_of(network, names, np.full(len(names.lengths), 2))
    _, (h, _) = network.layer(network.one_hot(names.letters[:2]))
    np.testing.assert_allclose(got, h[0].detach().numpy(), atol=1e-6)
    line = np.array([[0.0], [1], [10], [11]])
    near = states.neighbours(line, 1)
    assert states.alike(np.array([0, 0, 1, 1]), near) == 1
    assert states.alike(np.array([0, 1, 0, 0]), near) == 0.5
    settings = states.Settings(
        [1], replace(course.classes, hidden=8, batch=8, steps=5), 20, 3, 4.0, 5
    )
    rows = states.states(names, 1, settings)
    assert {r.text.split()[0] for r in rows if r.metric == "across"} == set(classes.CLASSES)
    assert sum(r.metric.startswith("neighbours") for r in rows) == 6


def test_tags_count_the_letters_still_to_come():
    text = "a cat, abcdef" + " " + "ab"
    ids = np.array([[" ,abcdeft".index(symbol)] for symbol in text])
    is_letter = np.array([False, False] + [True] * 7)
    tags = both_ways.to_come(ids, is_letter, most=3)[:, 0].tolist()
    cut = SILENT
    assert tags == [0, cut, 2, 1, 0, cut, cut, 3, 3, 3, 2, 1, 0, cut, cut, cut]


def test_who_reads_both_ways_tags_better(course, prose):
    settings = replace(course.both_ways, hidden=24, piece=24, examples=400, tests=100, batch=32,
                       steps=100)  # fmt: skip
    forward, both = both_ways.both_ways(prose, 1, settings)
    assert both.value > forward.value + 0.1
    assert 0 < both.floor < 0.5 and entropy([both.floor, 1 - both.floor]) > 0
