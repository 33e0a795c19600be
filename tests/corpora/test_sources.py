"""Mirrors, variants, digests, Debian packages."""

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpora import local
from pipeline.corpora.digests import digest
from pipeline.corpora.fetch import SourceError
from pipeline.corpora.sources import MIRROR_VARIABLE, obtain
from pipeline.lm.io.errors import InputError
from tests.prepared_texts import corpus_from
from tests.web_server import (
    NETWORK,
    TEXT,
    assert_refused,
    corpus_of,
    sha256,
)


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test gives."""
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)


def test_a_declared_variant_stands_in_and_says_so(tmp_path: Path, monkeypatch: Any) -> None:
    other = TEXT.replace(b"corpus", b"stand-in")
    (tmp_path / "x.txt").write_bytes(other)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    sources = [
        {"variant": "original", "from": ["mirror:x.txt"], "digest": sha256(TEXT)},
        {
            "variant": "later",
            "from": ["mirror:x.txt"],
            "digest": sha256(other),
            "bytes": len(other),
            "note": "A later edition.",
        },
    ]
    obtained = obtain(corpus_from(*sources), tmp_path / "raw", NETWORK)
    assert (obtained.record["variant"], obtained.record["note"]) == ("later", "A later edition.")


def test_the_text_of_an_archive_counts_not_its_compression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path))
    for level in (1, 9):
        (tmp_path / "x.gz").write_bytes(gzip.compress(TEXT, level))
        corpus = corpus_of("mirror:x.gz", digest=None, text_digest=sha256(TEXT))
        assert obtain(corpus, tmp_path / "raw", NETWORK).record["variant"] == "v"
    corpus = corpus_of("mirror:x.gz", digest=None, text_digest=sha256(TEXT[1:]))
    assert_refused(corpus, tmp_path / "other", f"expected {sha256(TEXT[1:])}")
    (tmp_path / "x.gz").write_bytes(gzip.compress(TEXT)[:-100])
    corpus = corpus_of("mirror:x.gz", digest=None, text_digest=sha256(TEXT))
    assert_refused(corpus, tmp_path / "other", "damaged")


@given(st.binary(max_size=300), st.integers(1, 100))
def test_digests_are_those_of_the_usual_tools(content: bytes, block: int) -> None:
    blocks = [content[i : i + block] for i in range(0, len(content), block)]
    for algorithm in ("sha256", "sha1", "md5"):
        expected = hashlib.new(algorithm, content).hexdigest()
        assert digest(algorithm, blocks, len(content)) == f"{algorithm}:{expected}"


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_blob_ids_are_gits(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(TEXT)
    command = ["git", "hash-object", "--no-filters", str(tmp_path / "x")]
    expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert digest("git", [TEXT], len(TEXT)) == f"git:{expected}"


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that fetches from a folder, where packages are put."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not installed")
    tools, packages = tmp_path / "tools", tmp_path / "packages"
    tools.mkdir()
    packages.mkdir()
    script = tools / "apt-get"
    script.write_text(
        "#!/bin/sh\nfor last; do :; done\n"
        f'cp "{packages}/$last"_*.deb . 2>/dev/null && exit 0\n'
        'echo "E: Unable to locate package $last" >&2; exit 100\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return packages


def test_the_source_in_a_debian_package_is_unpacked(debian: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: linux-source-1\nVersion: 1.2-3\nArchitecture: all\n"
        "Maintainer: x\nDescription: x\n"
    )
    (tree / "usr/src").mkdir(parents=True)
    source = io.BytesIO()
    with tarfile.open(fileobj=source, mode="w:xz") as archive:
        info = tarfile.TarInfo("linux/a.c")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT))
    (tree / "usr/src/linux-source-1.tar.xz").write_bytes(source.getvalue())
    command = ["dpkg-deb", "--build", "--root-owner-group", str(tree), str(debian)]
    subprocess.run(command, check=True, capture_output=True)
    corpus = corpus_of("apt:linux-source-1", digest=None)
    obtained = obtain(corpus, tmp_path / "raw", NETWORK)
    assert obtained.path.read_bytes() == source.getvalue()
    assert obtained.record["detail"] == "linux-source-1_1.2-3_all"
    assert sorted(path.name for path in (tmp_path / "raw").rglob("*") if path.is_file()) == [
        obtained.path.name,
        "source.json",
    ]


def test_apts_own_words_reach_the_user(debian: Path, tmp_path: Path) -> None:
    corpus = corpus_of("apt:no-such", digest=None)
    assert_refused(
        corpus, tmp_path / "raw", "E: Unable to locate package no-such", "apt-get update"
    )


def test_a_damaged_package_is_refused(tmp_path: Path) -> None:
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not installed")
    (tmp_path / "x.deb").write_bytes(b"not a package")
    with pytest.raises(SourceError, match="damaged"):
        local._unpack_source(tmp_path / "x.deb", tmp_path / "out")


def test_an_unknown_kind_of_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ftp://x/y is no place known"):
        obtain(corpus_of("ftp://x/y", digest=None), tmp_path, NETWORK)
