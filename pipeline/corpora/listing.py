"""The corpora: variants, sources, sizes, licences, and what is here of them."""

import json
from typing import Any

from omegaconf import DictConfig

from pipeline.config.paths import Paths
from pipeline.corpora.corpus import Corpus
from pipeline.corpora.sources import RECORD
from pipeline.lm.io.files import read_json
from pipeline.lm.text import MANIFEST


def inventory(corpora: DictConfig, paths: Paths) -> list[dict[str, Any]]:
    """One row a corpus: what it is, where it may come from, what is here (null: nothing)."""
    rows = []
    for name in corpora:
        corpus = Corpus.of(str(name), corpora[name])
        record = paths.raw / corpus.name / RECORD
        manifest = paths.text / corpus.name / MANIFEST
        rows.append(
            {
                "corpus": corpus.name,
                "title": corpus.title,
                "licence": corpus.licence,
                "limit": corpus.limit,
                "note": corpus.note,
                "variants": [
                    {
                        "variant": variant.name,
                        "bytes": variant.size,
                        "digest": variant.digest or variant.text_digest,
                        "sources": list(variant.places),
                        "note": variant.note,
                    }
                    for variant in corpus.variants
                ],
                "downloaded": read_json(record) if record.exists() else None,
                "prepared": read_json(manifest) if manifest.exists() else None,
            }
        )
    return rows


def as_json(rows: list[dict[str, Any]]) -> str:
    """The rows, indented."""
    return json.dumps(rows, indent=2, ensure_ascii=False)


def as_text(rows: list[dict[str, Any]]) -> str:
    """A paragraph a corpus."""
    return "\n\n".join("\n".join(_lines(row)) for row in rows)


def _lines(row: dict[str, Any]) -> list[str]:
    lines = [f"{row['corpus']}: {row['title']} ({row['licence']})"]
    for variant in row["variants"]:
        size = f"{variant['bytes']:,} bytes" if variant["bytes"] else "size varies"
        lines.append(f"  {variant['variant']}, {size}")
        lines += [f"    {source}" for source in variant["sources"]]
    downloaded, prepared = row["downloaded"], row["prepared"]
    if downloaded:
        lines.append(
            f"  downloaded: {downloaded['variant']}, {downloaded['bytes']:,} bytes, from "
            f"{downloaded['source']}, {downloaded['digest']}"
        )
    if prepared:
        parts = ", ".join(f"{part} {item['symbols']:,}" for part, item in prepared["parts"].items())
        lines.append(
            f"  prepared: {prepared['bytes']:,} bytes, {prepared['documents']:,} documents; "
            f"{parts} {prepared['symbols']}, {prepared['distinct']} distinct"
        )
    if not downloaded and not prepared:
        lines.append("  not here")
    return lines
