"""Whether recurrent networks serve every shape of sequences (claims V5, V12).

A small network is trained on each task of `analysis.probes.course.examples` and tested on
unseen examples:

- accuracy: share of what is to be told that is told right. Floor: telling at each step what is told
  there most often.
- wholly right (many-to-many, dates): share of dates without a wrong symbol. Floor: as above.
- ends as asked (one-to-many): share of the names it makes up that end in the letter asked for.
  Floor: names written without regard to it.

Beside one-to-one stands what counts of pairs tell, the best that can be known there.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.probes.course.examples import BLANK, SILENT, Data, Examples, builders
from analysis.probes.course.settings import Observation, Shapes, Task
from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.text import PreparedText

NETWORK, COUNTS = "network", "counts of pairs"
ONE_TO_ONE, ONE_TO_MANY, MANY_TO_MANY = "one-to-one", "one-to-many", "many-to-many"
DATES = "dates"
ACCURACY, WHOLLY_RIGHT, ENDS_AS_ASKED = "accuracy", "wholly right", "ends as asked"


def logits_of(network: RecurrentNetwork, inputs: Tensor) -> Tensor:
    """(T, N) -> (T, N, V), from the zero state."""
    return network(inputs, network.start(inputs.shape[1]))[0]


def train(data: Data, seed: int, task: Task, settings: Shapes) -> RecurrentNetwork:
    """A network trained on examples drawn by `seed`."""
    torch.manual_seed(seed)
    network = RecurrentNetwork(data.size, task.cell, settings.layers, task.hidden)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=task.steps
    )
    inputs, targets = torch.from_numpy(data.train.inputs), torch.from_numpy(data.train.targets)
    random = np.random.default_rng(seed)
    for _ in range(task.steps):
        batch = random.integers(inputs.shape[1], size=settings.batch)
        optimizer.zero_grad()
        logits = logits_of(network, inputs[:, batch])
        functional.cross_entropy(
            logits.flatten(0, 1), targets[:, batch].flatten(), ignore_index=SILENT
        ).backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_at)
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def told(network: RecurrentNetwork, examples: Examples) -> np.ndarray:
    """The likeliest symbol at each step, (T, M)."""
    return logits_of(network, torch.from_numpy(examples.inputs)).argmax(-1).numpy()


def most_frequent(data: Data) -> np.ndarray:
    """What is told most often at each step of the training examples, for each test: (T, M)."""
    steps, tests = data.test.targets.shape
    frequent = np.full(max(steps, len(data.train.targets)), BLANK)
    for step, row in enumerate(data.train.targets):
        counts = np.bincount(row[row != SILENT], minlength=1)
        frequent[step] = counts.argmax() if counts.any() else BLANK
    return np.broadcast_to(frequent[:steps, None], (steps, tests))


def after_counts(data: Data) -> np.ndarray:
    """For one-to-one: what follows the present symbol most often in the training examples."""
    counts = np.zeros((data.size, data.size), int)
    np.add.at(counts, (data.train.inputs[0], data.train.targets[0]), 1)
    return counts.argmax(1)[data.test.inputs]


def accuracy(guesses: np.ndarray, examples: Examples) -> float:
    """Share of what is to be told that is right; guesses (T, M)."""
    asked = examples.targets != SILENT
    return float((guesses == examples.targets)[asked].mean())


def written(network: RecurrentNetwork, data: Data, decoding: Decoding, seed: int) -> np.ndarray:
    """What the network writes by itself from what each test gives it: (2 T, M) symbols."""
    prompt = data.test.inputs[: data.given]
    length = 2 * len(data.train.targets)
    model = RecurrentLM(network)
    return np.array(list(sample(model, prompt, prompt.shape[1], length, decoding, seed)))


def wholly_right(told: np.ndarray, data: Data) -> float:
    """Share of the tests in which all that is told, (T or more, M), is right."""
    wanted = data.test.targets[data.given - 1 :]
    return float(((told[: len(wanted)] == wanted) | (wanted == SILENT)).all(0).mean())


def ends_as_asked(told: np.ndarray, data: Data) -> float:
    """Share of names, (T, M), that end in the letter asked for, and end at all."""
    asked = data.test.inputs[0]
    lengths = (told == data.end).argmax(0)  # 0 too where it never ends
    last = told[lengths - 1, np.arange(len(asked))]
    return float(((last == asked) & (lengths > 0)).mean())


def without_regard(data: Data) -> float:
    """The same of names that are written whatever is asked, as often as in training."""
    train, test = (np.bincount(e.inputs[0], minlength=data.size) for e in (data.train, data.test))
    return float((train / train.sum()) @ (test / test.sum()))


def shapes(
    prose: PreparedText, names: PreparedText, code: PreparedText, seed: int, settings: Shapes
) -> list[Observation]:
    """Train and test a network on every task."""
    build = builders(prose, names, code, settings)
    rows = []
    for name, task in settings.tasks.items():
        if name not in build:
            raise InputError(f"course.shapes.tasks has {name!r}: use {', '.join(build)}")
        rows += shape(name, build[name](task), seed, settings)
    return rows


def shape(name: str, data: Data, seed: int, settings: Shapes) -> list[Observation]:
    """Train and test one network."""
    task = settings.tasks[name]
    network = train(data, seed, task, settings)
    guesses, floor = told(network, data.test), accuracy(most_frequent(data), data.test)
    found = [(NETWORK, ACCURACY, accuracy(guesses, data.test), floor)]
    if name == ONE_TO_ONE:
        found.append((COUNTS, ACCURACY, accuracy(after_counts(data), data.test), floor))
    if name in (MANY_TO_MANY, DATES):
        right = wholly_right(written(network, data, Decoding(0), seed), data)
        blind = wholly_right(most_frequent(data)[data.given - 1 :], data)
        found.append((NETWORK, WHOLLY_RIGHT, right, blind))
    if name == ONE_TO_MANY:
        right = ends_as_asked(written(network, data, Decoding(), seed), data)
        found.append((NETWORK, ENDS_AS_ASKED, right, without_regard(data)))
    claim = "V12" if name == DATES else "V5"
    return [
        Observation(claim, name, setting, seed, task.steps, metric, value, floor)
        for setting, metric, value, floor in found
    ]
