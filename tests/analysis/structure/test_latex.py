"""LaTeX metrics: small cases, the post's sample, floors, compilation, hostile text."""

import os
import re
import tarfile
from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path
from shutil import which
from typing import IO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.structure.events import Measure
from analysis.structure.latex import compile as latex_compile
from analysis.structure.latex import metrics as latex
from analysis.structure.latex.lexer import marks, synchronised
from analysis.structure.latex.metrics import Block, blocks, labels
from analysis.structure.latex.spans import spans
from analysis.structure.sandbox import Limits

STACKS = "stacks-project-dc48e3482856e140ba2f6584f44666cd0d985d69"


def mirror(name: str) -> Path:
    folder = os.environ.get("CORPORA_MIRROR")
    if folder is None or not (Path(folder) / name).exists():
        pytest.skip(f"needs {name} from the directory that CORPORA_MIRROR names")
    return Path(folder) / name


def content(file: IO[bytes] | None) -> bytes:
    assert file is not None
    return file.read()


@lru_cache(maxsize=1)
def stacks() -> dict[str, bytes]:
    """The chapters of the Stacks project, by file name."""
    with tarfile.open(mirror(f"{STACKS}.tar.xz")) as archive:
        members = [member for member in archive.getmembers() if member.name.endswith(".tex")]
        return {Path(m.name).name: content(archive.extractfile(m)) for m in members}


def outcomes(text: bytes) -> list[tuple[str, str]]:
    return [(span.name.decode(), span.outcome) for span in spans(text)]


def figure(measures: list[Measure], name: str) -> float:
    (found,) = [measure for measure in measures if measure.name == name]
    return found.events / found.exposure


# Marks and the stack


def test_marks_skip_comments_escapes_and_verbatim():
    text = rb"""\$ \{ \% % $ {
\\[2pt] \verb|$ {| \begin{verbatim} $ { \begin{lemma} \end{verbatim} \leftarrow{}"""
    found = [(mark.kind, mark.name) for mark in marks(text)]
    assert found == [("begin", b"verbatim"), ("end", b"verbatim"), ("{", b""), ("}", b"")]


CASES = [
    (r"\begin{a}\end{a}", [("a", "ok")]),
    (r"\begin{proof}\end{lemma}", [("proof", "mismatch")]),
    (r"\begin{proof}\begin{enumerate}\end{proof}", [("proof", "ok"), ("enumerate", "unclosed")]),
    (r"\begin{enumerate}\end{itemize}", [("enumerate", "mismatch")]),
    (r"\begin{enumerate}\end{lemma}", [("enumerate", "censored"), ("lemma", "censored")]),
    (r"\section{a}\end{lemma}", [("{", "ok"), ("lemma", "unopened")]),
    (r"\section{a}\end{document}", [("{", "ok"), ("document", "censored")]),
    (r"\begin{lemma}\begin{proof}", [("lemma", "unclosed"), ("proof", "censored")]),
    (r"\begin{lemma}\section{a}", [("lemma", "unclosed"), ("{", "ok")]),
    (r"\begin{document}\section{a}\end{document}", [("document", "ok"), ("{", "ok")]),
    ("$a$", [("$", "ok")]),
    ("$$a$$", [("$$", "ok")]),
    ("$a$$b$", [("$", "ok"), ("$", "ok")]),
    ("$$a$", [("$$", "mismatch")]),
    ("$a\n\n$b$", [("$", "unclosed"), ("$", "ok")]),
    (r"$\text{a $b$ c}$", [("$", "ok"), ("{", "ok"), ("$", "ok")]),
    (r"$$\begin{matrix}a\end{matrix}$$", [("$$", "ok"), ("matrix", "ok")]),
    (r"\(a\) \[b\]", [(r"\(", "ok"), (r"\[", "ok")]),
    (r"\(a\]", [(r"\(", "mismatch")]),
    (r"a\)", [(r"\(", "unopened")]),
    ("{a", [("{", "censored")]),
    ("a}", [("{", "unopened")]),
    (r"${a$", [("$", "ok"), ("{", "unclosed")]),
    (r"\begin{lemma}{a\end{lemma}", [("lemma", "ok"), ("{", "unclosed")]),
    (r"{\begin{a}}\end{a}", [("{", "censored"), ("a", "ok"), ("{", "unopened")]),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_spans(text, expected):
    assert outcomes(text.encode()) == expected


TEXTS = st.recursive(
    st.sampled_from(["a", "$x_{y}$", r"\[z\]", r"\ref{x}", "%$}\n", r"\$", r"\{"]),
    lambda inner: st.tuples(
        st.sampled_from(
            [("{", "}"), (r"\begin{a}", r"\end{a}"), (r"\begin{align*}", r"\end{align*}")]
        ),
        st.lists(inner, max_size=3).map("".join),
    ).map(lambda parts: parts[0][0] + parts[1] + parts[0][1]),
    max_leaves=12,
)


@given(TEXTS, st.integers(0, 200))
def test_nested_text_is_clean_and_its_beginnings_are_censored(text, cut):
    assert {outcome for _, outcome in outcomes(text.encode())} <= {"ok"}
    assert {outcome for _, outcome in outcomes(text[:cut].encode())} <= {"ok", "censored"}


@given(st.text("{}$\\()[] \n", max_size=60))
def test_every_opening_and_closing_is_counted_once(text):
    found = spans(text.encode())
    kinds = Counter(mark.kind for mark in marks(text.encode()))
    braces = [span for span in found if span.kind == "brace"]
    assert sum(span.outcome != "unopened" for span in braces) == kinds["{"]
    closed = sum(span.outcome in ("ok", "mismatch", "unopened") for span in braces)
    assert closed == kinds["}"]


def test_references_and_labels():
    text = rb"""
\begin{lemma}\label{lemma-a} \ref{lemma-a} \ref{lemma-b} \eqref{algebra-equation-c}
\hyperref[lemma-d]{Lemma} % \ref{commented}
\end{lemma}"""
    known = latex.Context.of(
        {"src/algebra.tex": rb"\label{equation-c}", "b.tex": rb"\label{lemma-b}"}
    )
    found = [(e.outcome) for e in latex.events(b"\n" + text, known) if e.kind == "reference"]
    assert found == ["ok", "ok", "ok", "dangling"]
    assert labels(text) == {b"lemma-a"}


def test_windows_are_read_from_where_nothing_is_open():
    text = b"x$ and } \\end{lemma}\n\nNew $y$ paragraph"
    assert synchronised(text) == text.index(b"\n\n")
    assert latex.events(text) == [(text.index(b"$y"), "math", "ok")]
    assert synchronised(b"no place") == len(b"no place")


def test_blocks():
    text = rb"""\begin{lemma}one\end{lemma} between \begin{proof}two\end{lemma}
\begin{remark}three \begin{example}four \section{five} \begin{lemma}cut"""
    assert [(block.name, block.text.strip()) for block in blocks(text)] == [
        (b"lemma", rb"\begin{lemma}one\end{lemma}"),
        (b"proof", rb"\begin{proof}two\end{lemma}"),
        (b"remark", rb"\begin{remark}three"),
        (b"example", rb"\begin{example}four"),
    ]


# The post's sample


def test_every_fault_that_the_post_names_is_found():
    text = mirror("rnn-effectiveness.markdown").read_bytes()
    (sample,) = re.findall(rb"^```\n(\\begin\{proof\}.*?)^```", text, re.MULTILINE | re.DOTALL)
    found = [event for event in latex.events(sample) if event.outcome != "ok"]
    places = [(sample[e.position :].split(b"\n")[0][:20], e.outcome) for e in found]
    assert places == [
        (rb"\begin{proof}", "mismatch"),
        (rb"\begin{enumerate}", "unclosed"),
        (rb"\hyperref[setain-construction-phantom]"[:20], "dangling"),
        (rb"\begin{enumerate}", "unclosed"),
    ]


# Floors


def test_floor_of_the_stacks_project():
    known = latex.Context.of(stacks())
    pooled: dict[str, float] = defaultdict(float)
    exposure: dict[str, float] = defaultdict(float)
    for text in list(stacks().values())[::4]:
        for one in latex.measure(text, known):
            pooled[one.name] += one.events
            exposure[one.name] += one.exposure
    assert exposure["math violation"] > 3_000_000
    for name in ("environment violation", "math violation", "brace violation"):
        assert pooled[name] == 0
    assert pooled["dangling reference"] <= 1 and exposure["dangling reference"] > 5000
    assert pooled["environments"] > 5000
    kept = "environment closed within 2000"
    assert 0.8 < pooled[kept] / exposure[kept] <= 1


# Compilation


@pytest.fixture(scope="module")
def form():
    if which("pdftex") is None:
        pytest.skip("needs pdftex (texlive)")
    with latex_compile.dumped_format() as path:
        yield path


def compiled(texts: list[bytes], form: Path) -> list[str]:
    found = [Block(0, b"lemma", text) for text in texts]
    limits = Limits(cpu_seconds=2, output_bytes=1 << 20)
    return [one.outcome for one in latex_compile.compile_blocks(found, form, limits)]


GOOD = rb"\begin{lemma}Let $x \in \Spec(A)$ and \ref{nowhere}. \end{lemma}"


def test_real_blocks_compile(form):
    found = [block for text in stacks().values() for block in blocks(text)]
    chosen = np.random.default_rng(0).choice(len(found), 300, replace=False)
    outcome = latex_compile.compile_blocks([found[index] for index in chosen], form)
    assert Counter(one.outcome for one in outcome) == {"ok": 300}


def test_what_repeats_itself_is_compiled_once(form, monkeypatch):
    runs = []
    plain = latex_compile.run
    monkeypatch.setattr(latex_compile, "run", lambda *a, **k: runs.append(a) or plain(*a, **k))
    texts = [BROKEN["environment"], GOOD] * 50
    assert compiled(texts, form) == ["error", "ok"] * 50
    assert len(runs) == 2  # the second begins behind the error of the first


BROKEN = {
    "environment": rb"\begin{proof}a\end{lemma}",
    "list": rb"\begin{lemma}\begin{enumerate}\item a\end{lemma}",
    "math": rb"\begin{lemma}$a\end{lemma}",
    "brace": rb"\begin{lemma}{a\end{lemma}",
    "macro": rb"\begin{lemma}\nosuchmacro\end{lemma}",
    "double script": rb"\begin{lemma}$a^b^c$\end{lemma}",
    "alignment": rb"\begin{lemma}a & b\end{lemma}",
    "open": rb"\begin{lemma}a",
    "end of document": rb"\begin{lemma}a\end{lemma}\end{document}",
    "end of job": rb"\begin{lemma}\csname @@end\endcsname\end{lemma}",
    "end of input": rb"\begin{lemma}a\end{lemma}\endinput",
    "group": rb"\begin{lemma}a\end{lemma}\begingroup",
}
HOSTILE = {
    "read absolute": rb"\begin{lemma}\input{/etc/passwd}\end{lemma}",
    "read pipe": rb'\begin{lemma}\input|"cat /etc/passwd"\end{lemma}',
    "read parent": rb"\begin{lemma}\input{../../etc/passwd}\end{lemma}",
    "read hidden": rb"\begin{lemma}\input{.bashrc}\end{lemma}",
    "write absolute": rb"\begin{lemma}\immediate\openout15=/tmp/planted.tex\end{lemma}",
    "loop": rb"\begin{lemma}\loop\iftrue\repeat\end{lemma}",
    "recursion": rb"\begin{lemma}\def\a{\a\a}\a\end{lemma}",
    "names": rb"\begin{lemma}\def\a#1{\csname#1\endcsname\a{#1x}}\a{x}\end{lemma}",
    "messages": rb"\begin{lemma}\loop\message{aaaaaaaaaaaaaaaa}\iftrue\repeat\end{lemma}",
    "self": rb"\begin{lemma}\input{blocks}\end{lemma}",
    "wait for input": rb"\begin{lemma}\read-1 to \a\errorstopmode\read16 to \a\end{lemma}",
    "deep": rb"\begin{lemma}" + b"{" * 20_000 + b"}" * 20_000 + rb"\end{lemma}",
    "too long": rb"\begin{lemma}" + b"a " * 5_000_000 + rb"\end{lemma}",
}


def test_broken_blocks_fail_and_spare_their_neighbours(form):
    good = [GOOD.replace(b"nowhere", b"%d" % number) for number in range(len(BROKEN))]
    texts = [text for pair in zip(BROKEN.values(), good, strict=True) for text in pair]
    outcome = compiled([GOOD, *texts], form)
    assert outcome == ["ok"] + ["error", "ok"] * len(BROKEN)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_blocks_are_stopped(form, name):
    outcome = compiled([HOSTILE[name], GOOD], form)
    assert outcome[1] == "ok"
    assert outcome[0] != "ok"


def test_nul_bytes_are_harmless(form):
    assert compiled([GOOD.replace(b" and", b"\0\0 and")], form) == ["ok"]


def test_shell_escape_and_files_outside_are_closed(form, tmp_path):
    target = tmp_path / "planted"
    text = rb"\begin{lemma}\immediate\write18{touch %s}a\end{lemma}" % bytes(target)
    compiled([text], form)
    writes = rb"\begin{lemma}\immediate\openout15=%s \immediate\write15{a}\end{lemma}" % bytes(
        target
    )
    assert compiled([writes], form) == ["error"]
    assert not list(tmp_path.iterdir())


def test_measure_of_a_window(form):
    text = b"\n\n" + GOOD + b"\n\n" + BROKEN["math"] + b"\n\n"
    rate = next(one for one in latex_compile.measure(text, form) if one.name == "block compiles")
    assert (rate.events, rate.exposure) == (1, 2)


@pytest.mark.parametrize(
    "text",
    [
        b"\\begin{a}" * 20_000 + b"\\end{b}" * 20_000,
        b"\\(" * 20_000 + b"}" * 20_000,
        b"\\begin{verbatim}" * 50_000,
        b"$" * 300_000,
        b"{" * 50_000 + b"}" * 50_000,
        b"\\begin{lemma}" * 50_000,
        b"a" * 10_000_000,
        b"\0" * 100_000,
        b"\\" * 1_000_001,
        b"\\ref{" * 200_000,
        b"\\verb|" * 100_000,
        b"%" * 1_000_000,
        b"",
    ],
    ids=lambda text: repr(text[:15]),
)
def test_hostile_text_is_counted(text):
    for one in latex.measure(b"\n\n" + text, latex.EMPTY):
        assert one.events >= 0 and one.exposure >= 0
