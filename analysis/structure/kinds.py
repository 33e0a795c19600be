"""Which parsers read which kind of text, with what the training text lets them take for granted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from analysis.structure import c, latex, latex_compile, names, prose, python, wiki
from analysis.structure.events import Measure
from pipeline.lm.corpus import PARTS, PreparedText
from pipeline.lm.errors import InputError
from pipeline.params import Measure as Settings

Measurer = Callable[[bytes], list[Measure]]
"""The figures of one window of text."""


@contextmanager
def measurer(kind: str, text: PreparedText, settings: Settings) -> Iterator[Measurer]:
    """The parsers for texts of one kind, made ready with the training part of `text`.

    InputError if a program or word list that they need is missing.
    """
    training = text.vocabulary.decode(text.part("train"))
    words = prose.Context.of(
        training,
        prose.read_dictionary(Path(settings.dictionary)),
        tuple(settings.word_lengths),
        tuple(settings.distinct_orders),
    )
    if kind == "prose":
        yield lambda window: prose.measure(window, words)
    elif kind == "shakespeare":
        yield lambda window: prose.measure_play(window, words)
    elif kind == "latex":
        labels = latex.Context.of(_documents(text))
        with latex_compile.dumped_format() as form:
            yield lambda window: [
                *latex.measure(window, labels),
                *latex_compile.measure(window, form),
                *prose.measure_words(window, words),
            ]
    else:
        parse = _parser(kind, training)
        yield lambda window: [*parse(window), *prose.measure_words(window, words)]


def _parser(kind: str, training: bytes) -> Measurer:
    """The parsers that need the training text and nothing else."""
    if kind == "names":
        known = names.Context.of(training)
        return lambda window: names.measure(window, known)
    if kind == "python":
        scope = python.Context(python.module_names(training))
        return lambda window: python.measure(window, scope)
    if kind == "c":
        files = c.Context.of(training)
        return lambda window: [*c.measure(window, files), *c.measure_gcc(window, files)]
    if kind == "wikipedia":
        pages = wiki.Context.of(training)
        return lambda window: wiki.measure(window, pages)
    raise InputError(
        f"no parsers for texts of kind {kind!r}: use prose, shakespeare, names, python, c, latex "
        "or wikipedia"
    )


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
