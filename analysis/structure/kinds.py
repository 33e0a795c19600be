"""Which parsers read which kind of text, with what the training text lets them take for granted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from analysis.structure import names, prose, wiki
from analysis.structure.c import metrics as c
from analysis.structure.delimiters.fates import fates, nesting_depth
from analysis.structure.delimiters.lexers import LEXERS
from analysis.structure.events import LEVELS, Measure
from analysis.structure.latex import compile as latex_compile
from analysis.structure.latex import metrics as latex
from analysis.structure.python import metrics as python
from analysis.structure.sandbox import require
from pipeline.config.settings import Measure as Settings
from pipeline.lm.io.errors import InputError
from pipeline.lm.text import PARTS, PreparedText

COMPILED = ("c", "latex")
"""Kinds of text that a compiler reads too."""

Measurer = Callable[[bytes], list[Measure]]
"""The figures of one window of text."""


@dataclass(frozen=True)
class Parsers:
    """All that is measured of texts of one kind."""

    of_window: Measurer
    of_streams: Callable[[Sequence[bytes]], list[list[Measure]]]
    """Figures of each stream of a source that its windows cannot give."""
    non_words: Callable[[bytes], float]
    """The share of a text's words that are none."""

    def __call__(self, window: bytes) -> list[Measure]:
        """The figures of one window."""
        return self.of_window(window)


@contextmanager
def measurer(kind: str, text: PreparedText, settings: Settings) -> Iterator[Parsers]:
    """The parsers for texts of one kind, made ready with the training part of `text`.

    InputError if a program or word list that they need is missing.
    """
    if kind not in LEXERS:
        raise InputError(f"no parsers for texts of kind {kind!r}: use {', '.join(LEXERS)}")
    training = text.vocabulary.decode(text.part("train"))
    words = prose.Context.of(
        training,
        prose.read_dictionary(Path(settings.dictionary)) if settings.dictionary else None,
        tuple(settings.word_lengths),
        tuple(settings.distinct_orders),
    )
    with _parser(kind, training, text, words) as parse:
        yield Parsers(
            lambda window: [*parse(window), *_words(window, kind, words), *_nesting(window, kind)],
            _of_streams(kind),
            partial(prose.non_word_share, context=words),
        )


@contextmanager
def _parser(
    kind: str, training: bytes, text: PreparedText, words: prose.Context
) -> Iterator[Measurer]:
    if kind == "prose":
        yield partial(prose.measure, context=words)
    elif kind == "shakespeare":
        yield partial(prose.measure_play, context=words)
    elif kind == "names":
        held_out = b"".join(text.vocabulary.decode(text.part(part)) for part in PARTS[1:])
        yield partial(names.measure, context=names.Context.of(training, held_out))
    elif kind == "python":
        yield partial(python.measure, context=python.Context(python.module_names(training)))
    elif kind == "wikipedia":
        yield partial(wiki.measure, context=wiki.Context.of(training))
    elif kind == "c":
        require("gcc")
        files = c.Context.of(training)
        yield lambda window: [*c.measure(window, files), *c.measure_gcc(window, files)]
    elif kind == "latex":
        labels = latex.Context.of(_documents(text))
        with latex_compile.dumped_format() as form:
            yield lambda window: [
                *latex.measure(window, labels),
                *latex_compile.measure(window, form),
            ]
    else:
        raise ValueError(f"a kind of text without a parser: {kind}")


def _words(window: bytes, kind: str, context: prose.Context) -> list[Measure]:
    """What any kind of text has; those of prose are measured with the rest of it."""
    return [] if kind in ("prose", "shakespeare") else prose.measure_words(window, context)


def _nesting(window: bytes, kind: str) -> list[Measure]:
    if kind == "names":
        return []
    return [Measure("nesting depth", nesting_depth(fates(window, kind)), 1, LEVELS)]


def _of_streams(kind: str) -> Callable[[Sequence[bytes]], list[list[Measure]]]:
    if kind == "wikipedia":
        return lambda streams: [wiki.measure_pages(stream) for stream in streams]
    return lambda streams: [[] for _ in streams]


def floors(kind: str, text: PreparedText) -> list[Measure]:
    """Figures of the whole real text that no window of held-out text can give."""
    if kind != "names":
        return []
    everything = b"".join(text.vocabulary.decode(text.part(part)) for part in PARTS)
    return [names.natural_novelty(names.lines(everything))]


def _documents(text: PreparedText) -> dict[str, bytes]:
    """All documents by name: held-out text refers to labels of its own part too."""
    found = {}
    for part in PARTS:
        ids = text.part(part)
        for document in text.documents(part):
            found[document.name] = text.vocabulary.decode(ids[document.start : document.stop])
    return found
