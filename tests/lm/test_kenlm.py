"""KenLM: its scores, its distributions, its files and its complaints."""

import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import pruning
from pipeline.lm.io.errors import InputError
from pipeline.lm.ngram.kenlm import KenLM, estimation, run, sentence, train
from pipeline.lm.scoring import score
from pipeline.lm.vocabulary import Vocabulary

SIZE = 12
FOREIGN = SIZE + 3


def program(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip("KenLM's programs are not built: `make demo` does that")
    return found


def walk(length: int, seed: int) -> NDArray[np.uint8]:
    """A random walk on the symbols: it has structure, and every symbol occurs."""
    steps = np.random.default_rng(seed).choice([1, 2, SIZE - 1], length, p=[0.7, 0.2, 0.1])
    return (np.cumsum(steps) % SIZE).astype(np.uint8)


def train_walk(path: Path, order: int, *, length: int = 3000, quantise: bool = False) -> None:
    program("lmplz")
    train(walk(length, 0), SIZE, order, path, memory="100M", prune=[], quantise=quantise)


@pytest.fixture(scope="module", params=[(1, False), (2, False), (4, False), (4, True), (20, True)])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    order, quantise = request.param
    path = tmp_path_factory.mktemp("kenlm") / "model.bin"
    train_walk(path, order, quantise=quantise)
    assert [found.name for found in path.parent.iterdir()] == ["model.bin"]
    return path


@pytest.fixture
def sequence() -> NDArray[np.uint8]:
    """A text of the same kind with faults: random symbols, and one foreign symbol."""
    sequence = walk(400, 1)
    sequence[::50] = np.random.default_rng(2).integers(0, SIZE, 8)
    sequence[200] = FOREIGN
    return sequence


def stepwise(model: KenLM, sequence: NDArray) -> NDArray[np.float64]:
    """(T, V) the distributions reached step by step."""
    state, rows = model.start(1), []
    for symbol in sequence:
        log_probs, state = model.step(state, np.array([symbol]))
        rows.append(log_probs[0])
    return np.stack(rows)


def query(path: Path, sentences: list[list[str]]) -> NDArray[np.float64]:
    """Log10 probabilities of the words of sentences of one length, by KenLM's own program."""
    said = subprocess.run(
        [program("query"), "-n", "-v", "word", path],
        input="".join(" ".join(words) + "\n" for words in sentences),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    scores = [float(word.split()[-1]) for word in said.split("\t") if "=" in word]
    return np.array(scores).reshape(len(sentences), -1)


def words_of(sequence: NDArray) -> list[str]:
    return [str(symbol) if symbol < SIZE else "<unk>" for symbol in sequence]


def test_scores_are_those_of_the_query_program(path: Path, sequence: NDArray) -> None:
    words = words_of(sequence)
    raw = KenLM(path, SIZE).model.full_scores(" ".join(words), bos=False, eos=False)
    np.testing.assert_allclose([[score for score, _, _ in raw]], query(path, [words]), atol=1e-4)


@pytest.mark.parametrize(
    "oddity",
    [b"<s>", b"</s>", b"<unk>", b"\t", b"\x00", b"\xef\xbb\xbf", b"\r\n", b" ", b"\xff\xfe"],
)
def test_texts_that_hold_what_kenlm_itself_writes(tmp_path: Path, oddity: bytes) -> None:
    """Its marks of a sentence's ends and of unknown words, and bytes between or before words."""
    text = b"".join(oddity + b"the %d of <%d>" % (n % 7, n % 5) for n in range(300)) + oddity
    vocabulary = Vocabulary.of(text)
    program("lmplz")
    path, ids = tmp_path / "model.bin", vocabulary.encode(text)
    train(ids, vocabulary.size, 5, path, memory="100M", prune=[], quantise=False)
    words = [str(symbol) for symbol in ids[:200]]
    raw = KenLM(path, vocabulary.size).model.full_scores(" ".join(words), bos=False, eos=False)
    np.testing.assert_allclose([[score for score, _, _ in raw]], query(path, [words]), atol=1e-4)
    assert (KenLM(path, vocabulary.size).symbol_log_probs(ids[:200]) > -np.inf).all()


@pytest.mark.parametrize("length", [1, 2, 30, 201, 202, 399])
def test_distributions_are_those_of_the_query_program_renormalised(
    path: Path, sequence: NDArray, length: int
) -> None:
    history = words_of(sequence[:length])
    scores = query(path, [[*history, str(symbol)] for symbol in range(SIZE)])
    weights = 10 ** scores[:, -1]
    rows = KenLM(path, SIZE).log_probs(sequence[:length])
    np.testing.assert_allclose(rows[-1], np.log(weights / weights.sum()), atol=1e-4)


def test_steps_and_whole_sequences_agree(path: Path, sequence: NDArray) -> None:
    model = KenLM(path, SIZE)
    rows = stepwise(model, sequence)
    np.testing.assert_array_equal(model.log_probs(sequence), rows)
    inside = sequence[1:] < SIZE
    expected = rows[:-1][inside, sequence[1:][inside]]
    scores = model.symbol_log_probs(sequence)
    np.testing.assert_allclose(scores[inside], expected, atol=1e-5)
    assert (scores[~inside] == -np.inf).all()


def test_distributions_sum_to_one(path: Path, sequence: NDArray) -> None:
    rows = KenLM(path, SIZE).log_probs(sequence)
    np.testing.assert_allclose(np.exp(rows).sum(1), 1, atol=1e-12)


def test_streams_are_independent_and_states_immutable(path: Path) -> None:
    model = KenLM(path, SIZE)
    streams = np.stack([walk(20, seed) for seed in range(3)], 1)
    state = model.start(3)
    for symbols in streams[:-1]:
        log_probs, state = model.step(state, symbols)
    last, _ = model.step(state, streams[-1])
    again, _ = model.step(state, streams[-1])
    np.testing.assert_array_equal(last, again)
    for i in range(3):
        np.testing.assert_array_equal(
            stepwise(model, streams[:, i])[-2:, :], [log_probs[i], last[i]]
        )


def test_order_counts_the_predicted_symbol(tmp_path: Path) -> None:
    """Order 3 has two symbols of context: a third one back changes nothing, a second one does."""
    train_walk(tmp_path / "model.bin", 3)
    model = KenLM(tmp_path / "model.bin", SIZE)
    third_back = model.log_probs(np.array([1, 4, 5]))[-1], model.log_probs(np.array([9, 4, 5]))[-1]
    second_back = model.log_probs(np.array([4, 5]))[-1], model.log_probs(np.array([6, 5]))[-1]
    np.testing.assert_array_equal(*third_back)
    assert np.abs(second_back[0] - second_back[1]).max() > 0.1


def test_order_one_is_the_frequency_of_symbols(tmp_path: Path) -> None:
    train_walk(tmp_path / "model.bin", 1, length=100_000)
    rows = KenLM(tmp_path / "model.bin", SIZE).log_probs(walk(10, 1))
    frequency = np.bincount(walk(100_000, 0), minlength=SIZE) / 100_000
    np.testing.assert_allclose(np.exp(rows), np.tile(frequency, (10, 1)), atol=1e-3)


def test_pruning_and_rounding_make_it_smaller(tmp_path: Path) -> None:
    text = np.random.default_rng(0).integers(0, SIZE, 30_000)
    sizes = []
    program("lmplz")
    for prune, quantise in [([], False), ([], True), ([0, 0, 1], False)]:
        path = tmp_path / "model.bin"
        train(text, SIZE, 6, path, memory="100M", prune=prune, quantise=quantise)
        assert KenLM(path, SIZE).quantised == quantise
        sizes.append(path.stat().st_size)
    assert sizes[1] < 0.8 * sizes[0]
    assert sizes[2] < 0.8 * sizes[0]


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".model.bin.kenlm-dead").mkdir()
    (tmp_path / ".model.bin.kenlm-dead" / "arpa").write_text("half")
    train_walk(tmp_path / "model.bin", 2)
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


@pytest.mark.parametrize(
    ("order", "memory", "prune", "complaint"),
    [
        (0, "100M", [], "no KenLM order 0: give 1 to 20"),
        (21, "100M", [], "no KenLM order 21: give 1 to 20"),
        (3, "100M", [3, 2], "should be in non-decreasing order"),
        (3, "100Q", [], "memory size"),
    ],
)
def test_bad_settings_are_named_and_leave_nothing(
    tmp_path: Path, order: int, memory: str, prune: list[int], complaint: str
) -> None:
    program("lmplz")
    path = tmp_path / "model.bin"
    with pytest.raises(InputError, match=complaint) as caught:
        train(walk(100, 0), SIZE, order, path, memory=memory, prune=prune, quantise=False)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_text_outside_its_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ids below 5"):
        train(walk(100, 0), 5, 3, tmp_path / "model.bin", memory="1G", prune=[], quantise=False)


def test_missing_programs_say_what_builds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"lmplz is neither in .*`make demo` builds it"):
        train(walk(100, 0), SIZE, 3, tmp_path / "model.bin", memory="1G", prune=[], quantise=False)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "other vocabulary"])
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    path, size = tmp_path / "model.bin", SIZE
    train_walk(path, 3)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "other vocabulary":
        size = SIZE - 1
    else:
        path.write_bytes({"empty": b"", "cut": content[:-1000], "text": b"no model\n"}[damage])
    with pytest.raises(InputError, match=r"model\.bin is not a .*KenLM model.*: delete it"):
        KenLM(path, size)


def test_a_program_that_is_killed_says_by_what() -> None:
    with pytest.raises(InputError, match="KenLM's sh was killed by SIGKILL: give it more memory"):
        run(["sh", "-c", "echo no reason >&2; kill -9 $$"])


@pytest.mark.parametrize("prune", [[], [0, 0, 1]])
def test_the_ngrams_that_a_text_reads_score_it_as_the_whole_model(
    prune: list[int], sequence: NDArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("lmplz")
    text, kept = walk(3000, 0), []

    def keep(arpa: IO[bytes], wanted: set[bytes], out: Path) -> int:
        total = pruning_keep(arpa, wanted, out)
        kept.append(sum(b"\t" in line for line in out.read_bytes().splitlines()))
        return total

    pruning_keep = pruning.keep
    monkeypatch.setattr(pruning, "keep", keep)
    monkeypatch.setattr(pruning, "WINDOW", 100)
    options = Namespace(order=20, memory="100M", folder=tmp_path)
    found, total = pruning.nats(text, sequence, SIZE, prune, options)

    train(text, SIZE, 20, tmp_path / "whole", memory="100M", prune=prune, quantise=False)
    model = KenLM(tmp_path / "whole", SIZE)
    whole = [one for _, one in score(model, sequence, 100, options.order)]
    assert found == pytest.approx([one.nats / one.symbols for one in whole], abs=1e-9)
    command = estimation(SIZE, 20, tmp_path, memory="100M", prune=prune)
    assert total == run(command, sentence(text, SIZE), lambda arpa: sum(b"\t" in a for a in arpa))
    assert SIZE < kept[0] < total / 2
