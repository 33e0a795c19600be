"""Sampling from any language model: the one loop of the project."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.errors import InputError
from pipeline.lm.protocol import LanguageModel, LogProbs


@dataclass(frozen=True)
class Decoding:
    """How the next symbol is chosen from a distribution.

    temperature: log-probabilities are divided by it; 0 is greedy (always the likeliest).
    top_k: only the k likeliest symbols; top_p: only the likeliest that together reach p.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise InputError(f"temperature is {self.temperature}: use 0 (greedy) or more")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top-k is {self.top_k}: use 1 or more")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top-p is {self.top_p}: use more than 0, at most 1")

    @property
    def exact(self) -> bool:
        """Whether symbols are drawn from the model's distribution as it is."""
        return self.temperature == 1 and self.top_k is None and self.top_p is None

    def choose(self, log_probs: LogProbs, uniforms: NDArray) -> NDArray:
        """Symbols (n,) from log-probabilities (n, V), by inversion of uniforms (n,) in [0, 1)."""
        if self.temperature == 0:
            return log_probs.argmax(1)
        scaled = log_probs.astype(np.float64) / self.temperature
        weights = np.exp(scaled - scaled.max(1, keepdims=True))
        if self.top_k is not None and self.top_k < weights.shape[1]:
            least = np.partition(weights, -self.top_k, 1)[:, [-self.top_k]]
            weights[weights < least] = 0
        if self.top_p is not None:
            weights[~self._nucleus(weights)] = 0
        cumulative = weights.cumsum(1)
        chosen = (cumulative <= uniforms[:, None] * cumulative[:, [-1]]).sum(1)
        return np.minimum(chosen, weights.shape[1] - 1)

    def _nucleus(self, weights: NDArray) -> NDArray:
        assert self.top_p is not None
        order = np.argsort(-weights, 1, kind="stable")
        ranked = np.take_along_axis(weights, order, 1)
        before = ranked.cumsum(1) - ranked
        kept = np.zeros(weights.shape, bool)
        np.put_along_axis(kept, order, before < self.top_p * ranked.sum(1, keepdims=True), 1)
        return kept


def sample(
    model: LanguageModel, prompt: NDArray, n: int, length: int, decoding: Decoding, seed: int
) -> Iterator[NDArray]:
    """Continue a prompt in n independent streams: yields (n,) symbols, `length` times.

    `prompt` is (P,), the same for all streams, or (P, n); P >= 1. The same seed gives the same
    text.
    """
    if not len(prompt):
        raise InputError("an empty prompt: give at least one symbol")
    random = np.random.default_rng(seed)
    state: Any = model.start(n)
    fast: Any = model if decoding.exact and hasattr(model, "draw") else None
    log_probs: LogProbs | None = None

    def feed(symbols: NDArray) -> None:
        nonlocal state, log_probs
        if fast is not None:
            state = fast.advance(state, symbols)
        else:
            log_probs, state = model.step(state, symbols)

    for symbols in prompt:
        feed(np.broadcast_to(symbols, n))
    for _ in range(length):
        uniforms = random.random(n)
        if fast is not None:
            chosen = fast.draw(state, uniforms)
        else:
            assert log_probs is not None
            chosen = decoding.choose(log_probs, uniforms)
        yield chosen
        feed(chosen)
