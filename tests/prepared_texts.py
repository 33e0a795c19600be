"""Corpora of one file or folder, prepared, for several tests."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from pipeline.corpora.corpus import Corpus
from pipeline.corpora.fetch import Network
from pipeline.corpora.sources import obtain
from pipeline.lm.text import PARTS, PreparedText
from pipeline.preprocess import prepare


def described(*sources: Any, **changes: Any) -> dict[str, Any]:
    """A corpus of these sources, as a user's YAML would give it."""
    return {"title": "Mine", "kind": "prose", "sources": list(sources)} | changes


def corpus_from(*sources: Any, **changes: Any) -> Corpus:
    """The same, read."""
    return Corpus.of("mine", OmegaConf.create(described(*sources, **changes)))


def corpus_of(path: Path, **changes: Any) -> Corpus:
    """A corpus of one's own file."""
    return corpus_from({"variant": "own", "from": [f"file:{path}"]}, **changes)


def prepared(corpus: Corpus, folder: Path) -> PreparedText:
    """Obtain and prepare."""
    obtained = obtain(corpus, folder / "raw", Network())
    prepare(corpus, obtained, folder / "text" / corpus.name)
    return PreparedText.open(folder / "text" / corpus.name)


def parts_of(text: PreparedText) -> dict[str, bytes]:
    """The three parts, decoded."""
    return {part: text.vocabulary.decode(text.part(part)) for part in PARTS}
