"""Symbols: bytes (as char-rnn), Unicode characters or words, and their ids."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json, write_json

Unit = Literal["bytes", "characters", "words"]
UNITS = get_args(Unit)
TOKEN = re.compile(rb" ?[\w\x80-\xff]+|.", re.DOTALL)
"""A word, with the space before it, or a byte between words: what a text of words is cut into."""


@dataclass(frozen=True)
class Vocabulary:
    """The V symbols of a training text, ids 0..V-1 in order of code.

    Symbols the training text lacks get the ids from V on, also in order of code, so that any
    bytes survive `decode(encode(x))`. No model predicts them: scoring leaves them out and counts
    them; prompts that contain one are refused. Characters are those of UTF-8, bytes that are not
    valid UTF-8 standing for themselves (surrogate escapes).

    A vocabulary of words has the frequent ones, ids after those of `codes`, and spells any other
    word byte by byte: so no word is unknown, and what a text costs can be told per byte of it.
    """

    unit: Unit
    codes: tuple[int, ...]
    """Byte values or code points, strictly ascending."""
    words: tuple[bytes, ...] = ()
    """Tokens of two bytes or more, strictly ascending."""

    @property
    def size(self) -> int:
        """V."""
        return len(self.codes) + len(self.words)

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds every id, those from V on included."""
        return np.dtype(np.uint8 if self.unit == "bytes" else np.uint32)

    @cached_property
    def _seen(self) -> NDArray[np.int64]:
        return np.asarray(self.codes, np.int64)

    @cached_property
    def _id_of_byte(self) -> bytes:
        return self._ids(np.arange(256)).astype(np.uint8).tobytes()

    @cached_property
    def _byte_of_id(self) -> NDArray[np.uint8]:
        return np.argsort(self._ids(np.arange(256))).astype(np.uint8)

    @cached_property
    def _id_of_token(self) -> dict[bytes, int]:
        tokens = [bytes([byte]) for byte in range(256)]
        ids = dict(zip(tokens, self._ids(np.arange(256)).tolist(), strict=True))
        return ids | {word: len(self.codes) + i for i, word in enumerate(self.words)}

    @cached_property
    def _token_of_id(self) -> list[bytes]:
        return sorted(self._id_of_token, key=self._id_of_token.__getitem__)

    def _ids(self, codes: NDArray) -> NDArray[np.int64]:
        """The place of a code among the seen ones, or V and its place among the others."""
        place = np.searchsorted(self._seen, codes)
        seen = np.append(self._seen, -1)[place] == codes
        return np.where(seen, place, self.size + codes - place)

    @classmethod
    def of(cls, text: bytes, unit: Unit = "bytes") -> "Vocabulary":
        """The vocabulary of a training text, of bytes or characters."""
        return cls(unit, tuple(np.unique(codes_of(text, unit)).tolist()))

    @classmethod
    def of_words(cls, counts: Mapping[bytes, int], least: int) -> "Vocabulary":
        """The vocabulary of a training text by its tokens' counts: words found `least` times."""
        words = {token for token, n in counts.items() if n >= least and len(token) > 1}
        spelled = {byte for token in counts.keys() - words for byte in token}
        return cls("words", tuple(sorted(spelled)), tuple(sorted(words)))

    def encode(self, text: bytes) -> NDArray:
        """Ids of a text, (T,)."""
        if self.unit == "bytes":
            return np.frombuffer(text.translate(self._id_of_byte), np.uint8)
        if self.unit == "words":
            return np.array(self._token_ids(text), self.dtype)
        return self._ids(codes_of(text, self.unit)).astype(self.dtype)

    def _token_ids(self, text: bytes) -> list[int]:
        id_of, ids = self._id_of_token, list[int]()
        for token in TOKEN.findall(text):
            if token in id_of:
                ids.append(id_of[token])
            else:
                ids += [id_of[token[i : i + 1]] for i in range(len(token))]
        return ids

    def lengths(self) -> NDArray[np.int64]:
        """(V,) bytes of text that each symbol stands for."""
        if self.unit == "characters":
            return np.array([len(self.decode(np.array([i]))) for i in range(self.size)])
        return np.array([1] * len(self.codes) + [len(word) for word in self.words])

    def decode(self, ids: NDArray) -> bytes:
        """The text of ids, (T,)."""
        if self.unit == "bytes":
            return self._byte_of_id[ids].tobytes()
        if self.unit == "words":
            return b"".join(map(self._token_of_id.__getitem__, ids.tolist()))
        ids = np.asarray(ids, np.int64)
        among_others = ids - self.size
        # The j-th code not seen comes after as many seen codes as have fewer than j others before.
        skipped = np.searchsorted(self._seen - np.arange(self.size), among_others, side="right")
        seen = self._seen[np.minimum(ids, self.size - 1)]
        codes = np.where(among_others < 0, seen, among_others + skipped)
        characters = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
        return characters.encode("utf-8", "surrogateescape")

    def encode_prompt(self, text: bytes) -> NDArray:
        """Ids of a prompt; InputError names the first symbol outside the vocabulary."""
        ids = self.encode(text)
        unseen = np.flatnonzero(ids >= self.size)
        if len(unseen):
            symbol = self.decode(ids[unseen[:1]])
            raise InputError(
                f"the prompt's symbol {unseen[0] + 1}, {symbol!r}, never occurs in the training "
                f"text, so no model knows it: use one of its {self.size} symbols"
            )
        return ids

    def save(self, path: Path) -> None:
        """Write as JSON."""
        content: dict[str, Any] = {"unit": self.unit, "codes": list(self.codes)}
        if self.words:
            content["words"] = [word.decode("utf-8", "surrogateescape") for word in self.words]
        write_json(path, content)

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote; InputError if it is damaged."""
        content = read_json(path)
        try:
            written = content.get("words", [])
            words = tuple(word.encode("utf-8", "surrogateescape") for word in written)
            vocabulary = cls(content["unit"], tuple(content["codes"]), words)
            if vocabulary._is_valid():
                return vocabulary
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is not a vocabulary: run preprocess again") from error
        raise InputError(f"{path} is not a vocabulary: run preprocess again")

    def _is_valid(self) -> bool:
        ascending = all(a < b for some in (self.codes, self.words) for a, b in pairwise(some))  # type: ignore[operator]
        words_fit = not self.words or (self.unit == "words" and min(map(len, self.words)) > 1)
        return self.unit in UNITS and self.size > 0 and ascending and words_fit


def codes_of(text: bytes, unit: Unit) -> NDArray:
    """Byte values or code points of a text, (T,)."""
    if unit != "characters":
        return np.frombuffer(text, np.uint8)
    characters = text.decode("utf-8", "surrogateescape")
    return np.frombuffer(characters.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)
