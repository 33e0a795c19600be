"""data/raw/<corpus> -> data/text/<corpus>: three parts as symbol ids, vocabulary, manifest.

The manifest is kept with the results too."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.corpora import splitting
from pipeline.corpora.corpus import Corpus, Split
from pipeline.corpora.documents import Collection, collected
from pipeline.corpora.encoding import occurring, token_counts, write_documents, write_part
from pipeline.corpora.near_duplicates import overlaps
from pipeline.corpora.sources import Obtained
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import sole_writer, write_json
from pipeline.lm.text import MANIFEST, VOCABULARY
from pipeline.lm.vocabulary import Vocabulary


def prepare(corpus: Corpus, obtained: Obtained, out: Path) -> dict[str, Any]:
    """Write the folder that `pipeline.lm.text.PreparedText` reads; returns its manifest.

    The manifest goes last: without it the folder is not a prepared text.

    Raises:
        InputError: the raw file holds no documents, or too few to split.
    """
    (out / MANIFEST).unlink(missing_ok=True)
    variant = corpus.variant(obtained.record["variant"])
    with collected(obtained.path, variant.documents, corpus.at_most, out.parent) as collection:
        manifest = _write(corpus, variant.split, obtained, collection, out)
    write_json(out / MANIFEST, manifest)
    return manifest


def _write(
    corpus: Corpus, rule: Split, obtained: Obtained, collection: Collection, out: Path
) -> dict[str, Any]:
    spans = splitting.ordered(collection.spans, corpus.order, corpus.seed)
    spans = splitting.limited(spans, corpus.limit, corpus.unit)
    parts = splitting.split(spans, rule)
    codes = {part: occurring(collection, parts[part], corpus.symbols) for part in parts}
    if not len(codes["train"]):
        raise InputError(f"{corpus.name}: the training part is empty: raise corpora.*.limit")
    if corpus.symbols == "words":
        counts = token_counts(collection, parts["train"])
        vocabulary = Vocabulary.of_words(counts, corpus.word_occurrences)
    else:
        vocabulary = Vocabulary(corpus.symbols, tuple(codes["train"].tolist()))
    vocabulary.save(out / VOCABULARY)
    written, rows = {}, {}
    for part, chosen in parts.items():
        written[part], rows[part] = write_part(collection, chosen, vocabulary, out / f"{part}.bin")
    write_documents(out / "documents.tsv", rows)
    found = overlaps(collection, parts) if rule.by == "document" else {}
    return {
        "corpus": corpus.name,
        "title": corpus.title,
        "kind": corpus.kind,
        "unit": corpus.unit,
        "symbols": corpus.symbols,
        "licence": corpus.licence,
        "note": corpus.note,
        "source": obtained.record,
        "order": corpus.order,
        "seed": corpus.seed,
        "limit": corpus.limit,
        "split": {key: value for key, value in asdict(rule).items() if value is not None},
        "bytes": sum(span.size for span in spans),
        "documents": len(spans),
        "available": {
            "bytes": sum(span.size for span in collection.spans),
            "documents": len(collection.spans),
        },
        "sections_missing": list(collection.missing),
        "vocabulary": vocabulary.size,
        "distinct": len(np.unique(np.concatenate(list(codes.values())))),
        "parts": {part: asdict(item) for part, item in written.items()},
        "near_duplicates": {part: asdict(item) for part, item in found.items()},
    }


def preprocess(config: DictConfig, name: str) -> None:
    """Prepare the corpus `name` of a composed configuration."""
    corpus = Corpus.of(name, params.corpus(config, name))
    paths = Paths.of(config)
    out = paths.text / name
    with sole_writer(out):
        manifest = prepare(corpus, Obtained.open(paths.raw / name), out)
        write_json(paths.facts(name), manifest)
    print(f"{name}: {manifest['bytes']:,} bytes, {manifest['documents']:,} documents")
    if manifest["sections_missing"]:
        print(f"{name}: not found, left in the section before: {manifest['sections_missing']}")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.preprocess", description=__doc__)
    parser.add_argument("corpus", help="name of a corpus")
    parser.add_argument("--params", type=Path, required=True, help="a composed params file")
    arguments = parser.parse_args()
    preprocess(params.load(arguments.params), arguments.corpus)


if __name__ == "__main__":
    console.run(main)
