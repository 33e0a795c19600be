"""A corpus as conf/corpus/*.yaml describes it, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import OmegaConf

from pipeline.config import params
from pipeline.config.params import ENGLISH
from pipeline.corpora.digests import algorithm_of
from pipeline.lm.io.errors import InputError
from pipeline.lm.vocabulary import UNITS, Unit

CHOICES = {
    "kind": ("prose", "shakespeare", "c", "latex", "wikipedia", "python", "names"),
    "unit": ("stream", "lines"),
    "symbols": UNITS,
    "order": ("given", "seeded"),
    "documents.reader": ("file", "members", "sections", "essays", "names"),
    "split.by": ("document", "position", "streams"),
}
ROUNDING = 1e-9
"""Of shares that add up to 1."""
REQUIRED = ("title", "kind")
OPTIONAL = ("digest", "text_digest", "bytes", "note", "documents", "split")


@dataclass(frozen=True)
class Documents:
    """How a raw file is cut into documents."""

    reader: str = "file"
    patterns: tuple[str, ...] = ("*",)
    """members: shell patterns of the files taken, the archive's common top folder left out."""
    without: tuple[str, ...] = ()
    """members: patterns of files left out."""
    starts: dict[str, str] = field(default_factory=dict)
    """sections: regular expressions (lines' ^ and $) at whose matches a document begins."""
    title: str | None = None
    """sections: regular expression whose first group, in a document, names it."""
    until: tuple[int, int] | None = None
    """essays: (year, month) of the newest one taken."""


@dataclass(frozen=True)
class Split:
    """Shares of the three parts: by document, by position in the whole text, or of each of the
    `streams` equal stretches that the text is cut into (as char-rnn and KJF)."""

    by: str = "position"
    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    streams: int | None = None

    @property
    def shares(self) -> tuple[float, float, float]:
        """In the order of `pipeline.lm.text.PARTS`."""
        return (self.train, self.val, self.test)


@dataclass(frozen=True)
class Variant:
    """One form of a corpus, with the places that may have it."""

    name: str
    places: tuple[str, ...]
    digest: str | None
    """`algorithm:hex` of the file as fetched; algorithms sha256, sha1, md5, git (a blob's id)."""
    text_digest: str | None
    """The same of the documents in their given order, for files whose compression may vary."""
    size: int | None
    """Bytes of the file as fetched, where they are known."""
    note: str
    documents: Documents
    split: Split


@dataclass(frozen=True)
class Corpus:
    """One corpus; conf/corpus/ explains the values."""

    name: str
    title: str
    kind: str
    unit: str
    symbols: Unit
    word_occurrences: int
    """symbols words: a word that occurs so often in the training part is one symbol."""
    dictionary: str
    """`ENGLISH`, `NO_DICTIONARY` or the path of a list of words: for the share of non-words."""
    licence: str
    note: str
    variants: tuple[Variant, ...]
    order: str
    seed: int
    limit: int | None
    at_most: int
    """Bytes an archive may expand to; more is refused."""

    @classmethod
    def of(cls, name: str, node: Any) -> "Corpus":
        """Read one entry of a params file; InputError names the key that is wrong."""
        where = f"corpora.{name}"
        content: Any = OmegaConf.to_container(node) if OmegaConf.is_config(node) else node
        if not isinstance(content, Mapping):
            raise InputError(f"{where} is not a mapping: see conf/corpus/python.yaml")
        values: dict[str, Any] = {
            "title": None,
            "kind": None,
            "unit": "stream",
            "symbols": "bytes",
            "word_occurrences": 3,
            "dictionary": ENGLISH,
            "licence": "not stated",
            "note": "",
            "sources": [],
            "documents": {},
            "order": "given",
            "seed": 1,
            "limit": None,
            "at_most": 4_000_000_000,
            "split": {},
        }
        _known(content, values, where)
        values |= content
        for key in REQUIRED:
            if not values[key]:
                raise InputError(f"{where} has no {key}: add one, as conf/corpus/python.yaml has")
        for key in ("kind", "unit", "symbols", "order"):
            _chosen(values[key], key, where)
        values["note"] = values["note"] or ""
        for key in ("title", "licence", "note", "dictionary"):
            values[key] = _text(values[key], f"{where}.{key}")
        for key in ("seed", "at_most", "word_occurrences"):
            _whole(values[key], f"{where}.{key}")
        if values["limit"] is not None:
            _whole(values["limit"], f"{where}.limit")
        shared = {
            key: _mapping(values.pop(key), f"{where}.{key}") for key in ("documents", "split")
        }
        sources = values.pop("sources")
        if not isinstance(sources, list) or not sources:
            raise InputError(f"{where}.sources is empty: list at least one place the text is in")
        variants = tuple(_variant(source, shared, f"{where}.sources") for source in sources)
        return cls(**values | {"name": name, "variants": variants})

    def variant(self, name: str) -> Variant:
        """InputError if there is none of that name."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise InputError(f"corpora.{self.name} has no variant {name!r}: download it again")


def _known(content: Mapping[str, Any], allowed: Any, where: str) -> None:
    unknown = sorted(set(map(str, content)) - set(allowed))
    if unknown:
        raise InputError(f"{where} has an unknown key {unknown[0]!r}: use {', '.join(allowed)}")


def _chosen(value: Any, key: str, where: str) -> None:
    if value not in CHOICES[key]:
        raise InputError(f"{where}.{key} is {value!r}: use {' or '.join(CHOICES[key])}")


def _text(value: Any, where: str) -> str:
    if value is None or isinstance(value, list | Mapping):
        raise InputError(f"{where} is {value!r}: use a text")
    return str(value)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value or {}, Mapping):
        raise InputError(f"{where} is {value!r}: use a mapping of settings to values")
    return value or {}


def _whole(value: Any, where: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError(f"{where} is {value!r}: use a whole number, 0 or more")


def _split(content: Mapping[str, Any], where: str) -> Split:
    _known(content, Split.__dataclass_fields__, where)
    split = params.view(Split, content, where)
    _chosen(split.by, "split.by", where)
    whole = abs(sum(split.shares) - 1) <= ROUNDING
    if not whole or min(split.shares) < 0 or not split.train:
        raise InputError(f"{where}: train, val and test must be shares that add up to 1")
    if (split.by == "streams") != (split.streams is not None and split.streams > 0):
        raise InputError(
            f"{where}.streams is {split.streams}: use 1 or more with `by: streams`, null without"
        )
    return split


def _variant(source: Mapping[str, Any], shared: Mapping[str, Any], where: str) -> Variant:
    if not isinstance(source, Mapping) or not source.get("variant") or not source.get("from"):
        raise InputError(f"{where}: every source has a `variant` name and a list `from` of places")
    _known(source, ("variant", "from", *OPTIONAL), where)
    given = {key: source.get(key) for key in OPTIONAL}
    listed = source["from"] if isinstance(source["from"], list) else [source["from"]]
    places = tuple(_text(place, f"{where}.from") for place in listed)
    fetched = [place for place in places if place.startswith(("http:", "https:", "mirror:"))]
    if fetched and not (given["digest"] or given["text_digest"]):
        raise InputError(f"{where}: {fetched[0]} has neither `digest` nor `text_digest`: add one")
    for key in ("digest", "text_digest"):
        if given[key]:
            algorithm_of(_text(given[key], f"{where}.{key}"))
    own = {key: _mapping(given[key], f"{where}.{key}") for key in ("documents", "split")}
    if given["bytes"] is not None:
        _whole(given["bytes"], f"{where}.bytes")
    return Variant(
        name=_text(source["variant"], f"{where}.variant"),
        places=places,
        digest=given["digest"],
        text_digest=given["text_digest"],
        size=given["bytes"],
        note=_text(given["note"] or "", f"{where}.note"),
        documents=_documents({**shared["documents"], **own["documents"]}, where),
        split=_split({**shared["split"], **own["split"]}, f"{where}.split"),
    )


def _documents(content: Mapping[str, Any], where: str) -> Documents:
    _known(content, Documents.__dataclass_fields__, f"{where}.documents")
    documents = params.view(Documents, content, f"{where}.documents")
    _chosen(documents.reader, "documents.reader", where)
    if documents.until is not None and len(documents.until) != len(("year", "month")):
        raise InputError(f"{where}.documents.until is {documents.until}: use [year, month]")
    for pattern in (*documents.patterns, *documents.without, *documents.starts.values()):
        if not isinstance(pattern, str):
            raise InputError(f"{where}.documents has {pattern!r} where a pattern should be")
    for expression in (*documents.starts.values(), documents.title or ""):
        try:
            re.compile(expression)
        except re.error as error:
            raise InputError(
                f"{where}: {expression!r} is not a regular expression: {error}"
            ) from error
    return documents
