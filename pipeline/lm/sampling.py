"""Sampling from any language model, by the one loop of the project; and a search without chance."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.io.errors import InputError
from pipeline.lm.protocol import LanguageModel, LogProbs

LINES_AT_ONCE = 100
"""Streams that write lines side by side: the longest of them keeps the others waiting."""


@dataclass(frozen=True)
class Decoding:
    """How the next symbol is chosen from a distribution.

    temperature: log-probabilities are divided by it; 0 is greedy (always the likeliest).
    top_k: only the k likeliest symbols; top_p: only the likeliest that together reach p; symbols
    as likely as the last of these stay too.
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
        behind = log_probs.astype(np.float64) - log_probs.max(1, keepdims=True)
        with np.errstate(over="ignore"):  # by a tiny temperature: such symbols weigh nothing
            weights = np.exp(behind / self.temperature)
        if self.top_k is not None and self.top_k < weights.shape[1]:
            _leave(weights, np.partition(weights, -self.top_k, 1)[:, [-self.top_k]])
        if self.top_p is not None:
            ranked = np.sort(weights, 1)[:, ::-1]
            before = ranked.cumsum(1) - ranked
            kept = before < self.top_p * ranked.sum(1, keepdims=True)
            _leave(weights, np.where(kept, ranked, np.inf).min(1, keepdims=True))
        cumulative = weights.cumsum(1)
        chosen = (cumulative <= uniforms[:, None] * cumulative[:, [-1]]).sum(1)
        return np.minimum(chosen, weights.shape[1] - 1)


def _leave(weights: NDArray, least: NDArray) -> None:
    """Only weights (n, V) of at least `least` (n, 1), equals all; in place."""
    weights[weights < least] = 0


def sample(
    model: LanguageModel,
    prompt: NDArray,
    n: int,
    length: int,
    decoding: Decoding,
    seed: int | Sequence[int],
) -> Iterator[NDArray]:
    """Continue a prompt in n independent streams: yields (n,) symbols, `length` times.

    `prompt` is (P,), the same for all streams, or (P, n); P >= 1. The same seed gives the same
    text.
    """
    if not len(prompt):
        raise InputError("an empty prompt: give at least one symbol")
    random = np.random.default_rng(seed)
    if hasattr(model, "for_sampling"):
        model = model.for_sampling(n)
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


def sample_lines(
    model: LanguageModel,
    prompt: NDArray,
    n: int,
    limit: int,
    decoding: Decoding,
    seed: int,
    end: int,
) -> Iterator[NDArray]:
    """n independent continuations of a prompt (P,), each up to the symbol `end`, which is left out.

    They come in order, each as soon as it and those before it are whole; one that did not end
    within `limit` symbols has that many.
    """
    for first in range(0, n, LINES_AT_ONCE):
        count = min(LINES_AT_ONCE, n - first)
        lengths = np.full(count, limit)
        rows: list[NDArray] = []
        given = 0
        for chosen in sample(model, prompt, count, limit, decoding, [seed, first]):
            lengths[(chosen == end) & (lengths == limit)] = len(rows)
            rows.append(chosen)
            while given < count and lengths[given] < len(rows):
                yield _stream(rows, given)[: lengths[given]]
                given += 1
            if given == count:
                break
        for stream in range(given, count):
            yield _stream(rows, stream)[: lengths[stream]]


def _stream(rows: list[NDArray], stream: int) -> NDArray:
    return np.array([row[stream] for row in rows])


def beam_search(
    model: LanguageModel, prompt: NDArray, width: int, length: int
) -> tuple[NDArray, float]:
    """A likely continuation of a prompt (P,): symbols (length,), log-probability in nats.

    After each symbol the `width` likeliest beginnings stay. There is no chance in it; of equals the
    smaller ids win. All is stepped exactly, each beginning by itself, for the protocol has no way
    to permute streams.
    """
    if width < 1 or length < 1 or not len(prompt):
        raise InputError("beam search needs a width, a length and a prompt of at least 1")
    state: Any = model.start(1)
    for symbol in prompt:
        log_probs, state = model.step(state, np.array([symbol]))
    beginnings: list[tuple[int, ...]] = [()]
    totals, states = log_probs.astype(np.float64), [state]  # totals: (beginnings, V)
    while True:
        likeliest = np.argsort(-totals, axis=None, kind="stable")[:width]
        chosen = likeliest[np.isfinite(totals.flat[likeliest])]
        parents, symbols = np.divmod(chosen, totals.shape[1])
        beginnings = [(*beginnings[p], int(s)) for p, s in zip(parents, symbols, strict=True)]
        if len(beginnings[0]) == length:
            return np.array(beginnings[0]), float(totals.flat[chosen[0]])
        steps = [model.step(states[p], s[None]) for p, s in zip(parents, symbols, strict=True)]
        states = [state for _, state in steps]
        totals = totals.flat[chosen][:, None] + np.concatenate([rows for rows, _ in steps])
