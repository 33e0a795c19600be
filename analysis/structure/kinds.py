"""Which parsers read which kind of text, with what the training text lets them take for granted."""

from collections.abc import Callable
from pathlib import Path

from analysis.structure import c, latex, names, prose, python, wiki
from analysis.structure.events import Measure
from pipeline.lm.corpus import PreparedText
from pipeline.lm.errors import InputError
from pipeline.params import Measure as Settings

Measurer = Callable[[bytes], list[Measure]]
"""The figures of one window of text."""


def measurer(kind: str, text: PreparedText, settings: Settings) -> Measurer:
    """The parsers for texts of one kind, made ready with the training part of `text`."""
    training = text.vocabulary.decode(text.part("train"))
    prose_context = prose.Context.of(
        training,
        prose.read_dictionary(Path(settings.dictionary)),
        tuple(settings.word_lengths),
        tuple(settings.distinct_orders),
    )
    if kind == "prose":
        return lambda window: prose.measure(window, prose_context)
    if kind == "shakespeare":
        return lambda window: prose.measure_play(window, prose_context)
    own = _own_measurer(kind, training, text)
    return lambda window: own(window) + prose.measure_words(window, prose_context)


def _own_measurer(kind: str, training: bytes, text: PreparedText) -> Measurer:
    """The parsers that only this kind of text has."""
    if kind == "names":
        known = names.Context.of(training)
        return lambda window: names.measure(window, known)
    if kind == "python":
        scope = python.Context(python.module_names(training))
        return lambda window: python.measure(window, scope)
    if kind == "c":
        files = c.Context.of(training)
        return lambda window: c.measure(window, files)
    if kind == "latex":
        part = text.part("train")
        documents = {
            document.name: text.vocabulary.decode(part[document.start : document.stop])
            for document in text.documents("train")
        }
        labels = latex.Context.of(documents)
        return lambda window: latex.measure(window, labels)
    if kind == "wikipedia":
        pages = wiki.Context.of(training)
        return lambda window: wiki.measure(window, pages)
    raise InputError(
        f"no parsers for texts of kind {kind!r}: use prose, shakespeare, names, python, c, latex "
        "or wikipedia"
    )
