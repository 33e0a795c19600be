"""A prepared text: its three parts as memory-mapped symbol ids, its vocabulary, its manifest."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.errors import InputError
from pipeline.lm.files import read_json
from pipeline.lm.vocabulary import Vocabulary

PARTS = ("train", "val", "test")
VOCABULARY = "vocabulary.json"


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

    @classmethod
    def open(cls, folder: Path) -> "PreparedText":
        """InputError if the folder is not a whole prepared text."""
        manifest = read_json(folder / "manifest.json")
        return cls(folder, Vocabulary.load(folder / VOCABULARY), manifest)

    def part(self, name: str) -> NDArray:
        """Ids of one part, (T,), read-only and memory-mapped."""
        path = self.folder / f"{name}.bin"
        expected = self.manifest["parts"][name]["symbols"]
        size = path.stat().st_size if path.exists() else 0
        if size != expected * self.vocabulary.dtype.itemsize:
            raise InputError(
                f"{path} holds {size} bytes, the manifest says {expected} symbols: "
                "run preprocess again"
            )
        if expected == 0:
            return np.empty(0, self.vocabulary.dtype)
        return np.memmap(path, self.vocabulary.dtype, "r")

    def documents(self, part: str) -> list[Document]:
        """The documents of one part, in order."""
        with (self.folder / "documents.tsv").open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t")
            return [
                Document(part, row["name"], int(row["start"]), int(row["stop"]))
                for row in rows
                if row["part"] == part
            ]
