"""Symbols: bytes (as char-rnn) or Unicode characters, and their ids."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.errors import InputError
from pipeline.lm.files import read_json, write_json

Unit = Literal["bytes", "characters"]


@dataclass(frozen=True)
class Vocabulary:
    """The V symbols of a training text, ids 0..V-1 in order of code.

    Symbols the training text lacks get the ids from V on, also in order of code, so that any
    bytes survive `decode(encode(x))`. No model predicts them: scoring leaves them out and counts
    them; prompts that contain one are refused. Characters are those of UTF-8, bytes that are not
    valid UTF-8 standing for themselves (surrogate escapes).
    """

    unit: Unit
    codes: tuple[int, ...]
    """Byte values or code points, strictly ascending."""

    @property
    def size(self) -> int:
        """V."""
        return len(self.codes)

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

    def _ids(self, codes: NDArray) -> NDArray[np.int64]:
        """The place of a code among the seen ones, or V and its place among the others."""
        place = np.searchsorted(self._seen, codes)
        seen = self._seen[np.minimum(place, self.size - 1)] == codes
        return np.where(seen, place, self.size + codes - place)

    @classmethod
    def of(cls, text: bytes, unit: Unit = "bytes") -> "Vocabulary":
        """The vocabulary of a training text."""
        return cls(unit, tuple(np.unique(codes_of(text, unit)).tolist()))

    def encode(self, text: bytes) -> NDArray:
        """Ids of a text, (T,)."""
        if self.unit == "bytes":
            return np.frombuffer(text.translate(self._id_of_byte), np.uint8)
        return self._ids(codes_of(text, self.unit)).astype(self.dtype)

    def decode(self, ids: NDArray) -> bytes:
        """The text of ids, (T,)."""
        if self.unit == "bytes":
            return self._byte_of_id[ids].tobytes()
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
        write_json(path, {"unit": self.unit, "codes": list(self.codes)})

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote; InputError if it is damaged."""
        content = read_json(path)
        try:
            vocabulary = cls(content["unit"], tuple(content["codes"]))
        except (KeyError, TypeError) as error:
            raise InputError(f"{path} is not a vocabulary: run preprocess again") from error
        codes = np.asarray(vocabulary.codes)
        if (
            vocabulary.unit not in ("bytes", "characters")
            or not len(codes)
            or (np.diff(codes) <= 0).any()
        ):
            raise InputError(f"{path} is not a vocabulary: run preprocess again")
        return vocabulary


def codes_of(text: bytes, unit: Unit) -> NDArray[np.uint32]:
    """Byte values or code points of a text, (T,)."""
    if unit == "bytes":
        return np.frombuffer(text, np.uint8).astype(np.uint32)
    characters = text.decode("utf-8", "surrogateescape")
    return np.frombuffer(characters.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)
