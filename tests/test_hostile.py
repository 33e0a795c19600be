"""Hostile text wherever it is shown: on a terminal, in a message, on a page, in a spreadsheet.

What compilers and parsers make of it: the tests of `structure`.
"""

import contextlib
import csv
import io
import os
import pty
import sys
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from omegaconf import OmegaConf
from selenium.webdriver import Chrome

from analysis.claims.verdicts import verdicts
from analysis.report import __main__ as report
from analysis.report.figures_table import FORMULA
from analysis.report.pages import environment, write
from analysis.report.plots.corpus import bits_by_model
from analysis.results.reader import Results
from analysis.statistics import Interval
from pipeline import console
from pipeline import sample as command
from pipeline.config.composition import composed
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.checkpoint import save_network
from pipeline.terminal import say, visible
from tests.browser import browser
from tests.conftest import PROSE, prepare, small_network
from tests.web_server import running_server

ESCAPES = (
    b"\x1b[2J\x1b]0;title\x07"  # clears the screen, names the window
    b"\x1b]52;c;cm0gLXJmIC8K\x07"  # fills the clipboard
    b"\x9b31m\xc2\x9b31m\r\x08\x00"  # the same introducer in one byte, and its UTF-8
    b"\xe2\x80\xae\xf3\xa0\x81\x81"  # right to left, an invisible tag
    b"caf\xc3\xa9\tok\n"
)
UNSEEN = set(range(32)) - {ord("\t"), ord("\n")} | {127}


# On a terminal


def on_terminal(action: Callable[[], object]) -> bytes:
    """What a terminal gets from an action that prints little."""
    master, slave = pty.openpty()
    tty.setraw(slave)  # or it would turn newlines into two characters
    with os.fdopen(slave, "w", encoding="utf-8") as screen, contextlib.redirect_stdout(screen):
        action()
    with os.fdopen(master, "rb", buffering=0) as shown:
        return shown.read(1 << 16)


def in_pipe(action: Callable[[], object]) -> bytes:
    """What a pipe gets."""
    pipe = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(pipe):
        action()
    pipe.flush()
    return pipe.buffer.getvalue()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A network whose training text is full of escape sequences."""
    folder = tmp_path_factory.mktemp("hostile")
    text = prepare(folder / "text", (PROSE[:100] + ESCAPES) * 20)
    save_network(folder, small_network(text.vocabulary.size), {})
    text.vocabulary.save(folder / "vocabulary.json")
    (folder / "prompt").write_bytes(ESCAPES)
    return folder


@pytest.mark.parametrize("shape", [("--streams", "2"), ("--lines", "3"), ("--beam", "2")])
def test_samples_are_shown_on_a_terminal_and_whole_in_a_pipe(model, monkeypatch, shape):
    words = ["sample", str(model), "--length", "30", *shape]
    monkeypatch.setattr("sys.argv", [*words, "--prompt-file", str(model / "prompt")])
    shown, piped = on_terminal(command.main), in_pipe(command.main)
    assert not UNSEEN & set(shown)
    assert ESCAPES in piped
    text = shown.decode()
    assert r"\x1b[2J\x1b]0;title\x07" in text and r"\x9b31m\x9b31m\r\x08\x00" in text
    assert r"\u202e\U000e0041café" in text


def test_lines_with_the_names_of_others_are_shown_on_a_terminal():
    name = os.fsdecode(b"\x1b[31m caf\xc3\xa9 \xff")
    assert on_terminal(lambda: say(name)) == b"\\x1b[31m caf\xc3\xa9 \\udcff\n"
    assert in_pipe(lambda: say("\x1b[31m")) == b"\x1b[31m\n"


def test_a_message_is_one_line_that_commands_nothing(capsys):
    def main() -> None:
        raise InputError("cannot read \x1b[2J\nerror: all is well\r\u2028x")

    with pytest.raises(SystemExit) as end:
        console.run(main)
    assert end.value.code == 2
    assert capsys.readouterr().err == r"error: cannot read \x1b[2J error: all is well  x" + "\n"


def test_a_title_in_any_script_is_printed_in_any_encoding(monkeypatch):
    narrow = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    with pytest.raises(SystemExit) as end:
        console.run(lambda: print("Война и мир"))
    assert end.value.code == 0 and narrow.buffer.getvalue().startswith(rb"\u0412\u043e")


@given(st.text())
def test_nothing_unseen_stays_and_nothing_seen_changes(text):
    shown = visible(text)
    assert all(c in "\t\n" or not (c < " " or "\x7f" <= c <= "\x9f") for c in shown)
    assert shown.isprintable() or set(shown) - set(map(chr, range(32, 127)))
    assert visible(shown) == shown
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize("text", ["日本語　全角", "naïve\u00a0café", "Война и мир\n", "👍🏽"])
def test_every_script_is_seen(text):
    assert visible(text) == text


# On a page

HOSTILE = (
    "</pre></script></style><script>document.title = 1</script>"
    "<style>main { display: none }</style><p style='position: fixed; inset: 0'>"
    "<img src='URL/good/a.png' onerror='document.title = 2'>"
    "<link rel=stylesheet href='URL/good/b.css'><iframe src='URL/good/c.html'></iframe>"
    "<base href='URL/good/'><a href='javascript:document.title = 3'>click</a>"
)
FIGURE = """{% extends "base.html" %}{% import "macros.html" as m with context %}
{% block title %}figure{% endblock %}{% block main %}{{ m.figure(picture) }}{% endblock %}"""


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    """None yet: pages and tables that wait."""
    config = OmegaConf.create(composed("laptop"))
    for name in ("results", "reports", "text"):
        config.paths[name] = str(tmp_path_factory.mktemp(name))
    return Results.of(config)


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    with browser() as opened:
        yield opened


def blind(path: Path, text: str) -> Path:
    """The page of excerpts, one of which is `text`."""
    passage = {"text": text, "source": "network", "answer": text, "truth": "made"}
    puzzle = {"title": text, "excerpts": [(1, passage)], "judge": []}
    write(path, "blind.html", {"scale": "laptop", "puzzles": [puzzle]})
    return path


def test_hostile_text_stays_text(tmp_path, driver):
    with running_server() as server:
        hostile = HOSTILE.replace("URL", server.url)
        driver.get(blind(tmp_path / "blind.html", hostile).as_uri())
        found = driver.execute_script("return document.querySelector('pre').textContent")
        assert found == hostile and driver.title == "Which is real?"
        driver.execute_script("document.querySelector('button[value=made]').click()")
        said = driver.execute_script("return document.querySelector('.guess span').textContent")
        assert said == f"Right: {hostile}."
        assert not driver.get_log("browser") and not server.requests


def test_what_slipped_through_would_neither_run_nor_fetch(tmp_path, driver):
    """The policy of every page, shown on one whose text is not escaped."""
    with running_server() as server:
        path = blind(tmp_path / "slipped.html", Markup(HOSTILE.replace("URL", server.url)))
        driver.get(path.as_uri())
        driver.execute_script("document.querySelector('a[href^=javascript]').click()")
        assert driver.title == "Which is real?" and not server.requests
        shown = "return getComputedStyle(document.querySelector('main')).display"
        assert driver.execute_script(shown) == "block"
        refused = [entry["message"] for entry in driver.get_log("browser")]
    for directive in ("script-src", "style-src", "img-src", "frame-src", "base-uri"):
        assert any(directive in message for message in refused), (directive, refused)


def test_pages_keep_their_style_and_pictures_under_the_policy(results, driver):
    index = report.write_index(results)
    bits = {"network": Interval(2.0, 1.9, 2.1, 9), "kenlm:5": Interval(2.2, 2.1, 2.3, 9)}
    page = environment().from_string(FIGURE)
    (index.parent / "figure.html").write_text(
        page.render(scale="laptop", picture=bits_by_model(bits, [5]))
    )
    pages = sorted(index.parent.glob("*.html"))
    assert len(pages) >= 5
    for path in pages:
        assert "unsafe" not in path.read_text()
        driver.get(path.as_uri())
        margin = "return getComputedStyle(document.body).margin"
        assert driver.execute_script(margin) == "0px", path.name
        widths = "return [...document.images].map((image) => image.naturalWidth)"
        assert all(driver.execute_script(widths))
        assert driver.get_log("browser") == [], path.name


# In a spreadsheet


def test_no_cell_of_the_figures_is_a_formula(results, monkeypatch):
    texts = [f'{begin}HYPERLINK("http://x",A1)' for begin in FORMULA]
    (claim, *_) = verdicts(results)
    parts = [replace(claim.parts[0], measured=t, unit=t, estimate=-1.5) for t in texts]
    claims = [replace(claim, source=p.unit, runs=[p.unit], parts=[p]) for p in parts]
    monkeypatch.setattr(report, "verdicts", lambda _: claims)
    with (report.write_index(results).parent / "figures.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "claim"]
    for row, text in zip(rows, texts, strict=True):
        assert row["source"] == row["unit"] == row["run"] == f"'{text}"
        assert not row["name"].startswith(FORMULA) and row["estimate"] == "-1.5"
