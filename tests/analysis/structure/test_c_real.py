"""C metrics on real kernel functions: every fault put in is found, and few are found before."""

import os
import re
import tarfile
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from analysis.structure.c import metrics as c
from analysis.structure.c.functions import Function, functions
from analysis.structure.c.gcc import diagnose
from analysis.structure.c.lexer import bracket_events, mask
from analysis.structure.c.names import undeclared, undefined_labels, unused, valued_returns
from analysis.structure.c.scan import scan
from analysis.structure.c.scope import FileScope, file_scope
from analysis.structure.events import VIOLATIONS, Measure

AFTER = b"\n\nint after(void)\n{\n\treturn 0;\n}\n"


def mirror(name: str) -> Path:
    folder = os.environ.get("CORPORA_MIRROR")
    if folder is None or not (Path(folder) / name).exists():
        pytest.skip(f"needs {name} from the directory that CORPORA_MIRROR names")
    return Path(folder) / name


def content(file: IO[bytes] | None) -> bytes:
    assert file is not None
    return file.read()


@lru_cache(maxsize=1)
def kernel() -> dict[str, bytes]:
    """Every fourth C file of mm/ and every sixteenth of kernel/, by name."""
    with tarfile.open(mirror("linux-6.1-kernel-mm.tar.xz")) as archive:
        members = {m.name: m for m in archive.getmembers() if m.name.endswith(".c")}
        names = sorted(members)
        mm = [name for name in names if "/mm/" in name][::4]
        rest = [name for name in names if "/kernel/" in name][::16]
        return {name: content(archive.extractfile(members[name])) for name in mm + rest}


@lru_cache(maxsize=1)
def context() -> c.Context:
    """What the files not tested declare for all."""
    with tarfile.open(mirror("linux-6.1-kernel-mm.tar.xz")) as archive:
        others = [m for m in archive.getmembers() if m.name[-2:] in (".c", ".h")]
        texts = [content(archive.extractfile(m)) for m in others if m.name not in kernel()]
    return c.Context.of(b"\n".join(texts))


def only(text: bytes) -> Function:
    (function,) = functions(mask(text))
    return function


def figure(measures: list[Measure], name: str) -> float:
    (found,) = [measure for measure in measures if measure.name == name]
    return found.events / found.exposure


# Mutations of real functions: each of these faults is put into functions that have none

TRIALS = 100


@lru_cache(maxsize=1)
def subjects() -> list[bytes]:
    """Functions of at most 2,500 characters, in random order."""
    found = [
        text[function.start : function.stop]
        for text in kernel().values()
        for function in functions(mask(text))
        if function.stop - function.start <= 2500
    ]
    return [found[index] for index in np.random.default_rng(0).permutation(len(found))]


@lru_cache(maxsize=1)
def scope() -> FileScope:
    """All that the files tested and the others declare at file scope."""
    return context().scope.union(file_scope(mask(b"\n".join(kernel().values()))))


def local_variables(text: bytes) -> list[tuple[bytes, int, list[int]]]:
    """Locals, where they are declared, and where they are used after that."""
    names = scan(only(text))
    return [
        (name, position, [token.position for token in names.used if token.text == name])
        for name, position in names.variables.items()
        if any(token.text == name and token.position > position for token in names.used)
    ]


def delete_declaration(text, random):
    lines = [
        (name, match)
        for name, position, _ in local_variables(text)
        for match in [re.compile(rb"\n\t+[a-z][\w \t]*[ *]+%s(?: = [^;,{]*)?;" % name).search(text)]
        if match and match.start() < position < match.end()
    ]
    if not lines:
        return None
    _, match = lines[random.integers(len(lines))]
    return text[: match.start()] + b"\n" + text[match.end() :]


def rename_use(text, random):
    places = [(name, use) for name, _, uses in local_variables(text) for use in uses]
    if not places:
        return None
    name, use = places[random.integers(len(places))]
    return text[:use] + b"zz_new" + text[use + len(name) :]


def leave_unused(text, random):
    found = local_variables(text)
    if not found:
        return None
    name, declared, _ = found[random.integers(len(found))]
    rest = declared + len(name)
    return text[:rest] + re.sub(rb"(?<![\w.>])%s\b" % name, b"0", text[rest:])


def make_void(text, random):
    head, brace, body = text.partition(b"\n{")
    mutated = re.sub(rb"^((?:static |inline )*)(?:int|long|bool)(?= \w+\()", rb"\1void", head)
    return (
        None if mutated == head or not re.search(rb"\breturn\b", body) else mutated + brace + body
    )


def rename_label(text, random):
    gotos = [match.end() for match in re.finditer(rb"\bgoto (?=\w)", only(text).code)]
    if not gotos:
        return None
    place = gotos[random.integers(len(gotos))]
    return text[:place] + b"zz_" + text[place:]


def delete_bracket(text, random):
    function = only(text)
    places = [
        m.start() for m in re.finditer(rb"[][(){}]", function.code) if m.start() > function.body
    ]
    place = places[random.integers(len(places))]
    return text[:place] + text[place + 1 :]


def delete_semicolon(text, random):
    code = only(text).code
    places = [match.start() for match in re.finditer(rb";(?=\s*\n\t)", code)]
    if not places:
        return None
    place = places[random.integers(len(places))]
    return text[:place] + text[place + 1 :]


def gcc_finds(kind: str):
    def find(found: list[Function]) -> list[bool]:
        return [one.kinds[kind] > 0 for one in diagnose(found, scope())]

    return find


def scan_finds(faults_of):
    def find(found: list[Function]) -> list[bool]:
        return [bool(faults_of(scan(function, scope().types))) for function in found]

    return find


def returns_find(found: list[Function]) -> list[bool]:
    return [function.returns_void and bool(valued_returns(function)) for function in found]


def brackets_find(found: list[Function]) -> list[bool]:
    return [
        any(event.outcome in VIOLATIONS for event in bracket_events(mask(function.code + AFTER)))
        for function in found
    ]


MUTATIONS = [
    (delete_declaration, scan_finds(lambda names: undeclared(names, scope().names))),
    (delete_declaration, gcc_finds("undeclared")),
    (rename_use, scan_finds(lambda names: undeclared(names, scope().names))),
    (rename_use, gcc_finds("undeclared")),
    (leave_unused, scan_finds(unused)),
    (leave_unused, gcc_finds("unused variable")),
    (make_void, returns_find),
    (make_void, gcc_finds("void returns value")),
    (rename_label, scan_finds(undefined_labels)),
    (rename_label, gcc_finds("undefined label")),
    (delete_bracket, gcc_finds("syntax")),
    (delete_bracket, brackets_find),
    (delete_semicolon, gcc_finds("syntax")),
]


@pytest.mark.parametrize(("mutate", "find"), MUTATIONS)
def test_recall_of_mutations(mutate, find):
    random = np.random.default_rng(1)
    mutants = ((text, mutate(text, random)) for text in subjects())
    pairs = list(islice(((text, new) for text, new in mutants if new is not None), TRIALS))
    before = find([only(text) for text, _ in pairs])
    after = find([functions(mask(new + AFTER))[0] for _, new in pairs])
    found = [new for old, new in zip(before, after, strict=True) if not old]
    assert len(found) >= 50
    assert np.mean(found) >= 0.9


# Floors


@lru_cache(maxsize=1)
def floor() -> list[Measure]:
    """Pooled over files, some 400 functions."""
    pooled: dict[str, Measure] = {}
    total = 0
    for text in kernel().values():
        if total > 400_000:
            break
        total += len(text)
        for m in c.measure(text, context()) + c.measure_gcc(text, context()):
            old = pooled.get(m.name, m._replace(events=0, exposure=0))
            pooled[m.name] = m._replace(
                events=old.events + m.events, exposure=old.exposure + m.exposure
            )
    return list(pooled.values())


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("undeclared hdr", 0.0001, 0.0015),
        ("undeclared ctx", 0, 0.0005),
        ("unused variable", 0, 0.0001),
        ("undefined label", 0, 0.00005),
        ("self comparison", 0, 0.00005),
        ("void returns value", 0, 0.02),
        ("missing return", 0, 0.02),
        ("bracket violation", 0, 0.0015),
        ("quote or comment violation", 0, 0.00005),
        ("functions", 0.0008, 0.002),
        ("indentation right", 0.998, 1),
        ("comment", 0.1, 0.4),
        ("gcc syntax", 0, 0.0002),
        ("gcc clean", 0.98, 1),
        ("gcc skipped", 0, 0.005),
        ("gcc undeclared", 0, 0.0005),
        ("gcc unused variable", 0, 0.0001),
    ],
)
def test_floor(name, low, high):
    assert low <= figure(floor(), name) <= high
