"""How far back a network learns to look: adding, and a vanilla RNN's limit (claims V13, V9).

The course's adding problem, the sum of the two numbers whose mask is 1, is the task `add` of
`analysis.probes.remembering`, which marks one number in each half; here the same code trains on it,
and for the vanilla RNN on copying the first number too, in minutes instead of hours. Every network
is trained on all lengths up to the longest, so that what short sequences teach carries over, and
tested at each. Error: mean square, by length. Floor: guessing the mean.
"""

from dataclasses import dataclass

from analysis.probes.course.settings import Observation
from analysis.probes.remembering import Job, train
from analysis.probes.remembering import Settings as Recipe
from pipeline.config.rules import SEED, check

ADDING, LIMIT = "adding", "limit"


@dataclass
class Settings:
    """conf/course.yaml says what each value means."""

    seeds: list[int]
    adding: Recipe
    limit: Recipe

    def __post_init__(self) -> None:
        check(self, "memory", SEED, "seeds")


def memory(seed: int, settings: Settings) -> list[Observation]:
    """Adding by every cell; adding and copying by the vanilla RNN at shorter lengths."""
    rows = []
    for name, claim in ((ADDING, "V13"), (LIMIT, "V9")):
        recipe: Recipe = getattr(settings, name)
        for task in recipe.tasks:
            for cell in recipe.cells:
                for found in train(Job(task, cell, seed, tuple(recipe.lengths)), recipe):
                    rows.append(
                        Observation(claim, f"{name}: {task}", cell.upper(), seed, found["length"],
                                    "error", found["error"], found["guessing"])
                    )  # fmt: skip
    return rows
