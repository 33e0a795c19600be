"""The small experiments there are: what each asks, reads and is set to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from analysis.probes.course import (
    both_ways,
    by_hand,
    classes,
    clipping,
    diagram,
    gist,
    hello,
    inductive,
    memory,
    optimisers,
    powers,
    shapes,
    states,
)
from analysis.probes.course.settings import ByHand, Hello, Observation, Shapes
from pipeline.config.paths import Paths
from pipeline.lm.io.files import file_sha256
from pipeline.lm.text import PARTS, PreparedText


@dataclass
class Course:
    """The corpora that are read, and the settings of each experiment, by its name."""

    prose: str
    names: str
    code: str
    plays: str
    hello: Hello
    diagram: diagram.Settings
    by_hand: ByHand
    gist: gist.Settings
    optimisers: optimisers.Settings
    clipping: clipping.Settings
    powers: powers.Settings
    memory: memory.Settings
    inductive: inductive.Settings
    shapes: Shapes
    classes: classes.Settings
    states: states.Settings
    both_ways: both_ways.Settings


class Experiment(NamedTuple):
    """One of them."""

    claims: str
    asks: str
    run: Callable[..., list[Observation]]
    """(what it reads ..., seed, settings) -> what was observed."""
    reads: tuple[str, ...] = ()
    """Names of corpora in the settings; `lists` are the names as they were fetched, by class."""


EXPERIMENTS = {
    "hello": Experiment("P22", '"hello" with state and without', hello.hello),
    "diagram": Experiment("P23", "the post's diagram, with real numbers", diagram.diagram),
    "by_hand": Experiment("V6", "an RNN in NumPy beside PyTorch's", by_hand.by_hand, ("prose",)),
    "gist": Experiment("P25", "min-char-rnn by its own recipe", gist.gist, ("plays",)),
    "optimisers": Experiment(
        "P24", "SGD, Adagrad, RMSProp, Adam", optimisers.optimisers, ("prose",)
    ),
    "clipping": Experiment("V7", "training without clipping", clipping.clipping, ("prose",)),
    "powers": Experiment("V8", "gradients as powers of the weights", powers.powers),
    "memory": Experiment("V13, V9", "the adding problem; a vanilla RNN's limit", memory.memory),
    "inductive": Experiment("V10", "sequences longer than any learnt", inductive.inductive),
    "shapes": Experiment(
        "V5, V12", "five shapes of sequences; dates", shapes.shapes, ("prose", "names", "code")
    ),
    "classes": Experiment("V12", "names by class; packed and padded", classes.classes, ("lists",)),
    "states": Experiment("V11", "hidden states by class and position", states.states, ("lists",)),
    "both_ways": Experiment(
        "V12", "a tag that needs the text to its right", both_ways.both_ways, ("prose",)
    ),
}


def opened(reads: tuple[str, ...], settings: Course, paths: Paths) -> Iterator[tuple[Any, Any]]:
    """What an experiment reads, each with what tells it from any other."""
    for name in reads:
        if name == "lists":
            folder: Path = paths.raw / settings.names
            yield classes.names_by_class(folder), file_sha256(folder / classes.ARCHIVE)
        else:
            text = PreparedText.open(paths.text / getattr(settings, name))
            yield text, [text.digest(part) for part in PARTS]
