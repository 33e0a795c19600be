"""Python figures: the interpreter's own judgement, mutations of real code, hostile text."""

import ast
import re
import string
import sysconfig
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.structure.events import VIOLATIONS
from analysis.structure.python import metrics as python

MODULES = [
    "textwrap", "shlex", "heapq", "bisect", "csv", "fnmatch", "string", "queue", "glob", "random",
    "calendar", "copy", "statistics", "sched",
]  # fmt: skip
END = b"\nimport END\n"


@pytest.fixture(scope="module")
def real():
    folder = Path(sysconfig.get_paths()["stdlib"])
    return {name: (folder / f"{name}.py").read_bytes() for name in MODULES}


def _figures(text, context=python.Context()):  # noqa: B008
    return {m.name: (m.events, m.exposure) for m in python.measure(text, context)}


def _undefined(text, context=python.Context(), kind="parsed name"):  # noqa: B008
    found = [e for e in python.events(text, context) if e.kind == kind]
    return [re.findall(rb"\w+", text[e.position :])[0].decode() for e in found]


def test_figures_of_a_small_module():
    text = (
        b"import os\nX = 1\n\n@cache\ndef f(a, *b, c=X, **d):\n    e = [i for i in a]\n"
        b"    return os, b, c, d, e, len(a), gone\n\n\ndef g(:\n    pass\n\n"
        b"class K(Base):\n    y = 1\n    z = y\n\n    def h(self):\n        return y\n" + END
    )
    found = _figures(text)
    assert found["blocks that parse"] == (2, 3)
    assert found["blocks"] == (3, len(text))
    parsed = (
        text.index(b"def g") - text.index(b"@cache") + text.index(END) + 1 - text.index(b"class")
    )
    assert found["undefined names, parsed"] == (4, parsed)
    assert found["undefined names"] == (3, parsed + text.index(b"class") - text.index(b"def g"))
    assert _undefined(text) == ["cache", "gone", "Base", "y"]
    context = python.Context(frozenset({"cache", "Base", "gone", "y"}))
    assert _figures(text, context)["undefined names, parsed"][0] == 0


@pytest.mark.parametrize(
    "body",
    [
        "global G\n    G = 1\n    return G",
        "import a.b as c, d.e\n    return c, d",
        "try: pass\n    except OSError as e: print(e)",
        "with open(x) as (p, q): return p, q",
        "return lambda k: k + x",
        "if (n := x): return n",
        "match x:\n        case [h, *t]: return h, t",
        "def g(): return h\n    h = 1\n    return g",
        "for i, (j, k) in x: print(i, j, k)",
        "return {v: w for v, w in x}",
        "x: int = 1\n    return x",
    ],
)
def test_every_way_to_bind_a_name(body):
    text = b"def f(x):\n    " + body.encode() + END
    assert _undefined(text) == []
    if "match" not in body:
        assert _undefined(text, kind="name") == []


def test_names_are_counted_once_a_block_and_only_where_it_parses():
    assert len(_undefined(b"def f():\n    gone(gone)\n\n\ndef g():\n    gone\n" + END)) == 2
    broken = b"def f():\n    gone(here.there, f'', a=1\n\n\ndef g():\n    pass\n" + END
    assert _undefined(broken) == []
    assert _undefined(broken, kind="name") == ["gone", "here"]


def test_the_scan_agrees_with_the_interpreter_on_real_code(real):
    """Each module by itself, told nothing of what it imports with a star."""
    for text in real.values():
        exact, scanned = set(_undefined(text + END)), set(_undefined(text + END, kind="name"))
        assert len(exact ^ scanned) <= 1


def test_the_last_statement_is_not_judged():
    for end in (b"", b"\n"):
        assert _figures(b"def f():\n    return (" + end)["blocks that parse"] == (0, 0)


def test_text_before_the_first_column_is_not_judged():
    found = python.events(b"        x))\n    return x\n\ndef f():\n    pass\n" + END)
    assert {event.outcome for event in found} <= {"ok", "censored"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"if x:\npass\n", ["unclosed"]),
        (b"x = 1\n    y = 2\n", ["mismatch"]),
        (b"if x:\n        a\n    b\n", ["unopened"]),
        (b"if x:\n    a\n\n    # c\n  # d\nelse:\n\tb\n", []),
        (b"x = [1,\n  2,\n      3]\ny = '''a\n   b'''\n", []),
        (b"x = 1 + \\\n     2\n", []),
        (b"if x: a\nb\n", []),
        (b"d = {1:\n  2}\n", []),
    ],
)
def test_indentation(text, expected):
    found = [e.outcome for e in python.indentation(text) if e.outcome != "ok"]
    assert found == expected


def test_floor_of_real_modules(real):
    text = b"".join(real.values())
    known = python.module_names(text)
    found = _figures(text, python.Context(known))
    assert found["blocks that parse"][0] == found["blocks that parse"][1] > 60
    assert found["undefined names"][0] == found["undefined names, parsed"][0] == 0
    assert found["bracket violations"][0] == found["indentation errors"][0] == 0


def test_blocks_are_those_of_the_syntax_tree(real):
    for text in real.values():
        kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        lines = [0]
        for line in text.split(b"\n"):
            lines.append(lines[-1] + len(line) + 1)
        starts = [
            lines[min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1]
            for node in tree.body
            if isinstance(node, kinds)
        ]
        found = [at.start for at in python.statements(text + END) if at.is_block]
        assert found == starts


FIGURES = {
    "bracket": "bracket violations",
    "indent": "indentation errors",
    "rename": "undefined names",
    "parsed": "undefined names, parsed",
}


@pytest.mark.parametrize("mutation", FIGURES)
def test_mutations_are_found(real, mutation):
    """Each block of real code, damaged in one place, must be told from the whole one."""
    recalled = total = 0
    text = b"".join(real.values())
    context = python.Context(python.module_names(text))
    for block in python.statements(text):
        source = text[block.start : block.stop]
        damaged = _damaged(source, mutation)
        if not block.is_block or damaged is None:
            continue
        before, after = (
            {name: events for name, (events, _) in _figures(part + END, context).items()}
            for part in (source, damaged)
        )
        figure = FIGURES[mutation]
        total += 1
        recalled += after[figure] > before[figure]
    assert total > 50
    assert recalled / total >= 0.9


def _damaged(source, mutation):
    if mutation in ("rename", "parsed"):
        at = source.rfind(b"return ")
        return None if at < 0 else source[:at] + b"return undefined_name\n"
    if mutation == "indent":
        lines = source.rstrip().split(b"\n")
        damaged = b"\n".join([*lines[:-1], b"   " + lines[-1], b""])
        try:
            ast.parse(damaged)
        except IndentationError:
            return damaged
        return None
    at = source.find(b"):\n")
    return None if at < 0 else source[:at] + source[at + 1 :]


@given(st.text(string.printable, max_size=80) | st.binary(max_size=80))
def test_any_text_can_be_measured(text):
    text = text.encode() if isinstance(text, str) else text
    for events, exposure in _figures(b"def f():\n " + text + END).values():
        assert events >= 0
        assert exposure >= 0


@given(st.text("def class():\n \t'\"#\\x=", max_size=60))
def test_statements_that_parse_are_what_the_interpreter_accepts(text):
    for at in python.statements(text.encode()):
        source = text.encode()[at.start : at.stop]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(source.decode(), "x", "exec", ast.PyCF_ONLY_AST)
            accepted = True
        except (SyntaxError, ValueError):
            accepted = False
        if not accepted:
            assert at.tree is None
            assert at.fault in {"syntax", "indentation"}


@pytest.mark.parametrize(
    "body",
    [
        b"'\0'", b"(" * 100_000 + b")" * 100_000, b"-" * 50_000 + b"1", b"1+" * 50_000 + b"1",
        b"a." * 50_000 + b"a", b"f" + b"()" * 50_000, b"lambda:" * 20_000 + b"1", b"9" * 50_000,
        b"not " * 30_000 + b"1", b"1 if 1 else " * 10_000 + b"1", b"a" * 1_000_000, b"\xff\xfe",
        b'"""' + b'\\"""' * 10_000,
    ],
)  # fmt: skip
def test_hostile_code_is_counted_and_does_no_harm(body):
    found = _figures(b"def f():\n    return " + body + END)
    assert found["blocks that parse"][1] <= 1


def test_an_encoding_declared_in_a_sample_is_not_looked_up():
    text = b"# -*- coding: rot13 -*-\ndef f():\n    return 1\n" + END
    assert _figures(text)["blocks that parse"] == (1, 1)


def test_nothing_is_run(tmp_path):
    target = tmp_path / "made"
    text = f"@open({str(target)!r}, 'w')\ndef f(a=open({str(target)!r}, 'w')): pass\n".encode()
    _figures(text + END)
    assert not target.exists()


def test_violations_are_the_shared_ones():
    found = python.events(b"import x\nx = )\n" + END)
    assert any(event.outcome in VIOLATIONS for event in found)
