"""A prepared text: its three parts as memory-mapped symbol ids, its vocabulary, its manifest."""

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import file_sha256, read_json
from pipeline.lm.vocabulary import Vocabulary

PARTS = ("train", "val", "test")
VOCABULARY, MANIFEST, DOCUMENTS = "vocabulary.json", "manifest.json", "documents.tsv"
PIECE = 1 << 24
REMEDY = "run preprocess again"


class Document(NamedTuple):
    """One document of a part: symbols `start` to `stop` of it."""

    part: str
    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class PreparedText:
    """The folder that `preprocess` writes.

    {train,val,test}.bin: symbol ids, little-endian `vocabulary.dtype`, nothing else;
    vocabulary.json; manifest.json; documents.tsv (columns part, name, start, stop in symbols).
    """

    folder: Path
    vocabulary: Vocabulary
    manifest: dict[str, Any]
    _verified: set[str] = field(default_factory=set, compare=False, repr=False)
    """Parts that are known to be what the manifest says."""

    @classmethod
    def open(cls, folder: Path) -> "PreparedText":
        """InputError if the folder is not a whole prepared text."""
        manifest, vocabulary = read_json(folder / MANIFEST), Vocabulary.load(folder / VOCABULARY)
        try:
            for part in PARTS:
                _ = manifest["parts"][part]["symbols"], manifest["parts"][part]["sha256"]
            size = manifest["vocabulary"]
        except (KeyError, TypeError) as error:
            raise InputError(f"{folder / MANIFEST} is not a manifest: {REMEDY}") from error
        if size != vocabulary.size:
            raise InputError(
                f"{folder / VOCABULARY} has {vocabulary.size} symbols, the manifest says {size}: "
                f"{REMEDY}"
            )
        return cls(folder, vocabulary, manifest)

    def digest(self, name: str) -> str:
        """SHA-256 of one part; InputError if the file is not what the manifest says."""
        expected = self.manifest["parts"][name]["sha256"]
        path = self.folder / f"{name}.bin"
        if name not in self._verified:
            if not path.exists() or file_sha256(path) != expected:
                raise InputError(f"{path} is not what the manifest says: {REMEDY}")
            self._verified.add(name)
        return expected

    def part(self, name: str) -> NDArray:
        """Ids of one part, (T,), read-only and memory-mapped."""
        path = self.folder / f"{name}.bin"
        expected = self.manifest["parts"][name]["symbols"]
        size = path.stat().st_size if path.exists() else 0
        if size != expected * self.vocabulary.dtype.itemsize:
            raise InputError(
                f"{path} holds {size} bytes, the manifest says {expected} symbols: {REMEDY}"
            )
        self.digest(name)
        if expected == 0:
            return np.empty(0, self.vocabulary.dtype)
        return np.memmap(path, self.vocabulary.dtype, "r")

    def counts(self, name: str) -> NDArray[np.int64]:
        """How often each symbol of the vocabulary comes in one part, (V,)."""
        ids, size = self.part(name), self.vocabulary.size
        counts = np.zeros(size, np.int64)
        for start in range(0, len(ids), PIECE):  # bincount widens what it reads eightfold
            counts += np.bincount(ids[start : start + PIECE], minlength=size)[:size]
        return counts

    def documents(self, part: str) -> list[Document]:
        """The documents of one part, in order."""
        path = self.folder / DOCUMENTS
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file, delimiter="\t")
                return [
                    Document(part, row["name"], int(row["start"]), int(row["stop"]))
                    for row in rows
                    if row["part"] == part
                ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged or missing: {REMEDY}") from error
