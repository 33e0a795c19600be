"""What every model of this project is: a language model over symbols.

Shapes: n parallel streams, V symbols, T symbols of a sequence.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.integer[Any]]
LogProbs = NDArray[np.floating[Any]]


class LanguageModel(Protocol):
    """Predicts the next symbol of n parallel streams, one symbol at a time.

    Two optional faster paths, which must agree with the steps (tests assert 1e-5):

    - `log_probs(sequence (T,)) -> (T, V)`: row t is the distribution after `sequence[: t + 1]`;
    - `symbol_log_probs(sequence (T,)) -> (T - 1,)`: the log-probability each of `sequence[1:]`
      had, for models where whole rows cost much more than that.

    A model that can draw more cheaply than it can tell a distribution offers two more:
    `advance(state, symbols) -> state`, a step without the distribution, and
    `draw(state, uniforms (n,)) -> (n,)`, exact draws of the next symbols.

    A model may step faster at a small cost in precision (tests state it):
    `for_sampling(n) -> LanguageModel`, itself as sampling n streams uses it.
    """

    @property
    def size(self) -> int:
        """V, the number of symbols predicted."""
        ...

    def start(self, n: int) -> Any:
        """The state of n streams that have seen nothing."""
        ...

    def step(self, state: Any, symbols: Symbols) -> tuple[LogProbs, Any]:
        """Feed one symbol to each stream; never changes `state`.

        Args:
            state: what `start` or `step` returned for n streams.
            symbols: (n,) symbol ids; an id of V or more is a symbol outside the vocabulary.

        Returns:
            (n, V) natural-log probabilities of the next symbol (-inf: impossible), and the state.
        """
        ...
