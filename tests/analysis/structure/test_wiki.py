"""Wikipedia figures: the post's samples, real pages, pages built to be wrong, hostile text."""

import bz2
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.structure import wiki


@pytest.fixture(scope="module")
def mirror():
    if not (folder := os.environ.get("CORPORA_MIRROR")):
        pytest.skip("CORPORA_MIRROR is not set: Wikipedia is not here")
    return Path(folder)


@pytest.fixture(scope="module")
def real(mirror):
    return bz2.decompress((mirror / "enwiki-shortened.xml.bz2").read_bytes())


@pytest.fixture(scope="module")
def post(mirror):
    return (mirror / "rnn-effectiveness.markdown").read_bytes()


def _figures(text, context=wiki.NOTHING):
    measures = [*wiki.measure(text, context), *wiki.measure_pages(text)]
    return {m.name: (m.events, m.exposure) for m in measures}


PAGE = (
    b"<page>\n<title>A</title>\n<id>7</id>\n<timestamp>2002-08-03T18:14:12Z</timestamp>\n"
    b'<text xml:space="preserve">[[B]] (c) {{d}} &lt;ref&gt;http://e.org/f&amp;g.&lt;/ref&gt;\n'
    b"== H ==\n''i'' and '''b'''\n</text>\n</page>\n"
)


def test_a_right_page():
    found = _figures(PAGE)
    assert found.pop("markup errors") == (0, len(PAGE))
    assert found.pop("complete pages") == (1, len(PAGE))
    assert found.pop("tags nested rightly") == (5, 5)
    assert set(found.values()) == {(1, 1)}


def test_what_training_held_is_not_new():
    context = wiki.Context.of(PAGE)
    assert context.urls == {b"http://e.org/f&g"}
    found = _figures(PAGE, context)
    assert all(found[f"new {name}"] == (0, 1) for name in ("URLs", "ids", "timestamps"))


@pytest.mark.parametrize(
    ("old", "new", "figure", "expected"),
    [
        (b"</id>", b"", "tags nested rightly", (4, 5)),
        (b"</id>", b"", "pages well formed", (0, 1)),
        (b"</id>", b"</title>", "tags nested rightly", (4, 5)),
        (b"&amp;g", b"&g", "pages well formed", (0, 1)),
        (b"]]", b"", "]] closed rightly", (0, 1)),
        (b"}}", b"", "}} closed rightly", (0, 1)),
        (b"}}", b"]]", "}} closed rightly", (0, 1)),
        (b"H ==", b"H =", "headings balanced", (0, 1)),
        (b"H ==", b"H ===", "headings balanced", (0, 1)),
        (b"'''b'''", b"'''b", "lines with even quote marks", (0, 1)),
        (b"08-03T", b"02-30T", "valid timestamps", (0, 1)),
        (b"18:14", b"24:14", "valid timestamps", (0, 1)),
        (b"2002-", b"02-", "valid timestamps", (0, 1)),
        (b"</page>", b"<page>", "pages well formed", (0, 1)),
        (b"</page>", b"", "pages well formed", (0, 0)),
    ],
)
def test_each_fault_is_found(old, new, figure, expected):
    assert _figures(PAGE.replace(old, new))[figure] == expected


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (b"''Foo'''s", "ok"),
        (b"'''''both'' and bold'''", "ok"),
        (b"'''''x", "ok"),
        (b"''''a''' b", "ok"),
        (b"''a", "unclosed"),
        (b"'''a''b''", "unclosed"),
        (b"''a'' ''b", "unclosed"),
    ],
)
def test_quote_marks_of_a_line(line, outcome):
    assert [event.outcome for event in wiki.quotes(line)] == [outcome]


def test_lines_without_quote_marks_are_no_events():
    assert wiki.quotes(b"don't\n| ''cell\nplain") == []


def test_entities_and_addresses_of_a_page_are_never_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    bomb = b'<page>&lol;<text href="file://%b">&x;</text></page>' % str(secret).encode()
    declared = b'<page><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>&x;</page>'
    assert _figures(bomb + declared)["pages well formed"] == (0, 2)


@given(st.text("<>/page=[]{}'&;lt \n", max_size=80) | st.binary(max_size=80))
def test_any_text_can_be_measured(text):
    text = text.encode() if isinstance(text, str) else text
    for events, exposure in _figures(b"<page>" + text + b"</page>").values():
        assert events >= 0
        assert events <= exposure


@given(st.recursive(st.just(b"x"), lambda inner: st.lists(inner, max_size=3).map(
    lambda parts: b"<a>" + b"".join(parts) + b"</a>"), max_leaves=12))  # fmt: skip
def test_nested_elements_are_right_and_parse(xml):
    text = b"<page>" + xml + b"</page>"
    found = _figures(text)
    assert found["tags nested rightly"] == (text.count(b"</"), text.count(b"</"))
    assert found["pages well formed"] == (1, 1)


def test_hostile_text_neither_hangs_nor_crashes():
    n = 20_000
    pieces = [b"<page>", b"<page></page>", b"<a>", b"''", b"=\n", b"http://", b"[http://", b"\0",
              b"&lt;!--", b"a" * 50]  # fmt: skip
    for piece in pieces:
        assert _figures(piece * n)["markup errors"][1] == len(piece) * n
    deep = b"<page>" + b"<a>" * n + b"</a>" * n + b"</page>"
    assert _figures(deep)["pages well formed"] == (1, 1)


def test_floors_of_real_pages(real):
    found = _figures(real)
    assert found["pages well formed"] == found["valid timestamps"] == (206, 206)
    assert found["tags nested rightly"][0] == found["tags nested rightly"][1] > 3000
    # 36 in 6 million characters, most of them quote marks that one line leaves open.
    assert found["markup errors"][0] <= 40
    for name in ("]] closed rightly", "}} closed rightly", "headings balanced"):
        assert found[name][0] / found[name][1] > 0.999
    assert _figures(real, wiki.Context.of(real))["new URLs"][0] == 0


def test_the_posts_page_is_valid_and_made_up(real, post):
    sample = post[post.index(b"<page>") : post.index(b"</page>") + 7]
    found = _figures(sample, wiki.Context.of(real))
    assert found["pages well formed"] == found["valid timestamps"] == (1, 1)
    assert found["tags nested rightly"] == (11, 11)
    assert found["new timestamps"] == (1, 1)
    assert found["new ids"][1] == 3


def test_the_posts_markup_closes_and_its_urls_are_made_up(real, post):
    sample = post[post.index(b"Naturalism and") : post.index(b"Sometimes the model snaps")]
    found = _figures(sample, wiki.Context.of(real))
    assert found["]] closed rightly"] == (17, 17)
    assert found["headings balanced"] == (4, 4)
    assert found["new URLs"] == (3, 3)
    # The post's "(PJS)[http://www.humah.yahoo.com/guardian." breaks off at the line's end.
    assert found["markup errors"][0] == 1
