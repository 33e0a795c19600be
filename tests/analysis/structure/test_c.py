"""C metrics on small cases, the post's samples and hostile text."""

import os
import re
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.structure.c import metrics as c
from analysis.structure.c.functions import MAX_BYTES, Function, functions
from analysis.structure.c.gcc import diagnose
from analysis.structure.c.headers import longest_match, training_headers
from analysis.structure.c.indentation import indentation_events
from analysis.structure.c.lexer import bracket_events, literal_events, mask, synchronised
from analysis.structure.c.names import undeclared
from analysis.structure.c.scan import scan
from analysis.structure.c.scope import file_scope
from analysis.structure.events import Measure


def mirror(name: str) -> Path:
    folder = os.environ.get("CORPORA_MIRROR")
    if folder is None or not (Path(folder) / name).exists():
        pytest.skip(f"needs {name} from the directory that CORPORA_MIRROR names")
    return Path(folder) / name


def outcomes(text: bytes) -> list[tuple[str, str]]:
    return [(event.kind, event.outcome) for event in bracket_events(mask(text))]


def only(text: bytes) -> Function:
    (function,) = functions(mask(text))
    return function


def figure(measures: list[Measure], name: str) -> float:
    (found,) = [measure for measure in measures if measure.name == name]
    return found.events / found.exposure


# Lexer and brackets


@given(st.binary(max_size=300))
def test_mask_keeps_length_and_lines(text):
    masked = mask(text)
    assert len(masked.code) == len(text)
    code_lines = [index for index, byte in enumerate(masked.code) if byte == 0x0A]
    assert code_lines == [index for index, byte in enumerate(text) if byte == 0x0A]


def test_mask_hides_comments_strings_and_directives():
    text = b'#define A(x) \\\n\t{ x\nint a; /* { */ // {\nchar *s = "{\\"}", c = \'{\';\n'
    code = mask(text).code
    assert b"{" not in code and b"}" not in code
    assert code.split() == b"int a; char *s = \" \", c = ' ';".split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'x = "a\n";', [('"', "unclosed"), ('"', "censored")]),
        (b"/* a */ */ b", [("/*", "ok"), ("/*", "unopened")]),
        (b"a /* b", [("/*", "censored")]),
        (b"/*/ a", [("/*", "censored")]),
        (b"c = 'a'; d = 'b;\n", [("'", "ok"), ("'", "unclosed")]),
        (b'"a\\\nb"', [('"', "ok")]),
    ],
)
def test_literals(text, expected):
    assert [(event.kind, event.outcome) for event in literal_events(mask(text))] == expected


@given(st.text("()[]{} a", max_size=60))
def test_all_brackets_are_ok_exactly_if_pairs_cancel(text):
    rest = re.sub(r"[^][(){}]", "", text)
    while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", rest)) != rest:
        rest = shorter
    found = outcomes(b" " + text.encode())
    assert all(outcome == "ok" for _, outcome in found) == (not rest)
    opened = sum(text.count(bracket) for bracket in "([{")
    closed = sum(text.count(bracket) for bracket in ")]}")
    assert sum(outcome != "unopened" for _, outcome in found) == opened
    assert sum(outcome in ("ok", "mismatch", "unopened") for _, outcome in found) == closed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b" { ( }", [("{", "ok"), ("(", "unclosed")]),
        (b" ( ]", [("(", "mismatch")]),
        (b" { ) }", [("{", "ok"), ("(", "unopened")]),
        (b" ( {", [("(", "censored"), ("{", "censored")]),
        (b"f(\n{\n {\n}\ng\n{\n}\n",
         [("(", "unclosed"), ("{", "ok"), ("{", "unclosed"), ("{", "ok")]),
        (b"f\n{\n {\n\nint g\n{\n}\n", [("{", "unclosed"), ("{", "unclosed"), ("{", "ok")]),
        (b"f()\n{\n#if A\n if (a) {\n#else\n if (b) {\n#endif\n }\n}\n",
         [("(", "ok"), ("{", "ok"), ("(", "ok"), ("(", "ok"), ("{", "ok")]),
    ],
)  # fmt: skip
def test_brackets(text, expected):
    assert outcomes(text) == expected


def test_windows_are_read_from_where_nothing_is_open():
    text = b"\tfoo(x));\nout:\n\treturn 1;\n}\n\nint after(void)\n{\n\treturn 0;\n}\n"
    assert text[synchronised(text) :].startswith(b"\nint after")
    assert not [event for event in c.events(text) if event.outcome != "ok"]
    assert synchronised(b" no place") == len(b" no place")


# Functions


def test_functions_by_layout():
    text = b"""int x = 3;
static const struct ops o =
{
	.a = 1,
};

SYSCALL_DEFINE1(foo, int, x)
{
}

static __printf(2, 3)
void *bar(int a,
		char *b)
{
	return b;

static void
baz(void) __acquires(lock)
{
}

int cut(void)
{
"""
    found = functions(mask(text))
    assert [(f.name, f.whole, f.returns_void) for f in found] == [
        (b"bar", False, False),
        (b"baz", True, True),
    ]
    assert found[0].parameters.split() == b"int a, char *b".split()


def test_only_the_first_branch_of_a_conditional_is_code():
    lines = [
        "#if A",
        "a();",
        "#if B",
        "b();",
        "#else",
        "c();",
        "#endif",
        "#else",
        "d();",
        "#endif",
        "e();",
    ]
    text = "\n".join(["int f(void)", "{", *lines, "}", ""]).encode()
    assert re.findall(rb"(\w)\(\)", only(text).code) == [b"a", b"b", b"e"]


# Names


BODIES = [
    (b"int a = b; return a;", {b"b"}),
    (b"struct s *p = q->r.t, *u; p->v = u;", {b"q"}),
    (b"for (int i = 0; i < n; i++) i = j;", {b"n", b"j"}),
    (b"f(x); g(&y[z]);", {b"x", b"y", b"z"}),
    (b"int (*fn)(int k) = h; fn(1);", {b"h"}),
    (b"if (a) goto out; out: return;", {b"a"}),
    (b"x = MACRO | flag;", {b"x", b"flag"}),
    (b"y = (foo_t)x; z = (struct s *)w;", {b"y", b"x", b"z", b"w"}),
    (b"return sizeof(struct s) + sizeof(u32) + sizeof(*p);", {b"p"}),
    (b"LIST_HEAD(list), *pos; DEFINE_WAIT(wait); f(&list, &wait, pos);", set()),
    (b"list_for_each_entry(p, &head, member) f(p);", {b"p", b"head"}),
    (b"return container_of(w, struct s, work);", {b"w"}),
    (b"switch (a) { case B: c = 1; break; default: d = 2; }", {b"a", b"c", b"d"}),
    (b"t = min_t(unsigned long, v, w);", {b"t", b"v", b"w"}),
    (b"struct { int inner; } s; s.inner = a ? b : c;", {b"a", b"b", b"c"}),
    (b"static const char *const names[] = { [A] = n }; f(names);", {b"n"}),
    (b"unsigned long flags; spin_lock(&lock, flags);", {b"lock"}),
    (b"b = 1; int b;", {b"b"}),
    (b"u8 a, b = c; __be32 *d = e; return a + b + d;", {b"c", b"e"}),
]


@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_undeclared_names_agree_with_gcc(body, expected):
    function = only(b"int f(void)\n{\n%s\n}\n" % body)
    assert {token.text for token in undeclared(scan(function))} == expected
    (diagnosis,) = diagnose([function], c.NOTHING)
    assert (diagnosis.skipped, diagnosis.kinds["syntax"]) == ("", 0)
    assert diagnosis.kinds["undeclared"] == len(expected)


def test_parameters_are_declared():
    head = b"int f(struct s *a, int (*b)(int c), u32 __user *d, foo_t e[2], ...)"
    text = head + b"\n{\n\tg(a, b, c, d, e);\n}\n"
    assert [token.text for token in undeclared(scan(only(text)))] == [b"c"]


def test_file_scope():
    text = b"""#define MAX_OF(a) (a)
#define lower 1
enum kind { first, second = 2, };
typedef struct { int x; } pair;
typedef int (*callback)(void *);
extern int shared;
static int hidden, also_hidden;
static DEFINE_MUTEX(lock);
int many[2] = { 1, 2 };
int call(void)
{
	int local;
}
"""
    scope = file_scope(mask(text))
    assert scope.types == {b"pair", b"callback"}
    everything = {b"MAX_OF", b"lower", b"first", b"second", b"shared", b"hidden", b"also_hidden",
                  b"lock", b"many", b"call"}  # fmt: skip
    assert everything <= scope.names
    assert b"local" not in scope.names
    shared = file_scope(mask(text), exported=True).names
    assert shared & {b"hidden", b"also_hidden", b"lock"} == set()
    assert {b"shared", b"many", b"call"} <= shared


def test_faults_have_positions():
    body = b"{\n\tint u;\n\tif (a == a)\n\t\tgoto no;\n\treturn 1;\n}\n"
    text = b"void f(int a)\n" + body + b"int g(void)\n{\n}\n"
    found = [
        (e.kind, text[e.position :].split(b"\n")[0]) for e in c.events(text) if e.outcome == "fault"
    ]
    assert found == [
        ("unused variable", b"u;"),
        ("self comparison", b"a == a)"),
        ("undefined label", b"no;"),
        ("void returns value", b"return 1;"),
        ("missing return", b"int g(void)"),
    ]


# Headers


WORDS = st.text("ab *\n", max_size=40).map(str.encode)


@given(WORDS, st.lists(WORDS, max_size=4).map(tuple))
def test_longest_match_agrees_with_difflib(comment, headers):
    expected = [
        SequenceMatcher(None, header, comment, autojunk=False).find_longest_match().size
        for header in headers
    ]
    assert longest_match(comment, headers) == max(expected, default=0)


def test_header_recital():
    header = b"/*\n * This is free software, under the GNU General Public License.\n */"
    text = b"\n\n".join([header, b"int a;", header, b"/* no header */"])
    assert training_headers(mask(text)) == (header,)
    sample = b"/* This is free software, sold WITHOUT ANY WARRANTY. */\n"
    recital = figure(c.measure(sample, c.Context.of(text)), "header recital")
    assert recital == len(b"* This is free software, ")


def test_a_header_that_the_window_cuts_is_not_judged():
    header = b"/*\n * This is free software, under the GNU General Public License.\n */\n"
    measures = {m.name: m for m in c.measure(header + header[:-4], c.Context.of(header))}
    assert measures["licence headers"].events == 1
    assert measures["header recital share"].events == len(header) - 1


# Indentation

INDENTED = b"""static int f(struct a *a,
\t     int b)
{
\tint c[] = {
\t\t1, 2,
\t};

\tfor (b = 0; b < 9; b++)
\t\tif (a->x &&
\t\t    a->y) {
\t\t\ta->z();
\t\t} else
\t\t\tgoto out;
\tswitch (b) {
\tcase 1: {
\t\tdo {
\t\t\tb++;
\t\t} while (0);
\t\tbreak;
\t}
\tdefault:
\t\tbreak;
\t}
\tcall(a,
  b);
out:
\treturn 0;
}
"""


def indentations(text: bytes) -> list[tuple[bytes, str]]:
    """Each judged line with what was found."""
    return [
        (text[event.position :].partition(b"\n")[0], event.outcome)
        for event in indentation_events(only(text))
    ]


def test_kernel_style_is_right():
    found = indentations(INDENTED)
    assert {outcome for _, outcome in found} == {"ok"}
    lines = [line for line, _ in found]
    for judged in (b"1, 2,", b"};", b"a->z();", b"} else", b"case 1: {", b"do {", b"}", b"break;"):
        assert judged in lines
    for free in (b"if (a->x &&", b"goto out;", b"b);", b"out:"):
        assert free not in lines


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        (b"\t\t\ta->z", b"\t\ta->z", [b"a->z();"]),
        (b"\t\t\ta->z", b"\t\t        a->z", [b"a->z();"]),
        (b"\t\t} else", b"\t} else", [b"} else"]),
        (b"\tcase 1", b"\t\tcase 1", [b"case 1: {", b"do {", b"break;", b"}"]),
        (b"\t\t} while", b"} while", [b"} while (0);"]),
        (b"\tcall", b"call", [b"call(a,"]),
    ],
)
def test_wrong_indentation_is_found_where_it_is(old, new, wrong):
    found = indentations(INDENTED.replace(old, new))
    assert [line for line, outcome in found if outcome == "mismatch"] == wrong


# The post's samples


@lru_cache(maxsize=1)
def post() -> list[bytes]:
    text = mirror("rnn-effectiveness.markdown").read_bytes()
    return re.findall(rb"^```c\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def faults(text: bytes) -> set[tuple[str, bytes]]:
    """Faults by kind and the word they stand at."""
    return {
        (event.kind, re.findall(rb"\w+", text[event.position :])[0])
        for event in c.events(text)
        if event.outcome == "fault"
    }


def test_every_fault_that_the_post_names_is_found():
    first, second, third = post()
    assert {
        ("undeclared name", b"rw"),
        ("unused variable", b"error"),
        ("undefined label", b"bail"),
        ("undeclared name", b"segtable"),
    } <= faults(first)
    found = [event for event in c.events(second) if event.outcome == "fault"]
    assert [second[e.position :][:10] for e in found if e.kind == "self comparison"] == [
        b"tty == tty"
    ]
    returned = [
        second[e.position :].split(b";")[0] for e in found if e.kind == "void returns value"
    ]
    assert returned == [b"return disassemble(info->pending_bh)", b"return 0"]
    assert ("undeclared name", b"tty") not in faults(second)
    assert figure(c.measure(third, c.EMPTY), "comment") > 0.4


def test_figures_of_the_post():
    measures = [c.measure(text, c.EMPTY) + c.measure_gcc(text, c.EMPTY) for text in post()]
    pooled = [
        Measure(name, sum(m.events for m in same), sum(m.exposure for m in same), unit)
        for same in zip(*measures, strict=True)
        for name, unit in [(same[0].name, same[0].unit)]
    ]
    void = next(measure for measure in pooled if measure.name == "void returns value")
    assert (void.events, void.exposure) == (2, 4)
    clean = next(measure for measure in pooled if measure.name == "gcc clean")
    assert (clean.events, clean.exposure) == (3, 5)
    assert 15 < 1000 * figure(pooled, "undeclared hdr") < 35
    assert 1 < 1000 * figure(pooled, "gcc syntax") < 4
    assert 0 < figure(pooled, "bracket violation") < 0.06


# Hostile text


HEAD = b"int f(int a)\n{\n"
HOSTILE = {
    "include": HEAD + b'#include "/etc/passwd"\n\treturn a;\n}\n',
    "digraph": HEAD + b'%:include "/etc/passwd"\n\treturn a;\n}\n',
    "pragma": HEAD + b'_Pragma("GCC dependency \\"/etc/passwd\\"")\n\treturn a;\n}\n',
    "linemarker": HEAD + b'# 1 "/etc/passwd"\n\treturn a;\n}\n',
    "assembler": HEAD + b'asm(".incbin \\"/etc/passwd\\"");\n\treturn a;\n}\n',
    "nul": HEAD + b"\0\0return\0a;\n}\n",
    "bytes": HEAD + bytes(range(128, 256)) + b";\n}\n",
    "deep": HEAD + b"return " + b"(" * 30_000 + b"a" + b")" * 30_000 + b";\n}\n",
    "deeper": HEAD + b"return " + b"(" * 300_000 + b";\n}\n",
    "blocks": HEAD + b"{" * 30_000 + b"\n}\n",
    "long line": HEAD + b"a = " + b"a + " * 2_500_000 + b"a;\n}\n",
    "quotes": HEAD + b"\"'" * 20_000 + b"\n}\n",
    "backslashes": b"#" + b"\\" * 1_000_000 + b"\n" + HEAD + b"}\n",
    "comments": b"/*" * 100_000,
    "commas": HEAD + b"int a" + b", a" * 20_000 + b";\n}\n",
    "nested": HEAD + b"int x = {" * 7_000 + b"\n}\n",
    "heads": b"a b(\n{\n" * 10_000,
    "typedefs": b"typedef a b\n" * 20_000,
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_counted_or_skipped(name):
    text = HOSTILE[name]
    c.events(text)
    measures = c.measure(text, c.EMPTY)
    assert all(
        measure.exposure >= measure.events >= 0 or measure.unit != "share" for measure in measures
    )
    for diagnosis in diagnose(functions(mask(text))[:20], c.NOTHING):
        assert not diagnosis.kinds or not diagnosis.skipped


def test_what_gcc_cannot_judge_is_skipped_with_a_reason():
    good = b"int g(void)\n{\n\treturn 1;\n}\n"
    found = diagnose(functions(mask(HOSTILE["deep"] + good)), c.NOTHING)
    assert [bool(one.skipped) for one in found] == [True, False] or not found[0].skipped
    long = HEAD + b"\ta = 1;\n" * MAX_BYTES + b"}\n"
    found = diagnose(functions(mask(long + good)), c.NOTHING)
    assert [one.skipped for one in found] == ["too long", ""]


def test_generated_code_cannot_read_a_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"int planted;\n")
    body = b"\treturn planted;\n}\n"
    for line in (b'#include "%s"', b'%%:include "%s"', b'??=include "%s"'):
        text = b"int f(void)\n{\n" + line % bytes(secret) + b"\n" + body
        (diagnosis,) = diagnose([only(text)], c.NOTHING)
        assert diagnosis.kinds["undeclared"] >= 1 or diagnosis.has_syntax_error
