"""KenLM: n-grams of symbols with modified Kneser-Ney smoothing.

A KenLM order counts the predicted symbol: order N has N - 1 symbols of context. So here it is
always called `kenlm_order`, beside `context`.

Each symbol id is a word, its decimal number, so that spaces and other bytes are safe; a text is
one sentence. KenLM predicts two words besides the V symbols, `</s>` and `<unk>`: their share is
taken out and the rest renormalised, so that distributions are over the V symbols, as those of any
other model here.

Source: Heafield et al. 2013, "Scalable Modified Kneser-Ney Language Model Estimation".
Shapes: n parallel streams, N symbols of training text, V symbols, T symbols of a sequence.
"""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import kenlm
import numpy as np
from numpy.typing import NDArray

from pipeline.lm.io.errors import FULL, InputError
from pipeline.lm.io.files import atomic_write
from pipeline.lm.io.processes import ends_with_this
from pipeline.lm.protocol import Symbols

KENLM_ORDERS = range(1, 21)
"""20 is what `make demo` compiles KenLM for."""
SYMBOLS_PER_WRITE = 1 << 20
TRIE = ("-a", "22", "trie")
# 12 bits cost .00003 nats a symbol at orders 10 and 20 of War and Peace, 8 bits .0014 and .002.
QUANTISED = ("-q", "12", "-b", "12")
END, UNKNOWN = "</s>", "<unk>"
HEADER_BYTES, STRUCTURE_OFFSET = 100, 96
ORDER_OFFSET, COUNTS_OFFSET = 88, 108
QUANTISED_STRUCTURES = (3, 5)
"""KenLM's numbers, in the header of its binaries, of the structures that round probabilities."""
LOG_10 = float(np.log(10))

States = tuple[kenlm.State, ...]


def train(
    ids: NDArray,
    size: int,
    kenlm_order: int,
    out: Path,
    *,
    memory: str,
    prune: list[int],
    quantise: bool,
) -> None:
    """Estimate a model of a training text and write it as a KenLM binary.

    Temporary files (sorts and ARPA text: at order 20 some 800 bytes a symbol of text unless
    pruned) live in a hidden folder beside `out`, which is removed at the end and on failure.

    Args:
        ids: (N,) symbol ids below `size`.
        size: V.
        kenlm_order: 1 to 20, one more than the symbols of context.
        out: path of the binary.
        memory: for sorting, as `sort -S` takes it: "2G", "40%".
        prune: leave out n-grams seen that often or less, a threshold for each order from 1 up, the
            last one repeated; empty: leave out none.
        quantise: round probabilities to 12 bits: half the size, scored 10 times slower.

    Raises InputError if KenLM is missing or fails, or an argument is out of range.
    """
    if kenlm_order not in KENLM_ORDERS:
        raise InputError(
            f"there is no KenLM order {kenlm_order}: give {KENLM_ORDERS[0]} to {KENLM_ORDERS[-1]} "
            "(the symbols of context and one)"
        )
    if not len(ids) or int(ids.max()) >= size:
        raise InputError(f"KenLM needs a text of symbol ids below {size}: run preprocess again")
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}.kenlm-"
    for left in out.parent.glob(f"{prefix}*"):  # by a process that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=prefix) as folder:
        arpa, binary = Path(folder, "arpa"), Path(folder, "binary")
        estimate = estimation(size, kenlm_order, Path(folder), memory=memory, prune=prune)
        run([*estimate, "--arpa", f"{arpa}"], sentence(ids, size))
        if kenlm_order == 1:
            _pad_unigrams(arpa)
        build = [program("build_binary"), "-S", memory, "-T", f"{folder}/"]
        run([*build, *(QUANTISED if quantise else ()), *TRIE, f"{arpa}", f"{binary}"])
        with atomic_write(out) as target, binary.open("rb") as source:
            shutil.copyfileobj(source, target, 1 << 20)


def estimation(
    size: int, kenlm_order: int, folder: Path, *, memory: str, prune: list[int]
) -> list[str]:
    """The command that reads a text as `sentence` gives it and prints its model in ARPA format.

    Arguments as those of `train`; lmplz keeps its sorts in `folder`.
    """
    command = [program("lmplz"), "--order", f"{kenlm_order}", "--discount_fallback",
               "--memory", memory, "--temp_prefix", f"{folder}/",
               "--vocab_estimate", f"{size}"]  # fmt: skip
    return [*command, "--prune", *map(str, prune[:kenlm_order])] if prune else command


def program(name: str) -> str:
    """A program of KenLM, from the running interpreter's folder or from PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise InputError(
            f"KenLM's program {name} is neither in {beside.parent} nor on PATH: `make demo` "
            "builds it"
        )
    return found


def sentence(ids: NDArray, size: int) -> Iterator[bytes]:
    """The text as one line of words; without its end KenLM would drop the last word."""
    words = [b"%d " % symbol for symbol in range(size)]
    for start in range(0, len(ids), SYMBOLS_PER_WRITE):
        yield b"".join(map(words.__getitem__, ids[start : start + SYMBOLS_PER_WRITE].tolist()))
    yield b"\n"


def _pad_unigrams(arpa: Path) -> None:
    """Add a bigram to a unigram model: KenLM queries none without. No stream ever reads `<s>`."""
    text = arpa.read_text(encoding="utf-8")
    text = text.replace("\n\n\\1-grams:", "\nngram 2=1\n\n\\1-grams:")
    text = text.replace("\n\\end\\", "\n\\2-grams:\n-1\t<s> </s>\n\n\\end\\")
    arpa.write_text(text, encoding="utf-8")


def run(
    command: list[str],
    text: Iterable[bytes] = (),
    read: Callable[[IO[bytes]], Any] = lambda printed: printed.read(),
) -> Any:
    """Run a program of KenLM on a text; what `read` makes of what it prints.

    Raises InputError with the program's own reason if it fails.
    """
    with (
        # In memory: a full disk would not take the line that says so.
        os.fdopen(os.memfd_create("kenlm"), "w+b") as said,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            preexec_fn=ends_with_this(),
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it failed early: its status says so
                for part in text:
                    process.stdin.write(part)
                process.stdin.close()
            found = read(process.stdout)
            process.wait()
        except BaseException:
            process.kill()
            raise
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").splitlines()
    if code := process.returncode:
        reasons = [line.strip() for line in lines if len(line.strip()) > len("ERROR")]
        reason = reasons[-1] if reasons else "no message"
        how = f"failed with status {code} ({reason})"
        if code < 0 and -code != signal.SIGABRT:  # which it sends itself, having said why
            how = f"was killed by {signal.Signals(-code).name}"
        is_full = any(os.strerror(errno.ENOSPC) in line for line in lines)
        raise InputError(
            f"KenLM's {Path(command[0]).name} {how}: "
            + (FULL if is_full else "give it more memory, prune more, or lower the order")
        )
    return found


def ngram_counts(path: Path) -> list[int]:
    """How many n-grams of each order, from 1 on, a binary stores; its header says it."""
    with path.open("rb") as file:
        header = file.read(COUNTS_OFFSET)
        counts = file.read(8 * header[ORDER_OFFSET])
    return np.frombuffer(counts, "<u8").tolist()


def _is_quantised(path: Path) -> bool:
    """Whether the structure of a binary rounds probabilities."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    return int.from_bytes(header[STRUCTURE_OFFSET:], "little") in QUANTISED_STRUCTURES


class KenLM:
    """A trained KenLM model (`LanguageModel`).

    Streams start from the null context, not from `<s>`, which stands for the beginning of the
    training text: a sequence is a piece of running text. A symbol outside the vocabulary is fed
    as `<unk>`, which cuts the context.
    """

    def __init__(self, path: Path, size: int) -> None:
        """Memory-map what `train` wrote; InputError if it is not a model of `size` symbols."""
        remedy = "delete it and run pipeline.baseline again"
        settings = kenlm.Config()
        settings.show_progress = False
        try:
            self.quantised = _is_quantised(path)
            self.model = kenlm.Model(str(path), settings)
        except (OSError, ValueError) as error:  # ValueError: its complaint quotes other bytes
            raise InputError(f"{path} is not a readable KenLM model: {remedy}") from error
        self.size = size
        self.words = (*map(str, range(size)), UNKNOWN)
        """(V + 1,) the word of each symbol id, then that of any symbol outside the vocabulary."""
        if not all(word in self.model for word in self.words[:size]) or str(size) in self.model:
            raise InputError(f"{path} is not a KenLM model of {size} symbols: {remedy}")

    def start(self, n: int) -> States:
        """The null context, n times."""
        state = kenlm.State()
        self.model.NullContextWrite(state)
        return (state,) * n

    def _word(self, symbol: int) -> str:
        return self.words[min(symbol, self.size)]

    def _after(self, state: kenlm.State, symbol: int) -> kenlm.State:
        after = kenlm.State()
        self.model.BaseScore(state, self._word(symbol), after)
        return after

    def _raw(self, state: kenlm.State) -> NDArray[np.float64]:
        """(V,) KenLM's own log10 probabilities of the symbols."""
        score, unused = self.model.BaseScore, kenlm.State()
        return np.array([score(state, word, unused) for word in self.words[: self.size]])

    def _mass(self, state: kenlm.State) -> float:
        """What KenLM gives to the V symbols together.

        Unrounded probabilities sum to 1 with those of `</s>` and `<unk>` (to 1e-6).
        """
        if self.quantised:
            return float((10 ** self._raw(state)).sum())
        score, unused = self.model.BaseScore, kenlm.State()
        return 1 - 10 ** score(state, END, unused) - 10 ** score(state, UNKNOWN, unused)

    def _distribution(self, state: kenlm.State) -> NDArray[np.float64]:
        """(V,) natural-log probabilities of the next symbol."""
        raw = self._raw(state)
        return (raw - np.log10((10**raw).sum())) * LOG_10

    def step(self, state: States, symbols: Symbols) -> tuple[NDArray[np.float64], States]:
        """See `LanguageModel.step`: (n, V) natural-log probabilities and the new state."""
        after = tuple(map(self._after, state, symbols.tolist()))
        return np.stack([self._distribution(one) for one in after]), after

    def log_probs(self, sequence: Symbols) -> NDArray[np.float64]:
        """(T, V) natural-log probabilities: row t is the distribution after t + 1 symbols."""
        rows = np.empty((len(sequence), self.size))
        (state,) = self.start(1)
        for t, symbol in enumerate(sequence.tolist()):
            state = self._after(state, symbol)
            rows[t] = self._distribution(state)
        return rows

    def symbol_log_probs(self, sequence: Symbols) -> NDArray[np.float64]:
        """(T - 1,) natural-log probability that each of `sequence[1:]` had.

        -inf for a symbol outside the vocabulary, which is none of the V predicted.
        """
        raw, masses = np.empty(len(sequence)), np.empty(len(sequence))
        state, after = self.start(1)[0], kenlm.State()
        for t, symbol in enumerate(sequence.tolist()):
            masses[t] = self._mass(state)
            raw[t] = self.model.BaseScore(state, self._word(symbol), after)
            state, after = after, state
        log_probs = (raw - np.log10(masses)) * LOG_10
        return np.where(sequence < self.size, log_probs, -np.inf)[1:]
