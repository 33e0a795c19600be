"""Unsmoothed n-grams of every order from one suffix array over the training text.

The suffixes that begin with a history stand side by side in the suffix array: that interval of
ranks is the history's count, what follows its members is the distribution, a random member is a
sample. Nothing is stored for an order.

Shapes: n parallel streams, N symbols of training text, V symbols, T symbols of a sequence.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydivsufsort import divsufsort

from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write
from pipeline.lm.ngram import matching
from pipeline.lm.ngram import suffix_kernels as kernels
from pipeline.lm.protocol import Symbols

MAX_LENGTH = np.iinfo(np.int32).max
"""Ranks and positions are 32-bit integers."""


def _frozen(array: NDArray) -> NDArray:
    """A read-only contiguous view: one compiled kernel serves memory-mapped and other arrays."""
    view = np.ascontiguousarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


def _checked_text(text: NDArray, size: int) -> NDArray:
    if not 0 < len(text) <= MAX_LENGTH:
        raise InputError(
            f"a training text of {len(text)} symbols cannot be indexed: give 1 to {MAX_LENGTH}"
        )
    if int(text.max()) >= size:
        raise InputError(
            f"the training text has the symbol id {int(text.max())}, its vocabulary only {size} "
            "symbols: encode it with its own vocabulary (run preprocess again)"
        )
    return _frozen(text)


@dataclass(frozen=True, eq=False)
class SuffixIndex:
    """A training text, its suffix array, the inverse of that, and shared prefixes.

    10 bytes a byte of text, whatever the orders asked for; `matches` needs up to 5 more.
    """

    text: NDArray
    """(N,) symbol ids, uint8 or uint32."""
    suffixes: NDArray[np.int32]
    """(N,) where each suffix starts, in lexicographic order."""
    rank_of: NDArray[np.int32]
    """(N,) the rank of the suffix that starts at each position."""
    size: int
    """V."""

    @classmethod
    def build(cls, text: NDArray, size: int) -> "SuffixIndex":
        """Index the training text (N,), of ids below `size`.

        Raises InputError if it is empty, too long for 32-bit positions, or has other ids.
        """
        text = _checked_text(text, size)
        # bytes, because the library refuses read-only arrays
        source = text.tobytes() if text.dtype == np.uint8 else text
        suffixes = divsufsort(source).astype(np.int32, copy=False)
        return cls(text, _frozen(suffixes), _frozen(kernels.inverse(suffixes)), size)

    def save(self, path: Path) -> None:
        """Write the suffix array as .npy (4 N bytes); the text is not part of it."""
        with atomic_write(path) as file:
            np.save(file, self.suffixes, allow_pickle=False)

    @classmethod
    def load(cls, path: Path, text: NDArray, size: int) -> "SuffixIndex":
        """Memory-map what `save` wrote and prove in O(N) that it is the suffix array of `text`.

        Raises InputError if it is not.
        """
        text = _checked_text(text, size)
        remedy = "delete it and run pipeline.baseline again"
        try:
            suffixes = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path} is not a readable suffix array: {remedy}") from error
        if suffixes.dtype != np.int32 or suffixes.shape != text.shape:
            raise InputError(f"{path} does not fit a text of {len(text)} symbols: {remedy}")
        suffixes = _frozen(suffixes)
        if suffixes.min() < 0 or suffixes.max() >= len(text):
            raise InputError(f"{path} is damaged: {remedy}")
        rank_of = _frozen(kernels.inverse(suffixes))
        if not kernels.is_suffix_array(text, suffixes, rank_of):
            raise InputError(f"{path} is damaged or of another text: {remedy}")
        return cls(text, suffixes, rank_of, size)

    def ngram(self, order: int | None) -> "NGram":
        """The n-gram with `order` symbols of context; None: as long a context as was ever seen."""
        if order is not None and not 0 <= order <= MAX_LENGTH:
            raise InputError(
                f"an n-gram cannot have {order} symbols of context: give 0 to {MAX_LENGTH}"
            )
        return NGram(self, MAX_LENGTH if order is None else order)

    @cached_property
    def shared(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Symbols shared by neighbouring suffixes, (N,), and their minima over blocks of blocks."""
        single = kernels.shared_prefixes(self.text, self.suffixes, self.rank_of)
        block = kernels.block_minima(single)
        return single, block, kernels.block_minima(block)

    @cached_property
    def _preceding(self) -> tuple[NDArray, NDArray[np.int32]]:
        """The symbol before each suffix, (N,), and running counts of it (blocks, V)."""
        preceding = matching.preceding_symbols(self.text, self.suffixes)
        return preceding, matching.running_counts(preceding, self.size)

    def matches(self, sequence: Symbols) -> NDArray[np.int32]:
        """Matching statistics of a foreign sequence (T,) against the training text, in O(T).

        Returns:
            (T,) for each i the largest L such that the text contains `sequence[i : i + L]`.
        """
        return matching.matching_statistics(
            self.text, self.suffixes, self.rank_of[0], *self._preceding, _ids(sequence)
        )


class NGramState(NamedTuple):
    """The histories of n streams, each the interval of suffixes that begin with it.

    Every member is followed by at least one symbol. Arrays are never changed in place.
    """

    low: NDArray[np.int32]
    """(n,) first rank."""
    high: NDArray[np.int32]
    """(n,) one past the last rank."""
    depth: NDArray[np.int32]
    """(n,) length of the history in symbols."""

    def select(self, streams: NDArray) -> "NGramState":
        """The state of some streams, by index or mask."""
        return NGramState(self.low[streams], self.high[streams], self.depth[streams])


def _ids(symbols: Symbols) -> NDArray[np.int32]:
    return np.ascontiguousarray(symbols, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class NGram:
    """Maximum-likelihood n-gram over an index (`LanguageModel`), without smoothing.

    The distribution is what followed the last `order` symbols in the training text. Back-off: a
    history that the text never continues loses its oldest symbols until it is one that it does;
    the empty history is the unigram distribution. So a history at the start of a stream, or after
    a symbol outside the vocabulary (which cuts it), is as long as there are symbols.
    """

    index: SuffixIndex
    order: int
    """Symbols of context: order 4 predicts the fifth symbol from four, as in the reply."""

    @property
    def size(self) -> int:
        """V."""
        return self.index.size

    def start(self, n: int) -> NGramState:
        """The empty history, n times."""
        zeros = np.zeros(n, np.int32)
        return NGramState(zeros, np.full(n, len(self.index.text), np.int32), zeros)

    def _arguments(self) -> tuple[NDArray, NDArray, NDArray, tuple[NDArray, ...], int]:
        index = self.index
        return index.text, index.suffixes, index.rank_of, index.shared, self.order

    def advance(self, state: NGramState, symbols: Symbols) -> NGramState:
        """`step` without the distribution."""
        return NGramState(*kernels.advance(*self._arguments(), *state, _ids(symbols)))

    def step(self, state: NGramState, symbols: Symbols) -> tuple[NDArray[np.float64], NGramState]:
        """See `LanguageModel.step`: (n, V) natural-log probabilities and the new state."""
        state = self.advance(state, symbols)
        return self.distribution(state), state

    def distribution(self, state: NGramState) -> NDArray[np.float64]:
        """(n, V) natural-log probabilities of the next symbol of each stream."""
        return kernels.distributions(self.index.text, self.index.suffixes, self.size, *state)

    def draw(self, state: NGramState, uniforms: NDArray[np.float64]) -> NDArray[np.int32]:
        """Exact draws (n,) of the next symbols: what follows a random occurrence of the history.

        Args:
            state: of n streams.
            uniforms: (n,) numbers in [0, 1).
        """
        return kernels.draw(self.index.text, self.index.suffixes, *state, uniforms)

    def _histories(self, sequence: Symbols) -> NGramState:
        """The states (T,) after each symbol of a sequence (T,)."""
        return NGramState(*kernels.histories(*self._arguments(), _ids(sequence)))

    def log_probs(self, sequence: Symbols) -> NDArray[np.float64]:
        """(T, V) natural-log probabilities: row t is the distribution after t + 1 symbols."""
        return self.distribution(self._histories(sequence))

    def symbol_log_probs(self, sequence: Symbols) -> NDArray[np.float64]:
        """(T - 1,) natural-log probability that each of `sequence[1:]` had; -inf: never seen."""
        states = self._histories(sequence[:-1])
        return kernels.next_symbol_log_probs(
            self.index.text, self.index.suffixes, *states, _ids(sequence[1:])
        )
