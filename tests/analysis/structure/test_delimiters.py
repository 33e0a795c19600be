"""The delimiter stack: texts built to be right or wrong, real text, hostile text."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.structure.delimiters.fates import (
    Fate,
    buckets,
    closings,
    fates,
    group,
    incidence,
    nesting_depth,
    violations,
)

KINDS = ["c", "python", "latex", "wikipedia", "prose", "shakespeare", "names"]
PAIRS = {"c": ["()", "[]", "{}"], "python": ["()", "[]", "{}"], "prose": ["()", "[]"]}
OPTIONS: dict[str, Any] = {"resamples": 50, "seed": 0, "level": 0.95}


@pytest.fixture(scope="module")
def mirror():
    if not (folder := os.environ.get("CORPORA_MIRROR")):
        pytest.skip("CORPORA_MIRROR is not set: real texts are not here")
    return Path(folder)


def _content(archive, member):
    return archive.extractfile(member).read()


def _outcomes(text, kind, closer=None):
    return [fate.outcome for fate in fates(text, kind) if closer in (None, fate.closer)]


@st.composite
def nested(draw, pairs, depth=4):
    """A well nested text and its (opened, closed) positions."""
    text, spans = "", []
    for _ in range(draw(st.integers(0, 3 if depth else 0))):
        opener, closer = draw(st.sampled_from(pairs))
        inner, inner_spans = draw(nested(pairs, depth - 1))
        start = len(text) + 2
        text += f"a {opener}{inner}{closer} b"
        spans += [(a + start + 1, b + start + 1) for a, b in inner_spans]
        spans.append((start, start + 1 + len(inner)))
    return text, spans


@pytest.mark.parametrize("kind", PAIRS)
@given(st.data())
def test_well_nested_text_closes_where_it_was_built_to(kind, data):
    text, spans = data.draw(nested(PAIRS[kind]))
    found = closings(text.encode(), kind)
    assert sorted((closing.opened, closing.position) for closing in found) == sorted(spans)
    assert all(text[closing.position] == closing.closer for closing in found)
    assert len(fates(text.encode(), kind)) == len(spans)
    depth = max((sum(a <= at < b for a, b in spans) for at in range(len(text))), default=0)
    assert nesting_depth(fates(text.encode(), kind)) == depth


@pytest.mark.parametrize("kind", ["c", "python"])
@given(st.data())
def test_a_deleted_bracket_is_one_violation(kind, data):
    text, spans = data.draw(nested(["()"]).filter(lambda made: made[1]))
    opened, closed = data.draw(st.sampled_from(spans))
    last = b"\n}\n" if kind == "c" else b"\ndef f(): 0\n"
    start = b"{\n" if kind == "c" else b"import x\n"
    for at in (opened, closed):
        damaged = start + (text[:at] + text[at + 1 :]).encode() + last
        bad = [outcome for outcome in _outcomes(damaged, kind) if outcome != "ok"]
        assert bad == ["unopened" if at == opened else "unclosed"]


@pytest.mark.parametrize("kind", KINDS)
@given(st.text("()[]{}<>|$&;\"'*/#\\ \nab=-", max_size=60) | st.binary(max_size=60))
def test_any_text_has_a_fate_for_each_delimiter(kind, text):
    text = text.encode() if isinstance(text, str) else text
    for fate in fates(text, kind):
        assert 0 <= fate.opened <= fate.ended <= len(text)
        assert fate.outcome in {"ok", "mismatch", "unclosed", "unopened", "censored"}
        if fate.outcome == "ok":
            assert text[fate.ended :].startswith(fate.closer.encode())
    assert len(violations(text, kind)) == len(fates(text, kind))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("c", rb'f("a\"(", x) /* ( */; // (', [(2, '"'), (1, ")"), (13, "*/")]),
        ("c", b"'(' '\\'' \"'\" {a[0]}", [(9, '"'), (15, "]"), (13, "}")]),
        ("python", b"f('(', \"]\") # (", [(2, "'"), (7, '"'), (1, ")")]),
        ("python", rb'"""a "b" ( """ [r"\\"]', [(0, '"""'), (17, '"'), (15, "]")]),
        ("latex", rb"$a\$b$ {\{} % }", [(0, "$"), (7, "}")]),
        ("latex", rb"\begin{proof}$$x$$ \[y\]\end{proof}",
         [(13, "$$"), (19, "\\]"), (0, "\\end{proof}")]),
        ("latex", rb"$a$$b$", [(0, "$"), (3, "$")]),
        ("latex", rb"\begin{verbatim}$}{\end{verbatim}", [(0, "\\end{verbatim}")]),
        ("wikipedia", b"<page><id>1</id><minor /></page>", [(6, "</id>"), (0, "</page>")]),
        ("wikipedia", b"[[a|(]] {{b|c)}} [http://x y] (d)",
         [(0, "]]"), (8, "}}"), (17, "]"), (30, ")")]),
        ("wikipedia", b"&lt;ref name=x&gt;a&lt;/ref&gt;&lt;ref name=y/&gt;&lt;!-- [[ --&gt;",
         [(0, "&lt;/ref&gt;"), (50, "--&gt;")]),
        ("wikipedia", b"{|\n|-\n| {{a|}}\n|}", [(8, "}}"), (0, "|}")]),
        ("prose", b'"Yes," he said. "No."', [(0, '"'), (16, '"')]),
        ("prose", b'He said--"I (we) know"--and "left".', [(9, '"'), (12, ")"), (28, '"')]),
        ("prose", "\u201cYes\u201d".encode(), [(0, "\u201d")]),
        ("names", b"(a)", []),
    ],
)  # fmt: skip
def test_what_closes_what(kind, text, expected):
    found = closings(text, kind)
    assert sorted((c.opened, c.closer) for c in found) == sorted(expected)
    assert all(text[c.position :].startswith(c.closer.encode()) for c in found)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("c", b"{\n(]\n}\n", {")": "mismatch", "}": "ok"}),
        ("c", b"{\n(\n}\n", {")": "unclosed", "}": "ok"}),
        ("c", b"{\nif (a) {\n", {"}": "censored", ")": "ok"}),
        ("c", b'{\n"abc\n}\n', {'"': "unclosed", "}": "ok"}),
        ("c", b"{\n/* abc\n}\n", {"*/": "censored", "}": "censored"}),
        ("c", b"a)\n", {")": "censored"}),
        ("python", b"import x\na)\n", {")": "unopened"}),
        ("python", b"x = (1\nclass A: 0\n", {")": "unclosed"}),
        ("python", b'x = """a\ndef f(): 0\n', {'"""': "unclosed"}),
        ("latex", rb"\begin{proof}a\end{lemma}", {"\\end{proof}": "mismatch"}),
        ("latex", b"\\section{a} $b\n\n", {"$": "unclosed"}),
        ("wikipedia", b"<page><id></page>", {"</id>": "unclosed", "</page>": "ok"}),
        ("wikipedia", b"<page><id></title></page>", {"</id>": "mismatch", "</page>": "ok"}),
        ("wikipedia", b"<page>[[a}}", {"]]": "mismatch"}),
        ("prose", b'\n\n"Yes, he said.\n\nNo', {'"': "unclosed"}),
        ("prose", b'\n\nYes," he said.', {'"': "unopened"}),
        ("prose", b'"Yes.\n\n"And no."', {'"': "ok"}),
    ],
)
def test_what_goes_wrong(kind, text, expected):
    found = {fate.closer: fate.outcome for fate in fates(text, kind)}
    assert {closer: found[closer] for closer in expected} == expected


def test_alternatives_of_the_preprocessor_start_from_one_stack():
    text = b"{\n#ifdef A\nif (a) {\n#else\nif (b) {\n#endif\n }\n}\n"
    found = [fate for fate in fates(text, "c") if fate.closer == "}"]
    assert [fate.outcome for fate in found] == ["ok", "ok"]
    assert found[1].opened == text.index(b"{\n#endif")


def test_group_and_buckets():
    assert group("\\end{lemma}") == group("\\end{proof}") != group("}")
    assert group("</id>") != group("&lt;/ref&gt;") != group(")")
    assert buckets([0, 9, 10, 1600, 9999], [0, 10, 20, 1600]).tolist() == [0, 0, 1, 3, 3]


def _km(durations, ended, at):
    """Kaplan-Meier share that has ended by `at`, by the product over times."""
    share = 1.0
    for time in sorted(set(durations)):
        if time <= at:
            risk = sum(d >= time for d in durations)
            events = sum(d == time and e for d, e in zip(durations, ended, strict=True))
            share *= 1 - events / risk
    return 1 - share


subjects = st.tuples(st.integers(1, 9), st.sampled_from(["ok", "unclosed", "censored"]))


@given(st.lists(st.lists(subjects, max_size=5), min_size=1, max_size=4))
def test_incidences_sum_to_kaplan_meier(windows):
    made = [[Fate(0, length, "}", outcome) for length, outcome in w] for w in windows]
    rows = incidence(made, "}", [0, 3, 9], **OPTIONS)
    everyone = [subject for window in windows for subject in window]
    lengths = [length for length, _ in everyone]
    for row in rows:
        if not everyone:
            assert np.isnan(row.right.estimate)
            continue
        total = _km(lengths, [outcome != "censored" for _, outcome in everyone], row.distance)
        assert row.right.estimate + row.violated.estimate == pytest.approx(total)
        if all(outcome != "censored" for _, outcome in everyone):
            right = np.mean([o == "ok" and n <= row.distance for n, o in everyone])
            assert row.right.estimate == pytest.approx(right)


def test_incidence_of_a_textbook_case_with_its_interval():
    # At risk 4: right at 1; at risk 3: violated at 2; censored at 3; right at 4.
    window = [Fate(0, 1, "}", "ok"), Fate(0, 2, "}", "mismatch"),
              Fate(0, 3, "}", "censored"), Fate(0, 4, "}", "ok")]  # fmt: skip
    rows = incidence([window] * 50, "}", [1, 2, 4], **OPTIONS)
    assert [row.right.estimate for row in rows] == pytest.approx([0.25, 0.25, 0.75])
    assert [row.violated.estimate for row in rows] == pytest.approx([0, 0.25, 0.25])
    assert (rows[2].right.low, rows[2].right.high) == pytest.approx((0.75, 0.75))
    assert rows[0].right.n == 50


def test_hostile_text_neither_hangs_nor_crashes():
    n = 10_000
    pieces = [b"([{", b'"""\\"', b"/*", b"\\begin{a}", b"$\n\n{", b"&lt;!--", b"&lt;math&gt;",
              b"\0", b"<a><b>", b"#if 0\n("]  # fmt: skip
    pairs = [b"(" * n + b"]" * n, b"[[" * n + b"}}" * n, b"a" * 1_000_000]
    for text in [*(piece * n for piece in pieces), *pairs]:
        for kind in KINDS:
            assert len(fates(text, kind)) <= len(text)


def test_deep_nesting_fails_beyond_what_real_text_has():
    found = fates(b"(" * 1000 + b")" * 1000, "c")
    assert nesting_depth(found) == 200


@pytest.mark.parametrize(
    ("kind", "name", "floor"),
    [
        ("c", "linux-6.1-kernel-mm.tar.xz", 1e-4),
        ("latex", "stacks-project-dc48e3482856e140ba2f6584f44666cd0d985d69.tar.xz", 0),
        ("prose", "warpeace_input.txt", 2e-3),
    ],
)
def test_real_text_closes_what_it_opens(mirror, kind, name, floor):
    if name.endswith(".xz"):
        with tarfile.open(mirror / name) as archive:
            files = sorted(
                (m for m in archive if m.name.endswith((".c", ".h", ".tex"))), key=lambda m: m.name
            )
            texts = [_content(archive, member) for member in files[:40]]
    else:
        texts = [(mirror / name).read_bytes()]
    found = [outcome for text in texts for outcome in _outcomes(text, kind)]
    assert len(found) > 5000
    assert sum(outcome != "ok" for outcome in found) <= floor * len(found)


def test_essays_close_their_quotes(mirror):
    lines = (mirror / "pg_essays.jsonl").read_text(encoding="utf-8").splitlines()
    text = "\n\n".join(json.loads(line)["text"] for line in lines[:60]).encode()
    found = _outcomes(text, "prose", '"')
    assert sum(outcome != "ok" for outcome in found) <= 0.03 * len(found)


def test_the_posts_latex_has_the_faults_it_names(mirror):
    post = (mirror / "rnn-effectiveness.markdown").read_bytes()
    start = post.index(b"\\begin{proof}")
    sample = post[start : post.index(b"```", start)] + b"\n\\section{Next}\n"
    found = [(f.closer, f.outcome) for f in fates(sample, "latex") if f.outcome != "ok"]
    assert found == [
        ("\\end{proof}", "mismatch"),
        ("\\end{enumerate}", "unclosed"),
        ("\\end{enumerate}", "unclosed"),
    ]
