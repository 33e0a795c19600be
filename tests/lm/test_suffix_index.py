"""The suffix index and its n-grams against counting by hand."""

import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from pipeline.lm.io.errors import InputError
from pipeline.lm.ngram.suffix_index import NGram, SuffixIndex
from pipeline.lm.vocabulary import Vocabulary

SIZE = 4
FOREIGN = SIZE + 1

pieces = st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=12)
texts = st.one_of(
    st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=60),
    st.builds(lambda piece, times: piece * times, pieces, st.integers(1, 6)),  # repetitive
)
sequences = st.lists(st.integers(0, FOREIGN), min_size=1, max_size=30)
orders = st.one_of(st.none(), st.integers(0, 8))
dtypes = st.sampled_from([np.uint8, np.uint32])


def counted(text: list[int], history: list[int], order: int | None) -> Counter[int]:
    """What follows the longest suffix of a history that the text continues, by search."""
    longest = len(history) if order is None else min(order, len(history))
    for foreign, symbol in enumerate(reversed(history[len(history) - longest :])):
        if symbol >= SIZE:
            longest = foreign
            break
    searched = bytes(text)
    for length in range(longest, -1, -1):
        suffix, found = bytes(history[len(history) - length :]), -1
        followers: Counter[int] = Counter()
        while (found := searched.find(suffix, found + 1, len(searched) - 1)) >= 0:
            followers[text[found + length]] += 1
        if followers:
            return followers
    raise AssertionError("the empty history is always followed")


def log_frequencies(followers: Counter[int]) -> NDArray[np.float64]:
    counts = np.array([followers[symbol] for symbol in range(SIZE)])
    with np.errstate(divide="ignore"):
        return np.log(counts / counts.sum())


def steps(model: NGram, sequence: NDArray) -> NDArray[np.float64]:
    """(T, V) the distributions reached step by step."""
    state, rows = model.start(1), []
    for symbol in sequence:
        log_probs, state = model.step(state, np.array([symbol]))
        rows.append(log_probs[0])
    return np.stack(rows)


@given(texts, sequences, orders, dtypes)
@settings(max_examples=300)
def test_distributions_are_those_of_counting(
    text: list[int], sequence: list[int], order: int | None, dtype: type
) -> None:
    model = SuffixIndex.build(np.array(text, dtype), SIZE).ngram(order)
    expected = [
        log_frequencies(counted(text, sequence[: t + 1], order)) for t in range(len(sequence))
    ]
    found = model.log_probs(np.array(sequence, dtype))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_array_equal(steps(model, np.array(sequence, dtype)), found)


@given(texts, sequences, orders)
def test_symbol_log_probs_are_those_of_the_rows(
    text: list[int], sequence: list[int], order: int | None
) -> None:
    model = SuffixIndex.build(np.array(text, np.uint8), SIZE).ngram(order)
    rows = model.log_probs(np.array(sequence))
    expected = [
        row[symbol] if symbol < SIZE else -np.inf
        for row, symbol in zip(rows, sequence[1:], strict=False)
    ]
    np.testing.assert_allclose(model.symbol_log_probs(np.array(sequence)), expected, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_intervals_of_many_blocks(order: int) -> None:
    """Histories so frequent that their intervals span blocks, and blocks of blocks.

    After the rare 2 they are entered anywhere in the middle.
    """
    text = np.random.default_rng(0).choice(3, 400_000, p=[0.2, 0.79999, 0.00001]).astype(np.uint8)
    sequence = np.random.default_rng(1).choice(3, 60, p=[0.3, 0.5, 0.2])
    found = np.exp(SuffixIndex.build(text, 3).ngram(order).log_probs(sequence))
    windows = np.lib.stride_tricks.sliding_window_view(text, order + 1)
    compared = 0
    for t in range(order, len(sequence)):
        followers = windows[(windows[:, :-1] == sequence[t + 1 - order : t + 1]).all(1), -1]
        if len(followers):
            shares = np.bincount(followers, minlength=3) / len(followers)
            np.testing.assert_allclose(found[t], shares, atol=1e-12)
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("order", [256, 300, None])
def test_histories_longer_than_a_byte_can_count(order: int | None) -> None:
    random = np.random.default_rng(0)
    piece = random.integers(0, SIZE, 400)
    text = np.concatenate(
        [np.append(piece[i % 7 :], random.integers(0, SIZE, 2)) for i in range(9)]
    )
    sequence = np.concatenate([piece, text[390:430], piece[5:390]])
    found = SuffixIndex.build(text.astype(np.uint8), SIZE).ngram(order).log_probs(sequence)
    for t in [254, 255, 256, 257, 300, 301, 389, 399, 400, 430, 439, 500, 700, len(sequence) - 1]:
        expected = log_frequencies(counted(text.tolist(), sequence[: t + 1].tolist(), order))
        np.testing.assert_allclose(found[t], expected, atol=1e-12)


def naive_matches(text: list[int], sequence: list[int]) -> list[int]:
    joined = "".join(map(chr, text))
    query = "".join(map(chr, sequence))
    return [
        max(length for length in range(len(query) - i + 1) if query[i : i + length] in joined)
        for i in range(len(query))
    ]


def spliced(text: list[int], cuts: list[tuple[int, int]]) -> list[int]:
    """Pieces of a text in a row."""
    return [symbol for start, length in cuts for symbol in text[start % len(text) :][:length]]


cuts = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8)), min_size=1, max_size=6)


@given(texts, sequences, cuts, st.booleans(), dtypes)
@settings(max_examples=500)
def test_matches_are_the_longest(
    text: list[int], sequence: list[int], cuts: list[tuple[int, int]], splice: bool, dtype: type
) -> None:
    if splice:
        sequence = spliced(text, cuts)
    index = SuffixIndex.build(np.array(text, dtype), SIZE)
    assert index.matches(np.array(sequence)).tolist() == naive_matches(text, sequence)


def test_matches_across_blocks_of_running_counts() -> None:
    """Texts far longer than a block, and copies of it in the sequence."""
    random = np.random.default_rng(0)
    text = random.integers(0, SIZE, 3000).astype(np.uint8)
    sequence = np.concatenate([random.integers(0, FOREIGN + 1, 300), text[900:1500], text[-7:]])
    found = SuffixIndex.build(text, SIZE).matches(sequence)
    assert found.tolist() == naive_matches(text.tolist(), sequence.tolist())


def test_matches_of_the_text_itself_take_linear_time() -> None:
    text = np.zeros(200_000, np.uint8)
    matches = SuffixIndex.build(text, 1).matches(text)
    np.testing.assert_array_equal(matches, np.arange(len(text), 0, -1))


def test_unbounded_order_recites_and_recovers() -> None:
    """A history as long as the text costs no more than a short one when it breaks off."""
    text = np.random.default_rng(0).integers(0, SIZE, 50_000).astype(np.uint8)
    text[-1] = 0
    index = SuffixIndex.build(np.append(text, 3), SIZE)
    surprised = np.append(text, [1, 2])
    scores = index.ngram(None).symbol_log_probs(surprised)
    assert (scores[50:-2] == 0).all()  # certain: the history occurs once
    assert scores[-2] == -np.inf  # it went on with 3
    history = surprised[-13:-1].tolist()
    expected = log_frequencies(counted(index.text.tolist(), history, None))
    assert scores[-1] == pytest.approx(expected[2])


def test_characters_beyond_bytes() -> None:
    characters = "Ωμέγα και άλφα: 𝄞 ω, ω, 中文 中文 中文。" * 3
    vocabulary = Vocabulary.of(characters.encode(), "characters")
    model = SuffixIndex.build(vocabulary.encode(characters.encode()), vocabulary.size).ngram(2)
    row = model.log_probs(vocabulary.encode("中".encode()))[0]
    assert np.flatnonzero(np.exp(row)).tolist() == vocabulary.encode("文".encode()).tolist()


def test_ids_need_no_room_of_their_own() -> None:
    """256 symbols fill a byte; the neighbours of id 255 do not wrap round."""
    text = np.arange(256).repeat(2).astype(np.uint8)
    model = SuffixIndex.build(text, 256).ngram(1)
    row = np.exp(model.log_probs(np.array([254], np.uint8))[0])
    assert (row[254], row[255]) == (0.5, 0.5)
    assert SuffixIndex.build(text, 256).matches(np.array([254, 255, 255])).tolist() == [3, 2, 1]


@given(texts, orders, st.integers(0, 2**32 - 1))
def test_draws_are_occurrences_and_streams_independent(
    text: list[int], order: int | None, seed: int
) -> None:
    """Every drawn symbol follows the history; a stream does not depend on its neighbours."""
    model = SuffixIndex.build(np.array(text, np.uint8), SIZE).ngram(order)
    uniforms = np.random.default_rng(seed).random((10, 3))
    drawn = np.empty((10, 3), np.int64)
    state, alone = model.start(3), model.start(1)
    for t in range(10):
        drawn[t] = model.draw(state, uniforms[t])
        assert model.draw(alone, uniforms[t, [1]])[0] == drawn[t, 1]
        before = [array.copy() for array in state]
        advanced = model.advance(state, drawn[t])
        alone = model.advance(alone, drawn[t, [1]])
        for array, copy in zip(state, before, strict=True):
            np.testing.assert_array_equal(array, copy)
        np.testing.assert_array_equal(advanced.select(np.array([1])), alone)
        state = advanced
    for stream in drawn.T.tolist():
        for t in range(10):
            assert counted(text, stream[:t], order)[stream[t]] > 0


@pytest.mark.parametrize("order", [0, 1, 3])
def test_draws_have_the_distribution(order: int) -> None:
    text = np.random.default_rng(0).choice(SIZE, 500, p=[0.5, 0.3, 0.15, 0.05]).astype(np.uint8)
    model = SuffixIndex.build(text, SIZE).ngram(order)
    state = model.start(1)
    for symbol in (0, 1, 0):
        log_probs, state = model.step(state, np.array([symbol]))
    expected = np.exp(log_probs[0])
    uniforms = np.random.default_rng(1).random(20_000)
    drawn = model.draw(state.select(np.zeros(len(uniforms), int)), uniforms)
    observed = np.bincount(drawn, minlength=SIZE)
    possible = expected > 0
    assert (observed[~possible] == 0).all()
    assert chisquare(observed[possible], 20_000 * expected[possible]).pvalue > 0.001


def test_states_keep_what_a_stream_needs_to_go_on() -> None:
    text = np.random.default_rng(0).integers(0, SIZE, 2000).astype(np.uint8)
    model = SuffixIndex.build(text, SIZE).ngram(5)
    streams = np.random.default_rng(1).integers(0, SIZE, (20, 4))
    state = model.start(4)
    for symbols in streams:
        _, state = model.step(state, symbols)
    chosen = np.array([2, 0])
    onward, _ = model.step(state.select(chosen), np.array([1, 3]))
    expected = [steps(model, np.append(streams[:, i], s))[-1] for i, s in ((2, 1), (0, 3))]
    np.testing.assert_array_equal(onward, expected)


@given(texts, dtypes)
def test_saved_index_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, text: list[int], dtype: type
) -> None:
    ids: NDArray = np.array(text, dtype)
    path = tmp_path_factory.mktemp("index") / "index.npy"
    built = SuffixIndex.build(ids, SIZE)
    built.save(path)
    loaded = SuffixIndex.load(path, ids, SIZE)
    np.testing.assert_array_equal(loaded.suffixes, built.suffixes)
    np.testing.assert_array_equal(loaded.rank_of, built.rank_of)
    np.testing.assert_array_equal(loaded.ngram(2).log_probs(ids), built.ngram(2).log_probs(ids))


@given(texts.filter(lambda text: len(text) > 1), st.data())
def test_any_other_order_of_suffixes_is_refused(
    tmp_path_factory: pytest.TempPathFactory, text: list[int], data: st.DataObject
) -> None:
    ids = np.array(text, np.uint8)
    suffixes = SuffixIndex.build(ids, SIZE).suffixes.copy()
    place = data.draw(st.integers(0, len(text) - 1))
    value = data.draw(st.integers(-2, len(text) + 1).filter(lambda v: v != suffixes[place]))
    if data.draw(st.booleans()) and 0 <= value < len(text):
        suffixes[np.flatnonzero(suffixes == value)] = suffixes[place]
    suffixes[place] = value
    path = tmp_path_factory.mktemp("index") / "index.npy"
    np.save(path, suffixes)
    with pytest.raises(InputError, match=r"index\.npy is damaged.*delete it"):
        SuffixIndex.load(path, ids, SIZE)


@pytest.mark.parametrize("content", [None, b"", b"not an array", "cut", "floats", "short"])
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes | str | None) -> None:
    text = np.arange(100, dtype=np.uint8) % SIZE
    path = tmp_path / "index.npy"
    SuffixIndex.build(text, SIZE).save(path)
    if content == "floats":
        np.save(path, np.zeros(100))
    elif content == "short":
        np.save(path, np.arange(99, dtype=np.int32))
    elif content == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.unlink()
    with pytest.raises(InputError, match=r"index\.npy .*delete it and run pipeline.baseline again"):
        SuffixIndex.load(path, text, SIZE)


def test_the_index_of_another_text_is_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    text, other = random.integers(0, SIZE, (2, 1000)).astype(np.uint8)
    SuffixIndex.build(text, SIZE).save(tmp_path / "index.npy")
    with pytest.raises(InputError, match="of another text"):
        SuffixIndex.load(tmp_path / "index.npy", other, SIZE)


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="0 symbols cannot be indexed"):
        SuffixIndex.build(np.empty(0, np.uint8), SIZE)
    with pytest.raises(InputError, match="symbol id 9, its vocabulary only 4"):
        SuffixIndex.build(np.array([1, 9], np.uint8), SIZE)
    with pytest.raises(InputError, match="-1 symbols of context"):
        SuffixIndex.build(np.array([1, 2], np.uint8), SIZE).ngram(-1)


def mirrored(name: str) -> bytes:
    folder = os.environ.get("CORPORA_MIRROR")
    if folder is None or not (Path(folder) / name).exists():
        pytest.skip(f"CORPORA_MIRROR has no {name}")
    return (Path(folder) / name).read_bytes()


def test_order_four_of_the_reply() -> None:
    """Goldberg's distribution after `ello` on Shakespeare, 587 occurrences.

    The mirror's file is a variant: 586, of which two fewer go on with w and one more with r.
    """
    text = mirrored("shakespeare_input.txt")
    vocabulary = Vocabulary.of(text)
    model = SuffixIndex.build(vocabulary.encode(text), vocabulary.size).ngram(4)

    def after(history: bytes) -> dict[str, float]:
        row = np.exp(model.log_probs(vocabulary.encode(history))[-1])
        return {vocabulary.decode(np.array([i])).decode(): row[i] for i in np.flatnonzero(row)}

    printed = {"w": 0.8177, "r": 0.0596, "u": 0.0375, ",": 0.0273, "'": 0.0170, " ": 0.0136,
               ".": 0.0068, "!": 0.0068, "?": 0.0068, ":": 0.0051, "n": 0.0017}  # fmt: skip
    found = after(b"ello")
    assert found == pytest.approx(printed, abs=0.0021)
    unchanged = {symbol: printed[symbol] for symbol in printed if symbol not in "wr"}
    assert {symbol: found[symbol] for symbol in unchanged} == pytest.approx(unchanged, abs=0.0002)
    assert after(b"Firs") == {"t": 1.0}


def test_agrees_with_a_dictionary_of_counters() -> None:
    """The reply's model, order 7 on a real text: every history of another part of the text."""
    text = mirrored("tinyshakespeare_input.txt")
    train, test = text[:300_000], text[600_000:603_000]
    vocabulary = Vocabulary.of(train)
    counters: defaultdict[bytes, Counter[int]] = defaultdict(Counter)
    for i in range(7, len(train)):
        counters[train[i - 7 : i]][train[i]] += 1
    model = SuffixIndex.build(vocabulary.encode(train), vocabulary.size).ngram(7)
    rows = np.exp(model.log_probs(vocabulary.encode(test)))
    seen = [t for t in range(7, len(test)) if test[t - 7 : t] in counters]
    assert len(seen) > 1000
    for t in seen:
        counter = counters[test[t - 7 : t]]
        row = np.zeros(vocabulary.size)
        for byte, count in counter.items():
            row[vocabulary.encode(bytes([byte]))] = count / counter.total()
        np.testing.assert_allclose(rows[t - 1], row, atol=1e-12)
