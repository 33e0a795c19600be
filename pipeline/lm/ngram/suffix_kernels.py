"""Compiled queries on a suffix array: plain loops over plain arrays.

`text` (N,) symbol ids, `suffixes` (N,) the suffix array, `rank_of` (N,) its inverse, `shared` what
neighbouring suffixes share (see `shared_prefixes`). A history is an interval of ranks [low, high)
and a depth: the suffixes that begin with its `depth` symbols and go on. `order` is the greatest
depth. No suffix goes on with a symbol outside the vocabulary, so such a symbol empties a history.
"""

import numpy as np
from numba import njit

SHARED_LIMIT = 255
"""The most that a byte of `shared` can say."""
BLOCK = 256
"""Ranks to a block of `shared`; blocks to a superblock."""


@njit(cache=True)
def inverse(suffixes):
    """The rank of each position; -1 where no suffix starts (not a permutation)."""
    rank_of = np.full(len(suffixes), -1, np.int32)
    for rank in range(len(suffixes)):
        rank_of[suffixes[rank]] = rank
    return rank_of


@njit(cache=True)
def is_suffix_array(text, suffixes, rank_of):
    """Whether `suffixes` is a permutation that sorts the suffixes of `text`."""
    if rank_of.min() < 0:
        return False
    end = len(text)
    for rank in range(1, end):
        before, after = suffixes[rank - 1], suffixes[rank]
        if text[before] > text[after]:
            return False
        if text[before] == text[after]:
            rest_before = rank_of[before + 1] if before + 1 < end else -1
            rest_after = rank_of[after + 1] if after + 1 < end else -1
            if rest_before > rest_after:
                return False
    return True


@njit(cache=True)
def shared_prefixes(text, suffixes, rank_of):
    """(N,) uint8 how many symbols each suffix shares with the one ranked before it, at most 255.

    From one position to the next it falls by one at most (Kasai et al. 2001).
    """
    shared = np.zeros(len(text), np.uint8)
    length = 0
    for position in range(len(text)):
        rank = rank_of[position]
        if rank == 0:
            length = 0
            continue
        other = suffixes[rank - 1]
        length = max(length - 1, 0)
        end = len(text) - max(position, other)
        while length < end and text[position + length] == text[other + length]:
            length += 1
        shared[rank] = min(length, SHARED_LIMIT)
    return shared


@njit(cache=True)
def block_minima(values):
    """The least value of each whole or partial block."""
    minima = np.full((len(values) + BLOCK - 1) // BLOCK, SHARED_LIMIT, np.uint8)
    for place in range(len(values)):
        minima[place // BLOCK] = min(minima[place // BLOCK], values[place])
    return minima


@njit(cache=True)
def _widen(shared, rank, depth):
    """The interval of suffixes that share `depth` > 0 symbols with the one at `rank`."""
    single, block, superblock = shared
    low = rank
    while single[low] >= depth:
        step = 1
        if low % BLOCK == BLOCK - 1 and block[low // BLOCK] >= depth:
            step = BLOCK
            if low // BLOCK % BLOCK == BLOCK - 1 and superblock[low // BLOCK**2] >= depth:
                step = BLOCK**2
        low -= step
    high = rank + 1
    while high < len(single) and single[high] >= depth:
        step = 1
        if high % BLOCK == 0 and block[high // BLOCK] >= depth:
            step = BLOCK
            if high // BLOCK % BLOCK == 0 and superblock[high // BLOCK**2] >= depth:
                step = BLOCK**2
        high += step
    return low, min(high, len(single))


@njit(cache=True)
def _agree(text, a, b, depth):
    """Whether the suffixes at positions a and b begin with the same `depth` symbols."""
    if max(a, b) + depth > len(text):
        return False
    offset = 0
    while offset < depth and text[a + offset] == text[b + offset]:
        offset += 1
    return offset == depth


@njit(cache=True)
def _reach(text, suffixes, rank, depth, direction):
    """The farthest rank in a direction whose suffix shares `depth` symbols with that at `rank`."""
    position, inside, stride = suffixes[rank], rank, 1
    bound = len(text) if direction > 0 else -1
    while (bound - inside) * direction > 1:
        probe = inside + direction * min(stride, (bound - inside) * direction - 1)
        if _agree(text, suffixes[probe], position, depth):
            inside, stride = probe, stride * 2
        else:
            bound, stride = probe, max((probe - inside) * direction // 2, 1)
    return inside


@njit(cache=True)
def _histories_like(text, suffixes, shared, rank, depth):
    """The interval of suffixes that share `depth` symbols with the one at `rank`, and go on."""
    if depth == 0:
        return 0, len(text)
    if depth <= SHARED_LIMIT:
        low, high = _widen(shared, rank, depth)
    else:
        low = _reach(text, suffixes, rank, depth, -1)
        high = _reach(text, suffixes, rank, depth, 1) + 1
    return low + (suffixes[low] + depth == len(text)), high


@njit(cache=True)
def _first_at_least(text, suffixes, low, high, depth, symbol):
    """The first rank of [low, high) whose symbol at `depth` is `symbol` or greater."""
    while low < high:
        middle = (low + high) // 2
        if text[suffixes[middle] + depth] < symbol:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def _narrow(text, suffixes, low, high, depth, symbol):
    """The part of a history's interval that goes on with `symbol`."""
    if high - low == 1:
        return low, low + (text[suffixes[low] + depth] == symbol)
    first = _first_at_least(text, suffixes, low, high, depth, symbol)
    if first == high or text[suffixes[first] + depth] != symbol:
        return first, first
    return first, _first_at_least(text, suffixes, first + 1, high, depth, symbol + 1)


@njit(cache=True)
def _back_off(text, suffixes, rank_of, shared, low, depth, symbol):
    """The longest continued suffix of a history and a symbol, without the oldest symbol at least.

    Bisects the number of symbols to drop: what the text continues, it does when shortened.
    """
    start = suffixes[low]
    least, most = 1, depth + 1
    best_low, best_high = 0, len(text)
    while least < most:
        drop = (least + most) // 2
        rest = depth - drop
        wide_low, wide_high = _histories_like(text, suffixes, shared, rank_of[start + drop], rest)
        first, last = _narrow(text, suffixes, wide_low, wide_high, rest, symbol)
        first += first < last and suffixes[first] + rest + 1 == len(text)
        if first < last:
            best_low, best_high, most = first, last, drop
        else:
            least = drop + 1
    return best_low, best_high, depth + 1 - most


@njit(cache=True)
def _extend(text, suffixes, rank_of, shared, order, low, high, depth, symbol):
    """The history (low, high, depth) after one symbol more."""
    if order == 0:
        return 0, len(text), 0
    if depth < order:
        first, last = _narrow(text, suffixes, low, high, depth, symbol)
        first += first < last and suffixes[first] + depth + 1 == len(text)
        if first < last:
            return first, last, depth + 1
    else:
        first = _first_at_least(text, suffixes, low, high, depth, symbol)
        if first < high and text[suffixes[first] + depth] == symbol:
            rank = rank_of[suffixes[first] + 1]
            first, last = _histories_like(text, suffixes, shared, rank, order)
            if first < last:
                return first, last, order
    return _back_off(text, suffixes, rank_of, shared, low, depth, symbol)


@njit(cache=True)
def advance(text, suffixes, rank_of, shared, order, low, high, depth, symbols):
    """The histories (low, high, depth: each (n,)) after one symbol each."""
    low, high, depth = low.copy(), high.copy(), depth.copy()
    for i in range(len(symbols)):
        low[i], high[i], depth[i] = _extend(
            text, suffixes, rank_of, shared, order, low[i], high[i], depth[i], symbols[i]
        )
    return low, high, depth


@njit(cache=True)
def histories(text, suffixes, rank_of, shared, order, sequence):
    """The histories (low, high, depth: each (T,)) after each symbol of a sequence."""
    lows = np.empty(len(sequence), np.int32)
    highs = np.empty(len(sequence), np.int32)
    depths = np.empty(len(sequence), np.int32)
    low, high, depth = 0, len(text), 0
    for t in range(len(sequence)):
        low, high, depth = _extend(
            text, suffixes, rank_of, shared, order, low, high, depth, sequence[t]
        )
        lows[t], highs[t], depths[t] = low, high, depth
    return lows, highs, depths


@njit(cache=True)
def next_symbol_log_probs(text, suffixes, low, high, depth, symbols):
    """(n,) log-probability of one next symbol of each history."""
    scores = np.empty(len(symbols))
    for i in range(len(symbols)):
        first, last = _narrow(text, suffixes, low[i], high[i], depth[i], symbols[i])
        scores[i] = np.log((last - first) / (high[i] - low[i])) if first < last else -np.inf
    return scores


@njit(cache=True)
def distributions(text, suffixes, size, low, high, depth):
    """(n, V) log-probabilities of what follows each history; walks the runs of equal symbols."""
    log_probs = np.full((len(low), size), -np.inf)
    for i in range(len(low)):
        rank, end = low[i], high[i]
        while rank < end:
            symbol = text[suffixes[rank] + depth[i]]
            inside, stride = rank, 1
            while inside + stride < end and text[suffixes[inside + stride] + depth[i]] == symbol:
                inside += stride
                stride *= 2
            run_end = _first_at_least(
                text, suffixes, inside + 1, min(inside + stride, end), depth[i], symbol + 1
            )
            log_probs[i, symbol] = np.log((run_end - rank) / (high[i] - low[i]))
            rank = run_end
    return log_probs


@njit(cache=True)
def draw(text, suffixes, low, high, depth, uniforms):
    """(n,) the symbol after a random occurrence of each history."""
    symbols = np.empty(len(low), np.int32)
    for i in range(len(low)):
        rank = low[i] + np.int64(uniforms[i] * (high[i] - low[i]))
        symbols[i] = text[suffixes[rank] + depth[i]]
    return symbols
