"""A text of one's own: how it is written, what it is taken for, into conf/ and out again."""

import io
import shutil
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import add
from pipeline.config import composition, params
from pipeline.corpora.corpus import Corpus
from pipeline.lm.io.errors import InputError
from pipeline.own import guesses
from pipeline.own.place import look
from pipeline.own.writing import plain, writing
from tests.conftest import PROSE, ROOT
from tests.web_server import TEXT, running_server

RUSSIAN = "Он был не один, и это она знала.\n" * 9
LETTERS = st.text(st.characters(codec="cp1252", exclude_categories=("Cc",)), min_size=20)


@given(LETTERS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
       st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 9))  # fmt: skip
def test_any_writing_is_made_plain(letters, encoding, end, size):
    """Told by its bytes alone, cut into blocks anywhere; what could be two is taken for UTF-8."""
    text = f"Ein Übel,{end}né à Paris{end}{letters}{end}"
    raw = text.encode(encoding)
    found = writing(raw)
    assert found.line_ends == (end,)
    blocks = [raw[i : i + size] for i in range(0, len(raw), size)]
    assert b"".join(plain(blocks, found.encoding)).decode() == text.replace(end, "\n")
    assert found.is_plain == (encoding == "utf-8" and end == "\n")


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (PROSE.decode().encode("utf-16-be"), "utf-16-be"),
        (bytes(range(256)) * 9, ""),
        (RUSSIAN.encode() + b"\xff", "utf-8"),
        (b"a tab\t and a NUL \0 in so long a text as this one is, for once\n", "utf-8"),
        ("Noël 5 ±\x81".encode("latin-1"), "latin-1"),
    ],
)
def test_odd_writings(raw, encoding):
    assert writing(raw).encoding == encoding


PLAY = "\n\n".join(f"{name}:\nWhat is it, good sir?" for name in ("ANNA", "BEN", "First Man") * 4)
NAMES = "".join(f"Bron{a}{b}saurus\n" for a in "aeiou" for b in "aeiou")
C = "#include <stdio.h>\n\nint f(int a)\n{\n\tif (a) {\n\t\treturn a;\n\t}\n\treturn 0;\n}\n"
TEX = "\\section{One}\nA line.\n\\begin{itemize}\n\\item two \\ref{x}\n\\end{itemize}\n"


@pytest.mark.parametrize(
    ("text", "kind", "symbols", "dictionary"),
    [
        (PROSE.decode(), "prose", "bytes", "english"),
        (PROSE.decode().upper(), "prose", "bytes", "english"),
        (RUSSIAN, "prose", "characters", "none"),
        ("天地玄黄，宇宙洪荒。\n" * 20, "prose", "characters", "none"),
        ("ACGT" * 500, "prose", "bytes", "none"),
        ("1,2,3\n" * 50, "prose", "bytes", "none"),
        ("Hello world!\n" * 20, "prose", "bytes", "none"),
        ('{"a": "the one of that"}\n' * 30, "prose", "bytes", "english"),
        (PLAY, "shakespeare", "bytes", "english"),
        (NAMES, "names", "bytes", "none"),
        (C, "c", "bytes", "english"),
        (TEX, "latex", "bytes", "none"),
        ("import os\n\n\ndef f(a):\n    return a\n", "python", "bytes", "english"),
        ("== One ==\n'''A''' is a [[b|c]] of the d.\n\n", "wikipedia", "bytes", "english"),
    ],
)
def test_what_texts_are_taken_for(tmp_path, text, kind, symbols, dictionary):
    (tmp_path / "text").write_text(text)
    place = look(tmp_path / "text")
    sample = place.sample(as_is=False)
    assert guesses.kind(place, sample).value == kind
    assert guesses.symbols(sample).value == symbols
    assert guesses.dictionary(sample).value == dictionary


def test_code_is_told_by_its_files(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    place = look(tmp_path)
    assert guesses.kind(place, place.sample(as_is=False)).value == "python"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """What the command reads and writes, in a folder of its own."""
    folder = tmp_path / "the project"
    shutil.copytree(ROOT / "conf", folder / "conf")
    for name in ("dvc.yaml", "params.yaml", "scales/laptop/params.yaml", "scales/laptop/dvc.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    monkeypatch.chdir(folder)
    return folder


def run(monkeypatch, *words: str, given: bytes = b"") -> None:
    """The command, with something on standard input."""
    monkeypatch.setattr(sys, "argv", ["add", *words])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(given)))
    add.main()


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def corpus(scale: str = "laptop") -> Corpus:
    """The corpus `mine` of a scale."""
    return Corpus.of("mine", params.load(params.PARAMS_FILES[scale]).corpora.mine)


def test_added_and_removed_again(project, monkeypatch, capsys):
    before = files(project)
    run(monkeypatch, "mine", "-", "--dry-run", given=PROSE)
    assert files(project) == before
    assert "conf/corpus/mine.yaml" in capsys.readouterr().out
    run(monkeypatch, "mine", "-", "--title", 'My "letters": all', given=b"\xef\xbb\xbf" + PROSE)
    said = capsys.readouterr().out
    assert "UTF-8 with a byte-order mark" in said and "page@mine" in said
    assert (project / "data/own/mine/standard-input.txt").read_bytes() == PROSE
    for scale, path in params.PARAMS_FILES.items():
        config = params.load(path)
        experiment, baseline = params.experiment(config, "mine"), params.baseline(config, "mine")
        assert experiment.corpus == "mine" and corpus(scale).title == 'My "letters": all'
        assert experiment.model.hidden == (512 if scale == "full" else 128)
        assert baseline.symbols <= 500_000 and config.corpora.mine.dictionary == "english"
    with pytest.raises(InputError, match=r"already .* --remove mine"):
        run(monkeypatch, "mine", "-", given=PROSE)
    (project / "scales/laptop/models/mine").mkdir(parents=True)
    run(monkeypatch, "mine", "--remove")
    assert "rm -r scales/laptop/models/mine" in capsys.readouterr().out
    assert files(project) == before


def test_read_by_words(project, monkeypatch):
    run(monkeypatch, "mine", "-", "--symbols", "words", given=PROSE)
    baseline = params.baseline(params.load(params.PARAMS_FILES["full"]), "mine")
    assert corpus().symbols == "words" and baseline.ngram_orders == [1, 2, 3]


def test_what_fails_half_way_leaves_nothing(project, monkeypatch):
    before = files(project)

    def refused() -> None:
        raise InputError("no room")

    monkeypatch.setattr(composition, "write", refused)
    with pytest.raises(InputError, match="no room"):
        run(monkeypatch, "mine", "-", given=PROSE.replace(b"\n", b"\r"))
    assert files(project) == before


def test_where_texts_lie(project, monkeypatch):
    """Learnt where they lie if they can be; else a copy is, as UTF-8, a file a document."""
    monkeypatch.setattr(composition, "write", list)
    poems = project.parent / "my poems"
    (poems / "by year").mkdir(parents=True)
    for i in range(12):
        (poems / "by year" / f"{i}.txt").write_text(f"Poem {i}\n")
    for name in ("cover.jpg", ".DS_Store"):
        (poems / name).write_bytes(bytes(range(256)))

    def added(place: Path, *options: str) -> dict:
        run(monkeypatch, "mine", str(place), *options)
        found = params.load_yaml(params.CORPORA / "mine.yaml")
        Corpus.of("mine", found)
        return found

    found = added(poems)
    assert found.sources[0]["from"] == [f"file:{poems}"]
    assert found.documents == {"reader": "members", "patterns": ["*.txt"]}
    assert found.split.by == "document"
    add.forget("mine")
    (poems / "by year" / "3.txt").write_text("no end of line")
    assert added(poems).sources[0]["from"] == ["file:data/own/mine"]
    copied = files(project / "data/own/mine")
    assert len(copied) == 12 and copied["by year/3.txt"] == b"no end of line\n"
    add.forget("mine")
    archive = project.parent / "$HOME ä.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a/1.md", "Eins\n")
    assert added(archive, "--as-is").sources[0]["from"] == ["file:data/own/mine/_HOME__.zip"]
    assert (project / "data/own/mine/_HOME__.zip").read_bytes() == b"Eins\n"


def test_a_text_on_the_web(project, monkeypatch):
    """It is fetched once and kept; what cannot be had leaves nothing."""
    before = files(project)
    with running_server() as server:
        with pytest.raises(InputError, match="503"):
            run(monkeypatch, "mine", f"{server.url}/shut/letters.txt")
        assert files(project) == before
        run(monkeypatch, "mine", f"{server.url}/good/letters.txt")
    assert (project / "data/own/mine/letters.txt").read_bytes() == TEXT
    found = params.load_yaml(params.CORPORA / "mine.yaml")
    assert found.sources[0]["from"] == ["file:data/own/mine/letters.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x@y", "-"), "cannot be called 'x@y'"),
        (("my poems", "-"), "cannot be called"),
        (("inside", "-"), "cannot be called"),
        (("names", "-"), r"there is a names already .*: take another name"),
        (("mine", "nowhere"), "nowhere is not there"),
        (("mine", "-"), "holds no text"),
        (("mine", "http://127.0.0.1:9/x"), "connection refused"),
        (("names", "--remove"), "added no 'names'"),
        (("nothing", "--remove"), "added no 'nothing'"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(project, monkeypatch, words, said):
    before = files(project)
    with pytest.raises(InputError, match=said) as caught:
        run(monkeypatch, *words)
    assert "\n" not in str(caught.value) and files(project) == before
