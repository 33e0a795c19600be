"""The post's diagram of "hello", with the numbers of a real network (claim P23).

Four inputs, three hidden units, four outputs. The post says that one update makes the score of
each right letter rise and the scores of the others fall. Measured over many starts:

- all four right scores rise, all four right probabilities rise: share of starts; right scores that
  rise, wrong scores that fall: share of the scores. Floor: a step as long in a random direction;
- loss before, after one update, and at the end. Floor: the least that a model without state can
  have.

Shapes: T = 4 steps, H = 3 units, V = 4 letters.
"""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from analysis.probes.course.hello import ALPHABET, WORD, memoryless_bound
from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, POSITIVE_FINITE, SEED, check
from pipeline.config.settings import UNITS
from pipeline.lm.rnn.numpy_rnn import NumpyRNN, Parameters

IDS = np.array([ALPHABET.index(letter) for letter in WORD])
TARGETS = IDS[1:]
BEFORE, AFTER, END = "before", "after one update", "at the end"


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    starts: int
    hidden: int
    scale: float
    learning_rate: float
    steps: int

    def __post_init__(self) -> None:
        check(self, "diagram", SEED, "seeds")
        check(self, "diagram", COUNT, "starts", "steps")
        check(self, "diagram", UNITS, "hidden")
        check(self, "diagram", POSITIVE_FINITE, "scale", "learning_rate")


def read(p: Parameters) -> tuple[NDArray, NDArray]:
    """Hidden states (T, H) and scores (T, V) of a network that reads h, e, l, l."""
    h, states = np.zeros(len(p.h)), []
    for letter in IDS[:-1]:
        h = np.tanh(p.xh[:, letter] + p.hh @ h + p.h)
        states.append(h)
    return np.array(states), np.array(states) @ p.hy.T + p.y


def loss_and_gradient(p: Parameters) -> tuple[float, Parameters]:
    """Mean nats of the four targets, and by back-propagation its gradient."""
    model = NumpyRNN(p)
    nats, gradient, _ = model.loss(IDS[:, None], model.start(1))
    return nats, gradient


def nudged(p: Parameters, direction: Parameters, rate: float) -> Parameters:
    """Every weight moved a little against a direction."""
    pairs = zip(astuple(p), astuple(direction), strict=True)
    return Parameters(*(weight - rate * slope for weight, slope in pairs))


def random_direction(gradient: Parameters, random: np.random.Generator) -> Parameters:
    """One as long as the gradient."""
    drawn = [random.normal(size=slope.shape) for slope in astuple(gradient)]
    lengths = [np.sqrt(sum((a**2).sum() for a in p)) for p in (astuple(gradient), drawn)]
    return Parameters(*(a * lengths[0] / lengths[1] for a in drawn))


def moves(p: Parameters, moved: Parameters) -> dict[str, float]:
    """What an update did to the scores, as 0, 1 or a share."""
    before, after = read(p)[1], read(moved)[1]
    is_right = np.arange(len(ALPHABET)) == TARGETS[:, None]
    rises = after > before
    likelier = log_softmax(after, 1) > log_softmax(before, 1)
    return {
        "all four right scores rise": float(rises[is_right].all()),
        "all four right probabilities rise": float(likelier[is_right].all()),
        "right scores that rise": float(rises[is_right].mean()),
        "wrong scores that fall": float((after < before)[~is_right].mean()),
    }


def diagram(seed: int, settings: Settings) -> list[Observation]:
    """Many starts, one update each; the first is trained on and drawn."""
    random = np.random.default_rng(seed)
    rate = settings.learning_rate

    def row(setting: str, at: float, metric: str, value: float, floor: float) -> Observation:
        return Observation("P23", "diagram", setting, seed, at, metric, value, floor)

    found = []
    for start in range(settings.starts):
        p = Parameters.random(len(ALPHABET), settings.hidden, settings.scale, seed + start * 10**6)
        gradient = loss_and_gradient(p)[1]
        blind = random_direction(gradient, random)
        found.append([moves(p, nudged(p, way, rate)) for way in (gradient, blind)])
    rows = [
        row(
            AFTER, 1, name, *(float(np.mean([pair[way][name] for pair in found])) for way in (0, 1))
        )
        for name in found[0][0]
    ]

    p = Parameters.random(len(ALPHABET), settings.hidden, settings.scale, seed)
    for step in range(settings.steps + 1):
        nats, gradient = loss_and_gradient(p)
        if name := {0: BEFORE, 1: AFTER, settings.steps: END}.get(step):
            rows.append(row(name, step, "nats per symbol", nats, memoryless_bound(WORD)))
            hidden, scores = read(p)
            rows += [
                row(name, t + 1, f"{metric} {unit}", value, np.nan)
                for metric, table in (("hidden", hidden), ("score", scores))
                for t, values in enumerate(table)
                for unit, value in enumerate(values)
            ]
        p = nudged(p, gradient, rate)
    return rows
