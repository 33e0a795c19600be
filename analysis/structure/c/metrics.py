"""C source text as counted events, without a compiler; `gcc` adds the compiler's view."""

from typing import NamedTuple

from analysis.structure.c.functions import Function, functions
from analysis.structure.c.gcc import LIMITS, Limits, diagnose
from analysis.structure.c.headers import header_comments, longest_match, training_headers
from analysis.structure.c.indentation import indentation_events
from analysis.structure.c.lexer import Masked, bracket_events, literal_events, mask, synchronised
from analysis.structure.c.names import (
    returns,
    self_comparisons,
    undeclared,
    undefined_labels,
    unused,
    valued_returns,
)
from analysis.structure.c.scan import scan
from analysis.structure.c.scope import FileScope, file_scope
from analysis.structure.events import (
    CHARACTERS,
    PER_HUNDRED_THOUSAND,
    PER_THOUSAND,
    SHARE,
    VIOLATIONS,
    Event,
    Measure,
)

NOTHING = FileScope(frozenset(), frozenset())


class Context(NamedTuple):
    """What the training text lets a window of another text take for granted."""

    scope: FileScope = NOTHING
    """Names that its files share: not the `static` ones."""
    headers: tuple[bytes, ...] = ()
    """Its licence headers."""

    @classmethod
    def of(cls, training: bytes) -> "Context":
        """Read a training text, whole or a part of it."""
        masked = mask(training)
        return cls(file_scope(masked, exported=True), training_headers(masked))


EMPTY = Context()


def events(text: bytes, context: Context = EMPTY) -> list[Event]:
    """Events of one window, in order of position.

    Delimiters (`{`, `(`, `[`, `/*`, `"`, `'`) with their outcomes; and faults of functions, by
    kind: undeclared name, unused variable, undefined label, void returns value, missing return
    (at the function's name) and self comparison, each with the outcome `fault`.
    """
    start = synchronised(text)
    masked = mask(text[start:])
    scope = context.scope.union(file_scope(masked))
    found = bracket_events(masked) + literal_events(masked)
    for function in _short(functions(masked)):
        found += _faults(function, scope)
    return sorted(event._replace(position=event.position + start) for event in found)


def _faults(function: Function, scope: FileScope) -> list[Event]:
    names = scan(function, scope.types)
    places = {
        "undeclared name": [token.position for token in undeclared(names, scope.names)],
        "unused variable": [token.position for token in unused(names)],
        "undefined label": [token.position for token in undefined_labels(names)],
        "self comparison": self_comparisons(function),
        "void returns value": valued_returns(function) if function.returns_void else [],
        "missing return": [function.start] if _lacks_return(function) else [],
    }
    return [Event(position, kind, "fault") for kind, at in places.items() for position in at]


def _short(found: list[Function]) -> list[Function]:
    return [function for function in found if not function.too_long]


def _lacks_return(function: Function) -> bool:
    return not function.returns_void and function.whole and not returns(function)


def measure(text: bytes, context: Context) -> list[Measure]:
    """Figures of one window that need no parser.

    Undeclared names are counted once for each function, in three ways: `iso` (the function
    knows only itself), `hdr` (names that files share in training are known; the primary figure)
    and `ctx` (names of the window's file scope are known too). `skipped` are functions too long
    to be any.
    """
    masked = mask(text[synchronised(text) :])
    found = functions(masked)
    short = _short(found)
    return (
        _names(short, context, file_scope(masked))
        + _delimiters(masked)
        + [_indentation(short)]
        + _comments(masked, context.headers)
        + [
            Measure("functions", len(found), len(masked.text), PER_THOUSAND),
            Measure("skipped", len(found) - len(short), len(found), SHARE),
        ]
    )


def _names(found: list[Function], context: Context, own: FileScope) -> list[Measure]:
    scope = context.scope.union(own)
    counts = dict.fromkeys(
        ("undeclared iso", "undeclared hdr", "undeclared ctx", "unused variable",
         "undefined label", "self comparison"), 0,
    )  # fmt: skip
    for function in found:
        names = scan(function, scope.types)
        counts["undeclared iso"] += len(undeclared(names))
        counts["undeclared hdr"] += len(undeclared(names, context.scope.names))
        counts["undeclared ctx"] += len(undeclared(names, scope.names))
        counts["unused variable"] += len(unused(names))
        counts["undefined label"] += len(undefined_labels(names))
        counts["self comparison"] += len(self_comparisons(function))
    size = _size(found)
    void = [function for function in found if function.returns_void]
    valued = [function for function in found if not function.returns_void]
    return [
        *(Measure(name, count, size, PER_THOUSAND) for name, count in counts.items()),
        Measure("void returns value", sum(map(bool, map(valued_returns, void))), len(void), SHARE),
        Measure("missing return", sum(map(_lacks_return, valued)), len(valued), SHARE),
    ]


def _delimiters(masked: Masked) -> list[Measure]:
    brackets = [event for event in bracket_events(masked) if event.outcome != "censored"]
    wrong = sum(event.outcome in VIOLATIONS for event in brackets)
    literals = sum(event.outcome in VIOLATIONS for event in literal_events(masked))
    return [
        Measure("bracket violation", wrong, len(brackets), SHARE),
        Measure("bracket violation rate", wrong, len(masked.text), PER_THOUSAND),
        Measure("quote or comment violation", literals, len(masked.text), PER_THOUSAND),
    ]


def _indentation(found: list[Function]) -> Measure:
    events = [event for function in found for event in indentation_events(function)]
    right = sum(event.outcome == "ok" for event in events)
    return Measure("indentation right", right, len(events), SHARE)


def _comments(masked: Masked, headers: tuple[bytes, ...]) -> list[Measure]:
    comment = sum(x.stop - x.start for x in masked.lexemes if x.kind == "comment")
    licences = [masked.text[x.start : x.stop] for x in header_comments(masked)]
    recited = sum(longest_match(licence, headers) for licence in licences)
    return [
        Measure("comment", comment, len(masked.text), SHARE),
        Measure("licence headers", len(licences), len(masked.text), PER_HUNDRED_THOUSAND),
        Measure("header recital", recited, len(licences), CHARACTERS),
        Measure("header recital share", recited, sum(map(len, licences)), SHARE),
    ]


def measure_gcc(text: bytes, context: Context, limits: Limits = LIMITS) -> list[Measure]:
    """Figures of one window from gcc, sandboxed.

    Syntax errors are counted in all functions, the rest in those without: a syntax error hides
    what comes after it. `skipped` are functions gcc could not judge, left out of the others.
    """
    masked = mask(text[synchronised(text) :])
    found = diagnose(functions(masked), context.scope.union(file_scope(masked)), limits)
    judged = [one for one in found if not one.skipped]
    clean = [one for one in judged if not one.has_syntax_error]
    size, clean_size = _size([d.function for d in judged]), _size([d.function for d in clean])

    def count(kind: str) -> int:
        return sum(one.kinds[kind] for one in clean)

    void = [one for one in clean if one.function.returns_void]
    rates = ("undeclared", "unused variable", "undefined label", "self comparison")
    return [
        Measure("gcc skipped", len(found) - len(judged), len(found), SHARE),
        Measure("gcc syntax", sum(one.kinds["syntax"] for one in judged), size, PER_THOUSAND),
        Measure("gcc clean", len(clean), len(judged), SHARE),
        *(Measure(f"gcc {kind}", count(kind), clean_size, PER_THOUSAND) for kind in rates),
        Measure(
            "gcc void returns value",
            sum(one.kinds["void returns value"] > 0 for one in void),
            len(void),
            SHARE,
        ),
        Measure("gcc missing return", count("missing return"), len(clean) - len(void), SHARE),
    ]


def _size(found: list[Function]) -> int:
    return sum(function.stop - function.start for function in found)
