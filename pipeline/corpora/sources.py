"""The first place of a corpus that gives the right file."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.config import params
from pipeline.corpora import digests, documents, essays_web, fetch, local
from pipeline.corpora.corpus import Corpus, Variant
from pipeline.corpora.fetch import Network, SourceError
from pipeline.lm.io.errors import InputError, in_words
from pipeline.lm.io.files import read_json, write_json

MIRROR_VARIABLE = "CORPORA_MIRROR"
RECORD = "source.json"


@dataclass(frozen=True)
class Obtained:
    """A raw file and what is known of it; `record` is what source.json holds."""

    path: Path
    record: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Obtained":
        """What `obtain` left in a folder; InputError if it is not whole."""
        record = read_json(folder / RECORD)
        try:
            path, expected = folder / record["file"], record["bytes"]
        except (KeyError, TypeError) as error:
            raise InputError(f"{folder / RECORD} is damaged: run download again") from error
        size = path.stat().st_size if path.exists() else -1
        if size != expected or digests.file_digest("sha256", path) != record.get("digest"):
            raise InputError(f"{path} is not the file {RECORD} tells of: run download again")
        return cls(path, record)


def obtain(corpus: Corpus, raw: Path, network: Network) -> Obtained:
    """Try the places of a corpus in order; the first right file goes to `raw`/<name>/.

    Args:
        raw: folder of all raw files; partial downloads wait in its `.partial`.

    Raises:
        InputError: every place failed (the message lists them and says what to do), or the disk
            would not take the file.
    """
    folder, partials = raw / corpus.name, raw / ".partial"
    failures = []
    try:
        for variant in corpus.variants:
            for place in variant.places:
                try:
                    obtained = _from_place(corpus, variant, place, folder, partials, network)
                except SourceError as error:
                    failures.append(f"{place} ({variant.name}): {error}")
                    continue
                _remove_others(folder, obtained)
                _remove_partials(corpus, partials)
                return obtained
    except OSError as error:
        raise InputError(f"cannot write to {raw}: {in_words(error)}") from error
    raise InputError(
        f"no source has the corpus {corpus.name}. Tried: {'; '.join(failures)}. To go on, "
        f"{_advice(corpus)}"
    )


def _remove_others(folder: Path, obtained: Obtained) -> None:
    for path in folder.iterdir():
        if path.is_file() and path.name not in (obtained.path.name, RECORD):
            path.unlink()


def _remove_partials(corpus: Corpus, partials: Path) -> None:
    for variant in corpus.variants:
        for place in variant.places:
            fetch.partial_path(place, partials).unlink(missing_ok=True)
    for stale in partials.glob(f".{corpus.name}.made.*"):
        # A killed run's; tempfile's names begin so.
        shutil.rmtree(stale) if stale.is_dir() else stale.unlink()


def mirror() -> Path | None:
    """The mirror folder the environment names, if it does."""
    named = os.environ.get(MIRROR_VARIABLE)
    return Path(named) if named else None


def _advice(corpus: Corpus) -> str:
    wanted = [
        place.partition(":")[2]
        for variant in corpus.variants
        for place in variant.places
        if place.startswith("mirror:")
    ]
    if not wanted:
        return f"correct corpora.{corpus.name}.sources"
    return (
        f"connect to the web, or put {' or '.join(dict.fromkeys(wanted))} in a folder and set "
        f"{MIRROR_VARIABLE} to it"
    )


def _from_place(
    corpus: Corpus, variant: Variant, place: str, folder: Path, partials: Path, network: Network
) -> Obtained:
    scheme, _, rest = place.partition(":")
    if scheme in ("http", "https"):
        return _downloaded(corpus, variant, place, folder, partials, network)
    if scheme == "mirror":
        return _accepted(corpus, variant, place, "", _mirrored(rest), folder / rest)
    temporary = partials / f"{corpus.name}.made"
    try:
        name, detail = _made(scheme, rest, temporary, network)
        return _accepted(corpus, variant, place, detail, temporary, folder / name)
    finally:
        temporary.unlink(missing_ok=True)


def _downloaded(
    corpus: Corpus, variant: Variant, url: str, folder: Path, partials: Path, network: Network
) -> Obtained:
    partial = fetch.partial_path(url, partials)
    final = folder / Path(urlsplit(url).path).name
    most = variant.size or corpus.at_most
    # A file may have changed since an earlier run left its beginning here: then once more.
    attempts = 2 if partial.exists() else 1
    for attempt in range(1, attempts + 1):
        fetch.download(url, partial, most, network)
        try:
            return _accepted(corpus, variant, url, "", partial, final)
        except SourceError:
            partial.unlink(missing_ok=True)
            if attempt == attempts:
                raise
    raise AssertionError("unreachable")


def _mirrored(name: str) -> Path:
    where = mirror()
    if where is None:
        raise SourceError(f"{MIRROR_VARIABLE} is not set")
    path = where / name
    if not path.is_file():
        raise SourceError(f"{path} is not there")
    return path


def _made(scheme: str, rest: str, out: Path, network: Network) -> tuple[str, str]:
    """Make a raw file; its name and what to record of its making."""
    if scheme == "python":
        return "stdlib.tar", local.pack_stdlib(out)
    if scheme == "apt":
        return f"{rest}.tar", local.debian_source(rest, out)
    if scheme == "essays":
        essays_web.crawl(rest, out, network)
        return "essays.jsonl", ""
    if scheme == "file":
        path = params.ROOT / Path(rest).expanduser()
        local.own_file(path, out)
        return path.name + (".tar" if path.is_dir() else ""), ""
    raise InputError(f"{scheme}:{rest} is no place known: use mirror:, http(s):, file:, apt: ...")


def _accepted(
    corpus: Corpus, variant: Variant, place: str, detail: str, fetched: Path, final: Path
) -> Obtained:
    """Verify what came and give it its final name; SourceError says expected and got."""
    _verify(corpus, variant, fetched)
    if place.startswith("mirror:"):
        local.own_file(fetched, final)
    else:
        final.parent.mkdir(parents=True, exist_ok=True)
        fetched.replace(final)
    record = {
        "corpus": corpus.name,
        "variant": variant.name,
        "note": variant.note,
        "source": place,
        "detail": detail,
        "file": final.name,
        "bytes": final.stat().st_size,
        "digest": digests.file_digest("sha256", final),
    }
    write_json(final.parent / RECORD, record)
    return Obtained(final, record)


def _verify(corpus: Corpus, variant: Variant, fetched: Path) -> None:
    size = fetched.stat().st_size
    if variant.size is not None and size != variant.size:
        raise SourceError(f"expected {variant.size:,} bytes, got {size:,}")
    for expected, compute in _expectations(corpus, variant, fetched):
        got = compute(digests.algorithm_of(expected))
        if got != expected:
            raise SourceError(f"expected {expected}, got {got}")


def _expectations(
    corpus: Corpus, variant: Variant, fetched: Path
) -> Iterator[tuple[str, Callable[[str], str]]]:
    if variant.digest:
        yield variant.digest, lambda algorithm: digests.file_digest(algorithm, fetched)
    if variant.text_digest:
        yield (
            variant.text_digest,
            lambda algorithm: _text_digest(corpus, variant, fetched, algorithm),
        )


def _text_digest(corpus: Corpus, variant: Variant, fetched: Path, algorithm: str) -> str:
    try:
        with documents.collected(
            fetched, variant.documents, corpus.at_most, fetched.parent
        ) as collection:
            return collection.digest(algorithm)
    except InputError as error:
        raise SourceError(str(error)) from error
