"""Near-duplicates against plain sets of shingles."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpora.near_duplicates import (
    LINES,
    SKETCH,
    resemblance,
    sketch,
    without_boilerplate,
)
from tests.prepared_texts import corpus_of, prepared


def shingle_set(text: bytes) -> set[bytes]:
    """The shingles of a document, plainly."""
    lines = [b"".join(line.split()) for line in text.split(b"\n")]
    lines = [line for line in lines if line]
    return {b"\n".join(lines[i : i + LINES]) for i in range(max(len(lines) - LINES + 1, 1))}


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from("abcdefgh"), max_size=25),
    st.lists(st.sampled_from("abcdefgh"), max_size=25),
)
def test_resemblance_of_small_documents_is_exact(a: list[str], b: list[str]) -> None:
    texts = ["\n\t ".join(lines).encode() for lines in (a, b)]
    plain = [shingle_set(text) for text in texts]
    expected = len(plain[0] & plain[1]) / len(plain[0] | plain[1])
    assert resemblance(*map(sketch, texts)) == pytest.approx(expected)


@pytest.mark.parametrize("changed", [0.0, 0.05, 0.2, 0.6])
def test_resemblance_of_large_documents_is_near_the_true_one(changed: float) -> None:
    random_ = random.Random(3)
    lines = [random_.randbytes(8).hex() for _ in range(4000)]
    other = [random_.randbytes(8).hex() if random_.random() < changed else x for x in lines]
    texts = ["\n".join(text).encode() for text in (lines, other)]
    plain = [shingle_set(text) for text in texts]
    expected = len(plain[0] & plain[1]) / len(plain[0] | plain[1])
    # Four standard errors of a share estimated from SKETCH shingles.
    bound = 4 * (expected * (1 - expected) / SKETCH) ** 0.5
    assert resemblance(*map(sketch, texts)) == pytest.approx(expected, abs=bound)


def test_boilerplate_is_no_evidence() -> None:
    random_ = random.Random(4)
    licence = "\n".join(random_.randbytes(8).hex() for _ in range(200))
    texts = [f"{licence}\n{random_.randbytes(20).hex()}\nx{i}\ny{i}".encode() for i in range(50)]
    sketches = [sketch(text) for text in texts]
    assert resemblance(sketches[0], sketches[1]) > 0.9
    cleaned = without_boilerplate(sketches)
    assert all(resemblance(cleaned[0], other) == 0 for other in cleaned[1:])


def test_planted_near_duplicates_are_counted(tmp_path: Path) -> None:
    random_ = random.Random(5)
    folder = tmp_path / "files"
    folder.mkdir()
    texts = [[random_.randbytes(9).hex() for _ in range(60)] for _ in range(80)]
    for i, lines in enumerate(texts):
        (folder / f"{i:03}.c").write_text("\n".join(lines))
    corpus = corpus_of(
        folder, documents={"reader": "members"}, order="seeded", split={"by": "document"}
    )
    result = prepared(corpus, tmp_path / "before")
    assert result.manifest["near_duplicates"]["test"] == {"documents": 0, "bytes": 0}
    trained, tested = result.documents("train")[5].name, result.documents("test")[2].name
    lines = texts[int(trained[:3])].copy()
    lines[30] = "changed"
    (folder / tested).write_text("\n".join(lines))
    found = prepared(corpus, tmp_path / "after").manifest["near_duplicates"]
    assert found["test"]["documents"] == 1
    assert found["val"]["documents"] == 0
