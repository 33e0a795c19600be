"""The figures that claims rest on: each a function of the results, named in conf/claims.yaml."""

from collections.abc import Callable

from analysis.claims.evidence import (
    course,
    evolution,
    inside,
    memory,
    models,
    samples,
    speed,
    sweeps,
    texts,
)
from analysis.claims.evidence.figure import Figure

__all__ = ["FIGURES", "Figure"]

FIGURES: dict[str, Callable[..., Figure]] = {
    function.__name__: function
    for module in (course, evolution, inside, memory, models, samples, speed, sweeps, texts)
    for function in module.FIGURES
}
