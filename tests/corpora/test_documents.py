"""Raw files -> documents: readers, and what hostile archives do."""

import bz2
import gzip
import io
import json
import lzma
import random
import re
import tarfile
import tracemalloc
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.corpora import archives
from pipeline.corpora.corpus import Documents
from pipeline.corpora.documents import collected, essays, names
from pipeline.lm.io.errors import InputError

MOST = 10_000_000
FILES = Documents(reader="members", patterns=("*.c", "*.h"), without=("skip/*",))
SLOW, SHARED = HealthCheck.too_slow, HealthCheck.function_scoped_fixture
FEW = settings(max_examples=60, suppress_health_check=[SLOW, SHARED])


def tar(path: Path, files: list[tuple[str, bytes]], mode: str = "w:gz") -> Path:
    """A tar archive of plain files."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def texts(
    raw: Path, documents: Documents, scratch: Path, most: int = MOST
) -> list[tuple[str, bytes]]:
    """All documents, whole."""
    with collected(raw, documents, most, scratch) as collection:
        return [(span.name, collection.text(span)) for span in collection.spans]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_archives_give_the_selected_files_sorted_without_the_top_folder(
    tmp_path: Path, mode: str
) -> None:
    files = [
        ("linux-4.0/mm/b.c", b"int b;\n"),
        ("linux-4.0/README", b"no\n"),
        ("linux-4.0/a.h", b"int a;\n"),
        ("linux-4.0/skip/c.c", b"no\n"),
        ("linux-4.0/empty.c", b""),
    ]
    raw = tar(tmp_path / "x.tar", files, mode)
    assert texts(raw, FILES, tmp_path) == [("a.h", b"int a;\n"), ("mm/b.c", b"int b;\n")]


def test_archives_without_a_common_folder_keep_whole_names(tmp_path: Path) -> None:
    raw = tar(tmp_path / "x.tar", [("./b/x.c", b"1"), ("./a/x.c", b"2")])
    assert texts(raw, FILES, tmp_path) == [("a/x.c", b"2"), ("b/x.c", b"1")]


@pytest.mark.parametrize("opener", [open, gzip.open, bz2.open, lzma.open])
def test_a_compressed_file_is_one_document(tmp_path: Path, opener) -> None:
    content = random.Random(1).randbytes(100_000)
    raw = tmp_path / "text"
    with opener(raw, "wb") as file:
        file.write(content)
    assert texts(raw, Documents(), tmp_path) == [("text", content)]


@pytest.mark.parametrize(
    "name", ["../evil.c", "/etc/evil.c", "a/../../evil.c", "a\\..\\..\\evil.c"]
)
def test_names_outside_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    raw = tar(tmp_path / "x.tar", [("a/fine.c", b"1"), (name, b"2")])
    with pytest.raises(InputError, match="outside itself"):
        texts(raw, FILES, tmp_path / "scratch")
    zipped = tmp_path / "x.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(name, b"2")
    with pytest.raises(InputError, match="outside itself"):
        texts(zipped, FILES, tmp_path / "scratch")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scratch", "x.tar", "x.zip"]


def test_links_and_devices_are_passed_over(tmp_path: Path) -> None:
    raw = tmp_path / "x.tar"
    with tarfile.open(raw, "w") as archive:
        for name, kind in (
            ("t/link.c", tarfile.SYMTYPE),
            ("t/hard.c", tarfile.LNKTYPE),
            ("t/zero.c", tarfile.CHRTYPE),
            ("t/fifo.c", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("t/real.c")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"int"))
    assert texts(raw, FILES, tmp_path) == [("real.c", b"int")]


@pytest.mark.parametrize("kind", ["tar", "unselected", "zip", "xz"])
def test_bombs_are_refused_before_they_fill_memory(tmp_path: Path, kind: str) -> None:
    zeros = bytes(60_000_000)
    raw = tmp_path / "bomb"
    if kind == "zip":
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("t/a.c", zeros)
    elif kind == "xz":
        raw.write_bytes(lzma.compress(zeros, preset=0))
    else:
        tar(raw, [("t/a.bin" if kind == "unselected" else "t/a.c", zeros)])
    del zeros
    documents = Documents() if kind == "xz" else FILES
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"expands to more than 1,000,000 bytes"):
            texts(raw, documents, tmp_path, most=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 5)
    raw = tar(tmp_path / "x.tar", [(f"t/{i}.c", b"1") for i in range(6)])
    with pytest.raises(InputError, match="more than 5 files"):
        texts(raw, FILES, tmp_path)


@FEW
@given(
    kind=st.sampled_from(["tar", "gz", "xz", "zip"]),
    cut=st.integers(0, 400),
    flips=st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 255)), max_size=3),
)
def test_damaged_archives_are_an_error_of_one_line_or_read(
    tmp_path: Path, kind: str, cut: int, flips: list[tuple[int, int]]
) -> None:
    files = [("t/a.c", random.Random(1).randbytes(1500)), ("t/b.c", b"int b;\n" * 200)]
    whole = tmp_path / "whole"
    if kind == "zip":
        with zipfile.ZipFile(whole, "w") as archive:
            for name, content in files:
                archive.writestr(name, content)
    else:
        tar(whole, files, {"tar": "w"}.get(kind, f"w:{kind}"))
    damaged = bytearray(whole.read_bytes())
    for position, mask in flips:
        damaged[position % len(damaged)] ^= mask
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(damaged[: len(damaged) - cut]))
    try:
        texts(raw, FILES, tmp_path)
    except InputError as error:
        assert "\n" not in str(error)


def test_a_truncated_archive_is_damaged(tmp_path: Path) -> None:
    raw = tar(tmp_path / "x.tar", [("t/a.c", random.Random(1).randbytes(100_000))], "w:xz")
    raw.write_bytes(raw.read_bytes()[:50_000])
    with pytest.raises(InputError, match="damaged"):
        texts(raw, FILES, tmp_path)


def test_entities_of_an_xml_dump_stay_as_they_are(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b SYSTEM "file:///etc/passwd">\n'
    bomb += b"".join(b'<!ENTITY a%d "%s">\n' % (i, b"&a;" * 10) for i in range(10)) + b"]>\n"
    bomb += b"  <page>\n    <title>&a9;&b;</title>\n  </page>\n"
    raw = tmp_path / "dump.xml"
    raw.write_bytes(bomb)
    pages = Documents(
        reader="sections", starts={"page": "^  <page>$"}, title="<title>([^<]*)</title>"
    )
    assert texts(raw, pages, tmp_path) == [("&a9;&b;", bomb)]


@FEW
@given(
    pieces=st.lists(st.text(st.sampled_from("ab#\n "), max_size=12), max_size=12),
    compressed=st.booleans(),
)
def test_sections_are_the_whole_text_cut_at_their_starts(
    tmp_path: Path, pieces: list[str], compressed: bool
) -> None:
    text = "".join(pieces).encode()
    raw = tmp_path / "text"
    raw.write_bytes(gzip.compress(text) if compressed else text)
    documents = Documents(reader="sections", starts={"part": "^#"})
    begins = [m.start() for m in re.finditer(rb"(?m)^#", text)]
    if not begins:
        with pytest.raises(InputError):
            texts(raw, documents, tmp_path)
        return
    edges = [0, *begins[1:], len(text)]
    expected = [text[a:b] for a, b in pairwise(edges)]
    found = texts(raw, documents, tmp_path)
    assert [content for _, content in found] == expected
    assert len({name for name, _ in found}) == len(found)


def test_sections_that_are_not_found_are_reported(tmp_path: Path) -> None:
    raw = tmp_path / "plays"
    raw.write_bytes(b"A:\nhello\nB:\nbye\n")
    documents = Documents(reader="sections", starts={"One": "^A:", "Two": "^B:", "Three": "^C:"})
    with collected(raw, documents, MOST, tmp_path) as collection:
        assert collection.missing == ("Three",)
        assert [span.name for span in collection.spans] == ["One", "Two"]


def test_names_of_documents_fit_one_line_of_utf8(tmp_path: Path) -> None:
    raw = tar(tmp_path / "x.tar", [("t/a\n\tb.c", b"1"), ("t/\udcff.c", b"2")])
    assert texts(raw, FILES, tmp_path) == [("a  b.c", b"1"), ("?.c", b"2")]


def test_essays_are_newest_first_and_not_too_new(tmp_path: Path) -> None:
    rows = [
        {"slug": slug, "title": slug.upper(), "year": year, "month": month, "text": f" {slug} \n"}
        for slug, year, month in [("a", 2010, 3), ("c", 2015, 5), ("b", 2015, 5), ("d", 2015, 6)]
    ]
    raw = "\n".join(map(json.dumps, rows)).encode()
    found = essays(raw, (2015, 5), tmp_path)
    assert [slug for slug, _ in found] == ["b", "c", "a"]
    assert found[0][1] == b"B\n\nb\n\n\n"
    for damaged in (b"{", b"[1]", b'{"slug": 1}', b'"x"', b"\xff"):
        with pytest.raises(InputError, match="not essays"):
            essays(damaged, None, tmp_path)


@given(st.lists(st.text(st.sampled_from("aAbB' -é"), max_size=4)))
def test_names_are_grouped_and_none_is_lost(lines: list[str]) -> None:
    found = names("\n".join(lines).encode())
    kept = [line.strip() for line in lines if line.strip()]
    assert sorted(b"".join(text for _, text in found).decode().split("\n")[:-1]) == sorted(kept)
    folded = [{name.casefold() for name in text.decode().splitlines()} for _, text in found]
    assert all(len(group) == 1 for group in folded)
    assert len(set().union(*folded)) == len(folded)


def test_a_raw_file_without_documents_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        texts(tmp_path / "empty", Documents(), tmp_path)
    raw = tar(tmp_path / "x.tar", [("t/a.txt", b"1")])
    with pytest.raises(InputError, match="no document"):
        texts(raw, FILES, tmp_path)
