"""Raw -> prepared text: any bytes, documents, repeats, kills, full disks."""

import gzip
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from pipeline.config.paths import Paths
from pipeline.corpora.encoding import whole_characters, whole_words
from pipeline.corpora.fetch import Network
from pipeline.corpora.sources import Obtained, obtain
from pipeline.lm.io.errors import InputError
from pipeline.lm.text import PARTS, PreparedText
from pipeline.lm.vocabulary import TOKEN
from pipeline.preprocess import prepare
from tests.prepared_texts import corpus_of, described, parts_of, prepared

SLOW, SHARED = HealthCheck.too_slow, HealthCheck.function_scoped_fixture
FEW = settings(max_examples=40, suppress_health_check=[SLOW, SHARED])


@given(st.lists(st.binary(max_size=6) | st.text(max_size=3).map(str.encode), max_size=8))
def test_blocks_of_whole_characters_decode_as_the_whole(blocks: list[bytes]) -> None:
    whole = b"".join(blocks)
    cut = list(whole_characters(blocks))
    assert b"".join(cut) == whole
    assert "".join(block.decode("utf-8", "surrogateescape") for block in cut) == whole.decode(
        "utf-8", "surrogateescape"
    )


TEXTS = st.binary(min_size=10, max_size=300) | st.text(min_size=10, max_size=200).map(str.encode)


@FEW
@given(TEXTS, st.booleans())
def test_any_bytes_survive_as_bytes(tmp_path: Path, text: bytes, compressed: bool) -> None:
    assert_survives(text, "bytes", compressed, tmp_path)


@FEW
@given(TEXTS | st.lists(st.sampled_from([b"the", b" ", b"cat", b"\n", b"."])).map(b"".join))
def test_any_bytes_survive_as_words(tmp_path: Path, text: bytes) -> None:
    assume(len(text) >= 10)
    assert_survives(text, "words", False, tmp_path)


@given(st.lists(st.sampled_from([b"the", b"cat", b"c", b".", b"", b"a\n"])), st.integers(6, 20))
def test_blocks_of_whole_words_have_the_words_of_the_whole(words: list[bytes], size: int) -> None:
    text = b" ".join(words)
    blocks = [text[start : start + size] for start in range(0, len(text), size)]
    found = [token for block in whole_words(blocks) for token in TOKEN.findall(block)]
    assert found == TOKEN.findall(text)


def test_frequent_words_of_training_are_symbols(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes(b"the cat saw a dog.\n" * 8 + b"a mouse, a mouse, a mouse. " * 2)
    result = prepared(corpus_of(path, symbols="words", word_occurrences=8), tmp_path)
    assert result.vocabulary.words == (b" a", b" cat", b" dog", b" saw", b"the")
    spelled = result.vocabulary.encode(b" mouse")
    assert len(spelled) == len(b" mouse")


@settings(FEW, max_examples=8)
@given(TEXTS, st.booleans())
def test_any_bytes_survive_as_characters(tmp_path: Path, text: bytes, compressed: bool) -> None:
    assert_survives(text, "characters", compressed, tmp_path)


def assert_survives(text: bytes, symbols: str, compressed: bool, tmp_path: Path) -> None:
    """The parts decode to the text, and vocabulary and tables fit them."""
    path = tmp_path / "own"
    path.write_bytes(gzip.compress(text) if compressed else text)
    assume(not text.startswith((b"BZh", b"PK", b"\x1f\x8b")))
    result = prepared(corpus_of(path, symbols=symbols), tmp_path)
    found = parts_of(result)
    assert b"".join(found[part] for part in PARTS) == text
    if symbols == "bytes":
        assert list(result.vocabulary.codes) == sorted(set(found["train"]))
    for part in PARTS:
        ids = result.part(part)
        assert result.manifest["parts"][part]["unseen"] == (ids >= result.vocabulary.size).sum()
        for document in result.documents(part):
            assert (document.start, document.stop) == (0, len(ids))


def test_documents_of_a_folder_are_where_the_table_says(tmp_path: Path) -> None:
    folder = tmp_path / "essays"
    (folder / "deep").mkdir(parents=True)
    contents = {f"deep/té {i}.txt": f"text {i}\n".encode() * (i + 1) for i in range(20)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "link.txt").symlink_to("/etc/passwd")
    corpus = corpus_of(
        folder,
        documents={"reader": "members", "patterns": ["*.txt"]},
        order="seeded",
        split={"by": "document"},
    )
    result = prepared(corpus, tmp_path)
    found = {}
    for part, text in parts_of(result).items():
        for document in result.documents(part):
            found[document.name] = text[document.start : document.stop]
    assert found == contents
    assert result.manifest["documents"] == 20


def test_twice_gives_identical_bytes(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes(random.Random(1).randbytes(10_000))
    corpus = corpus_of(path, limit=5000)
    contents = []
    for run in ("one", "two"):
        prepared(corpus, tmp_path / run)
        folder = tmp_path / run / "text" / "mine"
        contents.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {
        *(f"{part}.bin" for part in PARTS),
        "vocabulary.json",
        "documents.tsv",
        "manifest.json",
    }


def test_too_little_text_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes(b"abc")
    with pytest.raises(InputError, match="training part is empty"):
        prepared(corpus_of(path, limit=0), tmp_path)
    with pytest.raises(InputError, match=r"split\.by"):
        prepared(corpus_of(path, split={"by": "document"}), tmp_path)


def test_a_failed_run_leaves_no_earlier_manifest_over_other_parts(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes(b"some text of one's own")
    corpus = corpus_of(path)
    folder = prepared(corpus, tmp_path).folder
    with pytest.raises(InputError, match="training part is empty"):
        prepare(replace(corpus, limit=0), Obtained.open(tmp_path / "raw" / "mine"), folder)
    with pytest.raises(InputError, match=r"manifest.json is missing"):
        PreparedText.open(folder)


def test_memory_stays_small_whatever_the_size(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(120_000_000)
    corpus = corpus_of(path)
    obtained = obtain(corpus, tmp_path / "raw", Network())
    tracemalloc.start()
    try:
        prepare(corpus, obtained, tmp_path / "text")
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_a_killed_run_leaves_no_prepared_text(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_bytes(bytes(60_000_000))
    parameters = written(tmp_path, path)
    obtain(corpus_of(path), tmp_path / "raw", Network())
    out = tmp_path / "text" / "mine"
    command = [
        sys.executable,
        "-m",
        "pipeline.preprocess",
        "--params",
        str(parameters),
    ]
    with subprocess.Popen([*command, "mine"], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not list(out.glob(".train.bin.*")):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(InputError, match=r"manifest.json is missing"):
        PreparedText.open(out)
    assert not (out / "train.bin").exists()
    done = subprocess.run([*command, "mine"], capture_output=True, check=True, text=True)
    assert "60,000,000 bytes" in done.stdout
    assert len(PreparedText.open(out).part("train")) == 48_000_000
    assert len(list(out.iterdir())) == 6


@pytest.mark.parametrize("compressed", [False, True])
def test_a_full_disk_is_one_line_and_no_file(tmp_path: Path, compressed: bool) -> None:
    text = bytes(1_000_000)
    path = tmp_path / "own"
    path.write_bytes(gzip.compress(text) if compressed else text)
    parameters = written(tmp_path, path)
    obtain(corpus_of(path), tmp_path / "raw", Network())
    # A limit on a file's size fails a write as a full disk does.
    limited = (
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000));"
        "runpy.run_module('pipeline.preprocess', run_name='__main__')"
    )
    command = [sys.executable, "-c", limited, "--params", str(parameters), "mine"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "error: cannot" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "text").rglob("*.bin"))
    assert not list((tmp_path / "text").rglob("manifest.json"))


def written(folder: Path, path: Path) -> Path:
    """A params file whose one corpus is a file."""
    paths = {name: str(folder / name) for name in Paths.__dataclass_fields__}
    own = {"variant": "own", "from": [f"file:{path}"]}
    config = {"scale": "full", "paths": paths, "corpora": {"mine": described(own)}}
    OmegaConf.save(OmegaConf.create(config), folder / "params.yaml")
    return folder / "params.yaml"
