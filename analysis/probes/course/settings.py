"""What the small experiments write, and the settings of the first of them."""

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.config.rules import COUNT, POSITIVE, POSITIVE_FINITE, SEED, check, one_of
from pipeline.config.settings import LAYERS, UNITS, Train
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.architecture import BLOCKS


class Observation(NamedTuple):
    """One row of a table of results/course/."""

    claim: str
    experiment: str
    setting: str
    """Which of the things compared: with or without state, NumPy or PyTorch, ..."""
    seed: int
    at: float
    """What a curve runs over: training steps done, a learning rate, a length, a distance."""
    metric: str
    value: float
    floor: float
    """What the metric is without what is being tested; each module says what that is."""
    text: str = ""
    """Words that belong to it, as a sample."""


@dataclass
class Hello:
    """conf/course.yaml says what each value of these classes means."""

    seeds: list[int]
    cell: str
    hidden: int
    train: Train

    def __post_init__(self) -> None:
        check(self, "hello", SEED, "seeds")
        check(self, "hello", one_of(*BLOCKS), "cell")
        check(self, "hello", UNITS, "hidden")


@dataclass
class ByHand:
    """As above."""

    seeds: list[int]
    symbols: int
    tests: int
    streams: int
    window: int
    hidden: int
    scale: float
    learning_rate: float
    steps: int
    record_every: int

    def __post_init__(self) -> None:
        check(self, "by_hand", SEED, "seeds")
        check(self, "by_hand", COUNT, "symbols", "tests", "streams", "window")
        check(self, "by_hand", UNITS, "hidden")
        check(self, "by_hand", POSITIVE_FINITE, "scale", "learning_rate")
        check(self, "by_hand", COUNT, "steps", "record_every")


@dataclass
class Task:
    """As above."""

    cell: str
    examples: int
    tests: int
    hidden: int
    steps: int

    def __post_init__(self) -> None:
        check(self, "tasks", one_of(*BLOCKS), "cell")
        check(self, "tasks", COUNT, "examples", "tests", "steps")
        check(self, "tasks", UNITS, "hidden")


@dataclass
class Shapes:
    """As above."""

    seeds: list[int]
    layers: int
    batch: int
    learning_rate: float
    clip_at: float
    piece: int
    code_piece: int
    deepest: int
    years: list[int]
    tasks: dict[str, Task]

    def __post_init__(self) -> None:
        check(self, "shapes", SEED, "seeds")
        check(self, "shapes", LAYERS, "layers")
        check(self, "shapes", COUNT, "batch", "piece", "code_piece", "deepest")
        check(self, "shapes", POSITIVE_FINITE, "learning_rate")
        check(self, "shapes", POSITIVE, "clip_at")
        if len(self.years) != 2 or not 1000 <= self.years[0] <= self.years[1] <= 9999:
            raise InputError(f"years are {self.years}: give the first and the last, 1000 to 9999")
