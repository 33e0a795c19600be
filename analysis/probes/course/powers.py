"""Whether gradients go as powers of the recurrent weights (claim V8).

The gradient k steps back is W' (1 - h^2) W' (1 - h^2) ... g: k factors. Random W are scaled to a
largest eigenvalue (spectral radius) of 0.5 to 1.5. Measured of a linear recurrence, where the
factors are W' alone, and of one with tanh that reads random symbols:

- gradient norm: k steps back, of that one step back. Floor, or law: radius ** (k - 1);
- growth per step: the same at the largest distance, as a factor a step. Law: the radius.

Shapes: K distances, N streams, H units, V symbols.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.probes.course.settings import Observation
from pipeline.config.rules import COUNT, POSITIVE_FINITE, SEED, check
from pipeline.config.settings import UNITS

LINEAR, TANH = "linear", "tanh"


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    hidden: int
    symbols: int
    streams: int
    context: int
    radii: list[float]
    distances: list[int]

    def __post_init__(self) -> None:
        check(self, "powers", SEED, "seeds")
        check(self, "powers", UNITS, "hidden")
        check(self, "powers", COUNT, "symbols", "streams", "context", "distances")
        check(self, "powers", POSITIVE_FINITE, "radii")


def scaled(radius: float, hidden: int, random: np.random.Generator) -> NDArray:
    """Random weights (H, H) whose largest eigenvalue has that size."""
    weights = random.normal(size=(hidden, hidden))
    return weights * radius / np.abs(np.linalg.eigvals(weights)).max()


def tanh_slopes(weights: NDArray, settings: Settings, random: np.random.Generator) -> NDArray:
    """1 - h^2 at each step of a network that reads random symbols: (K, N, H), the first steps left
    out. Input weights are PyTorch's at the start."""
    hidden, bound = settings.hidden, settings.hidden**-0.5
    inputs = random.uniform(-bound, bound, (settings.symbols, hidden))
    h, slopes = np.zeros((settings.streams, hidden)), []
    for _ in range(settings.context + max(settings.distances)):
        read = inputs[random.integers(settings.symbols, size=settings.streams)]
        h = np.tanh(read + h @ weights.T)
        slopes.append(1 - h**2)
    return np.array(slopes[settings.context :])


def norms(weights: NDArray, slopes: NDArray, random: np.random.Generator) -> NDArray:
    """Mean norm of a gradient that begins in a random direction, 1, 2, ... steps back: (K,)."""
    gradient = random.normal(size=slopes.shape[1:])
    found = []
    for slope in slopes[::-1]:
        gradient = (gradient * slope) @ weights
        found.append(np.linalg.norm(gradient, axis=1).mean())
    return np.array(found)


def powers(seed: int, settings: Settings) -> list[Observation]:
    """Every radius, with tanh and without."""
    rows = []
    for radius in settings.radii:
        random = np.random.default_rng(seed)  # the same weights but for their scale
        weights = scaled(radius, settings.hidden, random)
        slopes = tanh_slopes(weights, settings, random)
        for kind, factors in ((LINEAR, np.ones_like(slopes)), (TANH, slopes)):
            back = norms(weights, factors, random)
            back /= back[0]
            reach = max(settings.distances)
            growth = back[-1] ** (1 / max(reach - 1, 1))
            rows.append(
                Observation("V8", "powers", kind, seed, radius, "growth per step", growth, radius)
            )
            rows += [
                Observation("V8", "powers", f"{kind}, {radius:g}", seed, k, "gradient norm",
                            back[k - 1], radius ** (k - 1))
                for k in settings.distances
            ]  # fmt: skip
    return rows
