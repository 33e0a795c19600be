"""The figures that claims rest on: each a function of the results, named in conf/claims.yaml."""

from collections.abc import Callable, Mapping
from typing import Any

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
from analysis.results.reader import Results

__all__ = ["FIGURES", "Figure", "measured"]

FIGURES: dict[str, Callable[..., Figure]] = {
    function.__name__: function
    for module in (course, evolution, inside, memory, models, samples, speed, sweeps, texts)
    for function in module.FIGURES
}
RUNS = ("run", "other_run")
"""Arguments of figures that name a run."""


def measured(results: Results, figure: str, arguments: Mapping[str, Any]) -> Figure:
    """One of FIGURES, read from the runs that stand in for those the budget has no room for."""
    asked = {
        name: results.stand_in(value) if name in RUNS else value
        for name, value in arguments.items()
    }
    return FIGURES[figure](results, **asked)
