"""One real task for each of the five shapes of sequences to be read and told (claim V5).

An example is a column of symbols to read and a column of symbols to tell, step by step; BLANK is
nothing to read, SILENT nothing to tell. The shapes differ in nothing but where those stand:

- one-to-one: the symbol of a novel after the present one, nothing else being known;
- one-to-many: a name that ends in a given letter; as in many-to-many, what has been told is read;
- many-to-one: whether a piece of a novel runs forwards or backwards, told at its end. How often
  symbols stand in it does not tell;
- many-to-many: a date, 2015-05-21, read to its end and then told as 21 May 2015; and the course's
  direction, May 21, 2015 as 2015-05-21;
- synced: how many brackets are open at each symbol of Python's source (strings and comments open
  none).

Shapes of arrays: T steps, M examples, V symbols.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analysis.probes.course.settings import Shapes, Task
from analysis.structure.delimiters.lexers import python_tokens
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.training import IGNORED
from pipeline.lm.text import PreparedText
from pipeline.lm.vocabulary import Vocabulary

BLANK = -1
"""No symbol: enters the network as the zero vector."""
SILENT = IGNORED
"""No target."""
END = b"\n"

Ids = NDArray[np.int64]
Form = Callable[[date], str]
"""How a date is written."""


@dataclass(frozen=True)
class Examples:
    """M examples side by side."""

    inputs: Ids
    """(T, M)"""
    targets: Ids
    """(T, M)"""


@dataclass(frozen=True)
class Data:
    """What a network of `size` symbols is to learn, and unseen examples of it."""

    size: int
    train: Examples
    test: Examples
    given: int = 0
    """Steps read before anything is written, where a network reads what it writes."""
    end: int = BLANK
    """The symbol that ends what is written."""


def spread(length: int, count: int) -> Ids:
    """`count` of the places 0..length - 1, or all, evenly spread, in ascending order."""
    if length < 1:
        raise InputError("course: a text is too short for the pieces asked of it: use a longer one")
    return np.unique(np.linspace(0, length - 1, min(count, length)).astype(np.int64))


def known(text: PreparedText, part: str) -> Ids:
    """A part without the symbols that the training part lacks: (T,)."""
    ids = np.asarray(text.part(part)).astype(np.int64)
    return ids[ids < text.vocabulary.size]


def pieces(ids: Ids, starts: Ids, length: int) -> Ids:
    """Pieces of a text: (length, len(starts))."""
    return ids[starts + np.arange(length)[:, None]]


def written(rows: list[NDArray], given: int) -> Examples:
    """Sequences to be written from their first `given` symbols on, what is written being read."""
    table = np.full((max(map(len, rows)), len(rows)), BLANK)
    for i, row in enumerate(rows):
        table[: len(row), i] = row
    targets = np.where(table == BLANK, SILENT, table)[1:]
    targets[: given - 1] = SILENT
    return Examples(table[:-1], targets)


def one_to_one(prose: PreparedText, task: Task) -> Data:
    """Pairs of neighbours."""

    def examples(part: str, count: int) -> Examples:
        ids = known(prose, part)
        pairs = pieces(ids, spread(len(ids) - 1, count), 2)
        return Examples(pairs[:1], pairs[1:])

    return Data(
        prose.vocabulary.size, examples("train", task.examples), examples("test", task.tests)
    )


def one_to_many(names: PreparedText, task: Task) -> Data:
    """Last letter -> name, END."""

    def examples(part: str, count: int) -> Examples:
        listed = names.vocabulary.decode(known(names, part)).split(END)
        listed = [name for name in listed if name]
        chosen = [listed[i] for i in spread(len(listed), count)]
        rows = [names.vocabulary.encode(name[-1:] + name + END) for name in chosen]
        return written(rows, given=1)

    train, test = examples("train", task.examples), examples("test", task.tests)
    return Data(names.vocabulary.size, train, test, 1, int(names.vocabulary.encode(END)[0]))


def many_to_one(prose: PreparedText, length: int, task: Task) -> Data:
    """Pieces, every other one reversed -> V if forwards, V + 1 if backwards."""
    size = prose.vocabulary.size

    def examples(part: str, count: int) -> Examples:
        ids = known(prose, part)
        inputs = pieces(ids, spread(len(ids) - length + 1, count), length)
        inputs[:, 1::2] = inputs[::-1, 1::2]
        targets = np.full_like(inputs, SILENT)
        targets[-1] = size + np.arange(inputs.shape[1]) % 2
        return Examples(inputs, targets)

    return Data(size + 2, examples("train", task.examples), examples("test", task.tests))


def in_words(day: date) -> str:
    """21 May 2015."""
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"


def in_american_words(day: date) -> str:
    """May 21, 2015; as wide as the longest, as what is read has one length."""
    return f"{calendar.month_name[day.month]} {day.day}, {day.year}".rjust(18)


def many_to_many(
    years: list[int], task: Task, read: Form = date.isoformat, tell: Form = in_words
) -> Data:
    """A date in one form, END -> in another, END; from the interpreter's calendar."""
    first, last = date(years[0], 1, 1).toordinal(), date(years[1], 12, 31).toordinal()
    held_out = spread(last - first + 1, task.tests)
    others = np.setdiff1d(np.arange(last - first + 1), held_out)

    def lines(days: Ids) -> list[bytes]:
        dates = [date.fromordinal(first + int(day)) for day in days]
        return [f"{read(day)}\n{tell(day)}\n".encode() for day in dates]

    train, test = lines(others[spread(len(others), task.examples)]), lines(held_out)
    symbols = Vocabulary.of(b"".join(train))
    given = train[0].index(END) + 1
    learnt, unseen = (written(list(map(symbols.encode, some)), given) for some in (train, test))
    return Data(symbols.size, learnt, unseen, given, int(symbols.encode(END)[0]))


def bracket_depth(source: bytes) -> tuple[Ids, NDArray[np.bool_]]:
    """At each byte of Python's source, (T,): brackets open once it is read, and whether it stands
    in a string or comment."""
    steps, hidden = np.zeros(len(source) + 1, np.int64), np.zeros(len(source), bool)
    depth = 0
    for token, start, stop in python_tokens(source):
        before = depth
        match token:
            case "open":
                depth += 1
            case "close":
                depth = max(depth - 1, 0)
            case "start":  # a statement in the first column is outside every bracket
                depth = 0
            case _:
                hidden[start:stop] = True
        steps[start] += depth - before
    return steps[:-1].cumsum(), hidden


def synced(code: PreparedText, length: int, deepest: int, task: Task) -> Data:
    """Pieces that begin with a line outside every bracket and string -> V + depth."""
    size = code.vocabulary.size

    def examples(part: str, count: int) -> Examples:
        ids = known(code, part)
        depth, hidden = bracket_depth(code.vocabulary.decode(ids))
        outside = (ids == newline) & (depth == 0) & ~hidden
        starts = np.flatnonzero(outside[: len(ids) - length]) + 1
        starts = starts[spread(len(starts), count)]
        targets = size + np.minimum(pieces(depth, starts, length), deepest)
        return Examples(pieces(ids, starts, length), targets)

    newline = int(code.vocabulary.encode(END)[0])
    return Data(size + deepest + 1, examples("train", task.examples), examples("test", task.tests))


def builders(
    prose: PreparedText, names: PreparedText, code: PreparedText, shapes: Shapes
) -> dict[str, Callable[[Task], Data]]:
    """What makes the data of each task, by its name in the settings."""
    return {
        "one-to-one": lambda task: one_to_one(prose, task),
        "one-to-many": lambda task: one_to_many(names, task),
        "many-to-one": lambda task: many_to_one(prose, shapes.piece, task),
        "many-to-many": lambda task: many_to_many(shapes.years, task),
        "synced": lambda task: synced(code, shapes.code_piece, shapes.deepest, task),
        "dates": lambda task: many_to_many(shapes.years, task, in_american_words, date.isoformat),
    }
