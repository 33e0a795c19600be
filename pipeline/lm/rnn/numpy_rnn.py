"""A vanilla RNN in NumPy, forward and backward by hand: the reference the other code is held to.

The equations are those of the post's companion gist and of the course chapters:
h_t = tanh(W_xh x_t + W_hh h_(t-1) + b_h), y_t = W_hy h_t + b_y, p_t = softmax(y_t).
Shapes: n streams, T symbols, H units, V symbols.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass
class Parameters:
    """What is trained (or the gradient of it)."""

    xh: Floats
    """(H, V)"""
    hh: Floats
    """(H, H)"""
    h: Floats
    """(H,)"""
    hy: Floats
    """(V, H)"""
    y: Floats
    """(V,)"""

    @classmethod
    def random(cls, size: int, hidden: int, scale: float, seed: int) -> "Parameters":
        """Normal weights of deviation `scale`, zero biases."""
        random = np.random.default_rng(seed)
        return cls(
            xh=random.normal(0, scale, (hidden, size)),
            hh=random.normal(0, scale, (hidden, hidden)),
            h=np.zeros(hidden),
            hy=random.normal(0, scale, (size, hidden)),
            y=np.zeros(size),
        )

    def descend(self, gradient: "Parameters", memory: "Parameters", rate: float) -> None:
        """One step of Adagrad, in place, as the gist takes it."""
        for field in fields(self):
            weight, slope, seen = (getattr(p, field.name) for p in (self, gradient, memory))
            seen += slope**2
            weight -= rate * slope / np.sqrt(seen + 1e-8)

    def zeros(self) -> "Parameters":
        """As many zeros."""
        return Parameters(*(np.zeros_like(getattr(self, field.name)) for field in fields(self)))


class NumpyRNN:
    """A vanilla RNN behind the LanguageModel protocol. State: h, (n, H)."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.size, self.hidden = parameters.hy.shape

    def start(self, n: int) -> Floats:
        """n streams that have seen nothing: zeros."""
        return np.zeros((n, self.hidden))

    def step(self, state: Floats, symbols: NDArray) -> tuple[Floats, Floats]:
        """As the protocol: (n,) -> (n, V)."""
        p = self.parameters
        known = np.asarray(symbols) < self.size
        inputs = p.xh.T[np.where(known, symbols, 0)] * known[:, None]
        h = np.tanh(inputs + state @ p.hh.T + p.h)
        logits = h @ p.hy.T + p.y
        logits -= logits.max(1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(1, keepdims=True)), h

    def loss(self, ids: NDArray, state: Floats) -> tuple[float, Parameters, Floats]:
        """Mean cross-entropy of ids (T + 1, n) in nats per symbol, its gradient, the state reached.

        Back-propagation through the T steps; what came before `state` is not reached.
        """
        p, gradient = self.parameters, self.parameters.zeros()
        states, log_probs = [state], []
        for symbols in ids[:-1]:
            rows, state = self.step(state, symbols)
            states.append(state)
            log_probs.append(rows)
        count, n = ids[1:].size, ids.shape[1]
        streams = np.arange(n)
        nats = -sum(rows[streams, ids[t + 1]].sum() for t, rows in enumerate(log_probs)) / count
        from_later = np.zeros_like(state)
        for t in reversed(range(len(log_probs))):
            slope = np.exp(log_probs[t])
            slope[streams, ids[t + 1]] -= 1
            slope /= count
            gradient.hy += slope.T @ states[t + 1]
            gradient.y += slope.sum(0)
            raw = (slope @ p.hy + from_later) * (1 - states[t + 1] ** 2)
            gradient.h += raw.sum(0)
            gradient.hh += raw.T @ states[t]
            np.add.at(gradient.xh.T, ids[t], raw)
            from_later = raw @ p.hh
        return float(nats), gradient, state
