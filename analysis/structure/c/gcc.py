"""What gcc says of the functions of a text, each compiled alone with stubs for its surroundings.

Only `-fsyntax-only`, on code that has no directive, comment or string left in it and that is
declared preprocessed: nothing generated can name a file, and nothing is run.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from analysis.structure.c.functions import Function
from analysis.structure.c.scope import FileScope
from analysis.structure.c.stubs import stubbed
from analysis.structure.sandbox import Limits, Result, run

LIMITS = Limits(cpu_seconds=5)
"""Of one run; the processor time is that of one function."""
RUN_FUNCTIONS = 50

_COMMAND = (
    "gcc", "-fsyntax-only", "-x", "cpp-output", "-std=gnu11", "-ffreestanding", "-nostdinc",
    "-Wall", "-Wextra", "-Wno-implicit-function-declaration", "-Wno-unused-function",
    "-fno-diagnostics-show-caret", "-fdiagnostics-format=json",
)  # fmt: skip

# The first pattern that a message matches gives its kind; what matches none is about types,
# which the stubs make up, and is ignored.
_KINDS = [
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("undeclared", r"undeclared \(first use"),
        ("undefined label", r"label .* used but not defined"),
        ("void returns value", r"'return' with a value, in function returning void"),
        ("missing return", r"no return statement in function returning non-void"),
        ("unused variable", r"unused variable"),
        ("self comparison", r"self-comparison always evaluates"),
        ("set but unused", r"set but not used"),
        ("unused label", r"label .* defined but not used"),
        ("redeclared", r"redeclaration of|redefinition of|duplicate label"),
        (
            "syntax",
            r"^expected |^unknown type name|^stray |missing terminating|unterminated"
            r"|without a previous 'if'"
            r"|label at end of compound|statement not within|label not within a switch"
            r"|invalid suffix|too many decimal points|empty character|old-style parameter"
            r"|^two or more data types|both .* and .* in declaration spec|^duplicate '"
            r"|parameter name omitted|^ISO C|nested function|^extra tokens",
        ),
    )
]


class Diagnosis(NamedTuple):
    """What gcc says of one function."""

    function: Function
    kinds: Counter[str]
    """Diagnostics by kind."""
    skipped: str
    """Why gcc could not say, empty if it could."""

    @property
    def has_syntax_error(self) -> bool:
        """Syntax errors hide others: counts of other kinds are used only without them."""
        return self.kinds["syntax"] > 0


def diagnose(
    functions: Sequence[Function], scope: FileScope, limits: Limits = LIMITS
) -> list[Diagnosis]:
    """Diagnose functions, each a translation unit, many in a run of gcc; alone what upsets it.

    `scope` holds what the functions may take as declared elsewhere.
    """
    short = [function for function in functions if not function.too_long]
    parts = (short[start : start + RUN_FUNCTIONS] for start in range(0, len(short), RUN_FUNCTIONS))
    judged = chain.from_iterable(_compile(part, scope, limits) for part in parts)
    return [
        Diagnosis(function, Counter(), "too long") if function.too_long else next(judged)
        for function in functions
    ]


def _compile(functions: Sequence[Function], scope: FileScope, limits: Limits) -> list[Diagnosis]:
    if not functions:
        return []
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{index}.i" for index in range(len(functions))]
        for name, function in zip(names, functions, strict=True):
            (Path(folder) / name).write_bytes(stubbed(function, scope))
        result = run([*_COMMAND, *names], Path(folder), limits)
    reports = _reports(result)
    if result.status == "exited" and len(reports) == len(functions):
        return [
            Diagnosis(function, _kinds(report), "")
            for function, report in zip(functions, reports, strict=True)
        ]
    if len(functions) == 1:
        reason = result.reason if result.status != "exited" else "gcc crashed"
        return [Diagnosis(functions[0], Counter(), reason)]
    half = len(functions) // 2
    return _compile(functions[:half], scope, limits) + _compile(functions[half:], scope, limits)


def _reports(result: Result) -> list[list[dict]]:
    """One JSON array a line, one line a file in order; a crash leaves other lines or none."""
    try:
        return [json.loads(line) for line in result.stderr.splitlines() if line.strip()]
    except ValueError:
        return []


def _kinds(report: list[dict]) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for diagnostic in report:
        message = diagnostic["message"]
        kinds.update(next(([kind] for kind, pattern in _KINDS if pattern.search(message)), []))
    return kinds
