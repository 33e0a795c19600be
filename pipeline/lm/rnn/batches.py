"""A text as N parallel streams, read T symbols at a time (truncated BPTT with carried state)."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.lm.io.errors import InputError


@dataclass(frozen=True)
class Streams:
    """`text` (L,) cut into `n` contiguous streams; what does not fill the last window is left out,
    as char-rnn leaves it out. `own`: those of the streams that are read, (from, to)."""

    text: NDArray
    n: int
    window: int
    own: tuple[int, int]

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
        n = min(n, predictions // window)
        return cls(text, n, window, (0, n))

    def part(self, own: tuple[int, int]) -> "Streams":
        """The same streams, of which only some are read."""
        return replace(self, own=own)

    @property
    def width(self) -> int:
        """Streams that are read."""
        return self.own[1] - self.own[0]

    @property
    def windows(self) -> int:
        """Windows in one pass over the text: the steps of an epoch."""
        return (len(self.text) - 1) // (self.n * self.window)

    def positions(self) -> NDArray:
        """Places in the text of the first window and of the symbol after it: (T + 1, width)."""
        stride = self.windows * self.window
        return np.arange(*self.own)[None, :] * stride + np.arange(self.window + 1)[:, None]

    def read(self, index: int) -> NDArray:
        """Window `index` with the symbols that follow it: (T + 1, width) ids; inputs are [:-1],
        targets [1:]."""
        return np.asarray(self.text)[self.positions() + index * self.window].astype(np.int64)


class Windows:
    """Streams as tensors (T + 1, lanes) on a device; lanes beyond the streams hold `filler`.

    On a GPU the text itself lies on the device, so that no step waits for the host.
    """

    def __init__(self, streams: Streams, device: torch.device, lanes: int, filler: int) -> None:
        self.streams, self.device, self.lanes, self.filler = streams, device, lanes, filler
        self.text: Tensor | None = None
        if device.type == "cuda":
            # torch indexes no unsigned integers wider than a byte
            dtype = np.uint8 if streams.text.dtype.itemsize == 1 else np.int32
            self.text = torch.from_numpy(streams.text.astype(dtype)).to(device)
            self.positions = torch.from_numpy(streams.positions()).to(device)

    def __getitem__(self, index: int) -> Tensor:
        if self.text is None:
            ids = torch.from_numpy(self.streams.read(index))
        else:
            ids = self.text[self.positions + index * self.streams.window].long()
        missing = self.lanes - ids.shape[1]
        return torch.nn.functional.pad(ids, (0, missing), value=self.filler) if missing else ids
