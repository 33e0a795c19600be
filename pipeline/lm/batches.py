"""A text as N parallel streams, read T symbols at a time (truncated BPTT with carried state)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.errors import InputError


@dataclass(frozen=True)
class Streams:
    """`text` (L,) cut into `n` contiguous streams; what does not fill the last window is left out,
    as char-rnn leaves it out."""

    text: NDArray
    n: int
    window: int

    @classmethod
    def fit(cls, text: NDArray, n: int, window: int) -> "Streams":
        """As many of the wanted streams, then symbols a window, as a short text can fill."""
        if len(text) < 2:
            raise InputError(
                f"the text has {len(text)} symbols, and at least 2 are needed to predict one: "
                "use a longer corpus"
            )
        predictions = len(text) - 1
        window = min(window, predictions)
        return cls(text, min(n, predictions // window), window)

    @property
    def windows(self) -> int:
        """Windows in one pass over the text: the steps of an epoch."""
        return (len(self.text) - 1) // (self.n * self.window)

    @property
    def symbols(self) -> int:
        """Symbols predicted in one pass."""
        return self.windows * self.window * self.n

    def read(self, index: int) -> NDArray:
        """Window `index` with the symbols that follow it: (T + 1, n) ids; inputs are [:-1],
        targets [1:]."""
        stride = self.windows * self.window
        starts = np.arange(self.n)[None, :] * stride + index * self.window
        return np.asarray(self.text)[starts + np.arange(self.window + 1)[:, None]].astype(np.int64)
