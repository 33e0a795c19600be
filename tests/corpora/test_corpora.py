"""The corpora of conf/, and what they hold."""

import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from pipeline.corpora.corpus import Corpus
from pipeline.corpora.fetch import Network
from pipeline.corpora.sources import MIRROR_VARIABLE, Obtained, obtain
from pipeline.lm.io.errors import InputError
from pipeline.lm.text import PARTS, PreparedText
from pipeline.preprocess import prepare
from tests.prepared_texts import corpus_of, parts_of, prepared

CONF = Path("conf/corpus")


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_corpus_is_well_described(path: Path) -> None:
    corpus = Corpus.of(path.stem, OmegaConf.load(path))
    assert corpus.title and corpus.licence != "not stated"
    assert len({variant.name for variant in corpus.variants}) == len(corpus.variants)
    notes = [variant.note for variant in corpus.variants[1:]]
    assert all(notes), "a stand-in says what it is"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbols": "letters"}, "symbols is 'letters': use bytes or characters or words"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"limit": "1 MB"}, "limit is '1 MB'"),
        ({"split": {"train": 0.5}}, "add up to 1"),
        ({"split": {"by": "line"}}, "split.by is 'line'"),
        ({"split": {"by": "streams"}}, "split.streams is None: use 1 or more"),
        ({"split": {"streams": 100}}, "split.streams is 100: use 1 or more with `by: streams`"),
        ({"documents": {"reader": "pdf"}}, "documents.reader is 'pdf'"),
        ({"documents": {"starts": {"a": "("}}}, "not a regular expression"),
        ({"sources": []}, "sources is empty"),
        ({"sources": [{"variant": "x", "from": ["https://x/y"]}]}, "neither `digest` nor"),
        (
            {"sources": [{"variant": "x", "from": ["https://x/y"], "digest": "md5:1"}]},
            "not a digest",
        ),
        ({"sources": ["file:x"]}, "`variant` name"),
    ],
)
def test_wrong_descriptions_are_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        corpus_of(tmp_path, **change)
    assert "\n" not in str(caught.value)


def from_mirror(name: str, folder: Path) -> PreparedText:
    """A corpus of conf/, prepared from the mirror and nowhere else."""
    if not os.environ.get(MIRROR_VARIABLE):
        pytest.skip(f"{MIRROR_VARIABLE} is not set: the real texts are not here")
    content = OmegaConf.load(CONF / f"{name}.yaml")
    for source in content.sources:
        source["from"] = [place for place in source["from"] if place.startswith("mirror:")]
    content.sources = [source for source in content.sources if source["from"]]
    return prepared(Corpus.of(name, content), folder)


# Sizes and distinct symbols as in the literature and in the files' own descriptions; the digests
# are those of a first run, the same on every machine.
REAL = {
    "warpeace": (3_258_246, 87, "40a2619963f1"),
    "names": (55_868, 56, "b486b90701c8"),
    "tinyshakespeare": (1_115_394, 65, "eafbf6db15b8"),
    "latex": (16_694_382, 96, "ac2884f9fa08"),
    "linux-kernel": (16_694_212, 107, "de9148474815"),
    "paulgraham": (1_000_000, 97, "73c9908dea92"),
    "shakespeare": (4_577_335, 77, "32def1e7bb99"),
    "post-itself": (53_577, 98, "3093f266e1f0"),
    "wikipedia": (6_089_746, 201, "420e07aa06ee"),
}


@pytest.mark.parametrize("name", REAL)
def test_the_real_texts_are_what_they_should_be(name: str, tmp_path: Path) -> None:
    size, distinct, digest = REAL[name]
    text = from_mirror(name, tmp_path)
    assert text.manifest["bytes"] == size
    assert text.manifest["distinct"] == distinct
    found = hashlib.sha256()
    for part in PARTS:
        found.update((text.folder / f"{part}.bin").read_bytes())
    assert found.hexdigest()[:12] == digest


def test_warpeace_is_cut_as_its_users_cut_it(tmp_path: Path) -> None:
    text = from_mirror("warpeace", tmp_path)
    assert [len(text.part(part)) for part in PARTS] == [2_606_600, 325_846, 325_800]


def test_no_name_is_in_two_parts(tmp_path: Path) -> None:
    text = from_mirror("names", tmp_path)
    groups = [{name.lower() for name in part.splitlines()} for part in parts_of(text).values()]
    assert sum(len(group) for group in groups) == len(set().union(*groups))
    assert sum(part.count(b"\n") for part in parts_of(text).values()) == 2943 + 5001


def test_all_plays_are_found(tmp_path: Path) -> None:
    text = from_mirror("shakespeare", tmp_path)
    assert text.manifest["documents"] == 37
    assert text.manifest["sections_missing"] == []


def test_no_essay_is_newer_than_the_post(tmp_path: Path) -> None:
    text = from_mirror("paulgraham", tmp_path)
    rows = map(json.loads, (tmp_path / "raw/paulgraham/pg_essays.jsonl").read_text().splitlines())
    dates = {row["slug"]: (row["year"], row["month"]) for row in rows}
    used = [dates[document.name] for part in PARTS for document in text.documents(part)]
    assert used == sorted(used, reverse=True)
    assert used[0] <= (2015, 5)


def test_the_standard_library_is_packed_alike_each_time(tmp_path: Path) -> None:
    content = OmegaConf.load(CONF / "python.yaml")
    content.limit = 200_000
    corpus = Corpus.of("python", content)
    one, two = (obtain(corpus, tmp_path / run, Network()) for run in ("one", "two"))
    assert one.record["digest"] == two.record["digest"]
    with tarfile.open(one.path) as archive:
        members = archive.getnames()
    assert members == sorted(members)
    assert not any("site-packages" in name for name in members)
    prepare(corpus, Obtained.open(one.path.parent), tmp_path / "text")
    text = PreparedText.open(tmp_path / "text")
    assert sum(len(text.part(part)) for part in PARTS) == 200_000
    assert b"def " in parts_of(text)["test"]
