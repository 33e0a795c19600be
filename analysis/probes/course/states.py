"""Hidden states coloured by class and by position (claim V11).

A network that has learnt to tell names by class (`classes`) reads unseen names; of each name one
state is taken, after a letter drawn at random, so that no two come from one name. The states are
laid out in the plane by PCA and by t-SNE. Measured, in the plane and among all units: of a state's
nearest neighbours, the share of the same class, and of the same position. Floor: labels shuffled.

Shapes: M names, T letters, H units, K neighbours.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from analysis.probes.course.classes import CLASSES, Classifier, Names, parts, train
from analysis.probes.course.classes import Settings as Recipe
from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, POSITIVE_FINITE, SEED, check
from pipeline.lm.io.errors import InputError

ALL, PLANE, NEIGHBOURLY = "all units", "PCA", "t-SNE"


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    classes: Recipe
    states: int
    neighbours: int
    perplexity: float
    shuffles: int

    def __post_init__(self) -> None:
        check(self, "states", SEED, "seeds")
        check(self, "states", COUNT, "states", "neighbours", "shuffles")
        check(self, "states", POSITIVE_FINITE, "perplexity")
        if self.states <= 2 * max(self.neighbours, self.perplexity):
            raise InputError("states.states are too few: give more, or fewer states.neighbours")


@torch.no_grad()
def states_of(network: Classifier, names: Names, positions: NDArray) -> NDArray:
    """The state h after so many letters of each name: (M, H)."""
    outputs, _ = network.layer(network.one_hot(names.letters))
    return outputs[torch.from_numpy(positions) - 1, torch.arange(len(positions))].numpy()


def neighbours(points: NDArray, k: int) -> NDArray:
    """The k nearest others of each point (M, D): (M, K)."""
    return NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)


def alike(labels: NDArray, near: NDArray) -> float:
    """Share of neighbours that have a point's own label."""
    return float((labels[near] == labels[:, None]).mean())


def states(names: Names, seed: int, settings: Settings) -> list[Observation]:
    """Train, read, lay out, count."""
    learnt, unseen = parts(names, settings.states)
    network = train(learnt, seed, settings.classes).eval()
    random = np.random.default_rng(seed)
    positions = random.integers(1, unseen.lengths.numpy(), endpoint=True)
    labels = {"class": unseen.classes.numpy(), "position": positions}
    found = states_of(network, unseen, positions)
    tsne = TSNE(perplexity=settings.perplexity, init="pca", random_state=seed)
    layouts = {
        ALL: found,
        PLANE: PCA(2).fit_transform(found),
        NEIGHBOURLY: tsne.fit_transform(found),
    }

    def row(setting: str, at: int, metric: str, value: float, floor: float, text: str = ""):
        return Observation("V11", "states", setting, seed, at, metric, value, floor, text)

    rows = []
    for name, points in layouts.items():
        near = neighbours(points, settings.neighbours)
        for label, values in labels.items():
            shuffled = [alike(random.permutation(values), near) for _ in range(settings.shuffles)]
            rows.append(row(name, settings.neighbours, f"neighbours of the same {label}",
                            alike(values, near), float(np.mean(shuffled))))  # fmt: skip
    if seed == settings.seeds[0]:  # the one that is drawn
        words = [f"{CLASSES[k]} {t}" for k, t in zip(labels["class"], positions, strict=True)]
        for name in (PLANE, NEIGHBOURLY):
            for point, ((across, up), word) in enumerate(zip(layouts[name], words, strict=True)):
                rows += [row(name, point, axis, float(value), np.nan, word)
                         for axis, value in (("across", across), ("up", up))]  # fmt: skip
    return rows
