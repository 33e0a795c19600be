"""The sections of the page on what goes on inside networks that show the small experiments."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from omegaconf import DictConfig

from analysis.report.plots import course, course_tasks
from analysis.report.plots.figures import Picture
from analysis.results.reader import NotRunError, Results
from pipeline.lm.io.files import atomic_write


class Words(NamedTuple):
    """A heading, the claims it serves, and what a reader should know before the figure."""

    title: str
    claims: tuple[str, ...]
    text: str


WORDS = {
    "hello": Words(
        "“hello”, with state and without", ("P22",),
        "After l comes l once and o once: what sees the present letter alone can do no better than "
        "halve its bets. The same network learns all four letters when it keeps its state.",
    ),
    "diagram": Words(
        "The diagram of “hello”, with real numbers", ("P23",),
        "The post draws four letters, three hidden units and four scores a step, and says what an "
        "update does: the right scores rise, the others fall. Here is such a network. An update "
        "lowers the loss of all four steps together, through weights that they share: a score may "
        "well move the wrong way so that others can move further the right way.",
    ),
    "by_hand": Words(
        "A hundred lines of NumPy beside PyTorch", ("V6",),
        "Both start from the same weights and read the same windows in double precision; each then "
        "trains by itself.",
    ),
    "gist": Words(
        "min-char-rnn by its own recipe", ("P25",),
        "The post's companion gist: 100 units, 25 symbols at a time, one stream, Adagrad at 0.1, "
        "every number of a gradient clipped to 5. It reads Shakespeare from the beginning; the "
        "n-grams beside it count the same symbols.",
    ),
    "optimisers": Words(
        "SGD, Adagrad, RMSProp, Adam", ("P24",),
        "One small vanilla RNN, one text, as many steps, no clipping, three learning rates each, a "
        "factor of ten apart.",
    ),
    "clipping": Words(
        "Without clipping", ("V7",),
        "The course calls clipping not optional. Whether it is depends on the cell, on the "
        "optimiser and on the learning rate.",
    ),
    "powers": Words(
        "Gradients as powers of the weights", ("V8",),
        "Each step back multiplies the gradient by the recurrent weights and, with tanh, by a "
        "slope of at most one. The weights are random, scaled so that their largest eigenvalue is "
        "the radius given.",
    ),
    "memory": Words(
        "The adding problem, and a vanilla RNN's limit", ("V13", "V9"),
        "Random numbers, two of them marked; the sum of the marked ones is to be told at the end. "
        "This is the task of the section on memory above, here with networks trained in minutes on "
        "all lengths mixed.",
    ),
    "inductive": Words(
        "Longer than any sequence learnt from", ("V10",),
        "The post says of recurrent networks that they memorise well and do not always generalise "
        "in the right way. Who has understood “as many b as there were a”, or “say it again”, can "
        "do it at any length.",
    ),
    "shapes": Words(
        "Five shapes of sequences, and dates in both directions", ("V5", "V12"),
        "One small network each: the next letter from one letter; a name that ends as asked; "
        "whether text runs backwards; 2015-05-21 as 21 May 2015, and May 21, 2015 as 2015-05-21; "
        "the depth of brackets at each symbol of code.",
    ),
    "classes": Words(
        "Names by class; packed and padded", ("V12",),
        "A first name is read letter by letter; at its end the network tells whether it stands in "
        "the list of female or of male names. Names differ in length: sequences are packed, or "
        "padded and read at their last letter, which is the same thing as long as nobody reads the "
        "padding. The backward pass of a bidirectional network would read it first.",
    ),
    "states": Words(
        "Hidden states in the plane", ("V11",),
        "The states of such a network while it reads unseen names.",
    ),
    "both_ways": Words(
        "A tag that needs what follows", ("V12",),
        "At each letter of a novel: how many letters of its word are still to come. A forward "
        "network guesses; a bidirectional one, of as many units, has read the rest.",
    ),
}  # fmt: skip
"""By the names of the experiments, in the order of the page."""


FIGURES: dict[str, Callable[[pd.DataFrame], Picture]] = {
    figure.__name__: figure
    for figure in (
        course.hello, course.diagram, course.by_hand, course.gist, course.optimisers,
        course.clipping, course.powers, course_tasks.memory, course_tasks.inductive,
        course_tasks.shapes, course_tasks.classes, course_tasks.states, course_tasks.both_ways,
    )
}  # fmt: skip


class Section(NamedTuple):
    """What the page shows of one experiment."""

    name: str
    words: Words
    picture: Picture
    sample: str


def sections(results: Results) -> Iterator[Section]:
    """Of each experiment that has been run."""
    for name, words in WORDS.items():
        try:
            rows = results.course(name)
        except NotRunError:
            continue
        texts = rows.loc[rows["metric"] == "sample", "text"]
        yield Section(name, words, FIGURES[name](rows), texts.iloc[0] if len(texts) else "")


def write_figure(config: DictConfig, name: str) -> Path:
    """The figure of one experiment, for who ran it alone."""
    results = Results.of(config)
    path = results.paths.reports / "figures" / "inside" / f"{name}.png"
    with atomic_write(path) as file:
        file.write(FIGURES[name](results.course(name)).png)
    return path
