"""Matching statistics by backward search: how much of a sequence a text holds verbatim.

The rank of each suffix of the sequence among those of the text follows from the rank of the next
shorter one by counting symbols (Ferragina and Manzini 2000); the longest match is with one of its
two neighbours there. `text` (N,) symbol ids below V, `suffixes` (N,) its suffix array, `sequence`
(T,) any ids; O(T), however long the matches are.
"""

import numpy as np
from numba import njit

MIN_BLOCK = 512


@njit(cache=True)
def _block(size):
    """Ranks from one row of `running_counts` to the next: at any V it has 4 N bytes at most."""
    return max(MIN_BLOCK, size)


@njit(cache=True)
def preceding_symbols(text, suffixes):
    """(N,) the symbol before each suffix in rank order; before the whole text stands its last."""
    preceding = np.empty_like(text)
    for rank in range(len(suffixes)):
        preceding[rank] = text[suffixes[rank] - 1]
    return preceding


@njit(cache=True)
def running_counts(preceding, size):
    """(blocks, V) how often each symbol stands before the first rank of each block."""
    block = _block(size)
    counts = np.empty((len(preceding) // block + 1, size), np.int32)
    seen = np.zeros(size, np.int32)
    for row in range(len(counts)):
        counts[row] = seen
        for rank in range(row * block, min((row + 1) * block, len(preceding))):
            seen[preceding[rank]] += 1
    return counts


@njit(cache=True)
def _ranks(last, whole, preceding, counts, sequence):
    """(T,) how many suffixes of the text are not greater than each suffix of the sequence.

    `last` is the last symbol of the text, `whole` the rank of its longest suffix.
    """
    size, block = counts.shape[1], _block(counts.shape[1])
    smaller = np.zeros(size, np.int64)  # than any suffix that begins with the symbol
    smaller[1:] = np.cumsum(np.bincount(preceding, minlength=size))[:-1]
    ranks = np.empty(len(sequence), np.int32)
    rank = 0
    for i in range(len(sequence) - 1, -1, -1):
        symbol = sequence[i]
        if symbol >= size:
            rank = len(preceding)
        else:
            row = rank // block
            count = counts[row, symbol]
            for place in range(row * block, rank):
                count += preceding[place] == symbol
            # `preceding` has the last symbol before the whole text, not before the empty suffix.
            if symbol == last and rank <= whole:
                count += 1
            rank = smaller[symbol] + count
        ranks[i] = rank
    return ranks


@njit(cache=True)
def _common_prefixes(text, suffixes, ranks, sequence):
    """(T,) symbols that each suffix of the sequence shares with the text's suffix of its rank.

    From one position to the next it falls by one at most (Kasai et al. 2001).
    """
    lengths = np.zeros(len(sequence), np.int32)
    length = 0
    for i in range(len(sequence)):
        length = max(length - 1, 0)
        if 0 <= ranks[i] < len(text):
            start = suffixes[ranks[i]]
            end = min(len(sequence) - i, len(text) - start)
            while length < end and text[start + length] == sequence[i + length]:
                length += 1
            lengths[i] = length
    return lengths


@njit(cache=True)
def matching_statistics(text, suffixes, whole, preceding, counts, sequence):
    """(T,) for each i the largest L such that the text contains `sequence[i : i + L]`."""
    ranks = _ranks(text[-1], whole, preceding, counts, sequence)
    after = _common_prefixes(text, suffixes, ranks, sequence)
    before = _common_prefixes(text, suffixes, ranks - 1, sequence)
    return np.maximum(after, before)
