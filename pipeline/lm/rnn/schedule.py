"""How long a training lasts and at what rate it learns, by its recipe."""

import math
from typing import Protocol

from pipeline.lm.rnn.batches import Streams


class Recipe(Protocol):
    """The settings training reads; conf/train/post.yaml explains each."""

    optimizer: str
    learning_rate: float
    rmsprop_decay: float
    schedule: str
    decay: float
    decay_after: int
    warm_up: int
    clip: str
    clip_at: float
    initialisation: str
    uniform_range: float
    forget_bias: float
    epochs: int
    symbols: int | None
    patience: int | None
    precision: str
    carry_state: bool
    keep: str
    evaluations: int


def planned_steps(recipe: Recipe, train: Streams) -> int:
    """Steps of a training that does not lose its patience: `epochs`, or fewer if `symbols` says."""
    whole = recipe.epochs * train.windows
    if recipe.symbols is None:
        return whole
    return min(whole, -(-recipe.symbols // (train.n * train.window)))


def rate_at(recipe: Recipe, step: int, steps_per_epoch: int, total: int) -> float:
    """The learning rate of step `step` (from 0) of `total`."""
    rate = recipe.learning_rate
    # A short run still spends most of its steps past the warm-up.
    warm_up = min(recipe.warm_up, total // 5)
    if step < warm_up:
        return rate * (step + 1) / warm_up
    if recipe.schedule == "epoch_decay":
        return rate * recipe.decay ** max(0, step // steps_per_epoch - recipe.decay_after + 1)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up)))
