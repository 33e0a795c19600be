"""How far back the gradient of the loss reaches, for each kind of cell (claim V1).

Small networks of every kind are trained alike on one corpus by the project's own trainer. Of each,
at initialisation and trained, on windows of held-out text: the norm of d loss_t / d h_(t-k), loss_t
being the cross-entropy of one symbol, h the last layer's state; for the LSTM that of
d loss_t / d c_(t-k) too, the path on which its gradient travels.

Writes results/gradients.tsv, a row a network, window, state and distance k, and
results/gradients.json, what was trained. Shapes: T symbols, N windows, H units.
"""

import argparse
import copy
import math
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch.nn import functional
from tqdm import tqdm

from analysis.probes.journal import journal
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT, NATURAL, SEED, check, one_of
from pipeline.config.settings import LAYERS, UNITS, Train
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import write_json
from pipeline.lm.io.tables import write_table
from pipeline.lm.rnn.batches import Streams
from pipeline.lm.rnn.hardware import device_at_hand
from pipeline.lm.rnn.network import CELLS, RecurrentNetwork
from pipeline.lm.rnn.training import Trainer
from pipeline.lm.sources import TRAINED
from pipeline.lm.text import PARTS, PreparedText

COLUMNS = ["cell", "seed", "network", "window", "state", "distance", "norm"]
INITIAL = "at initialisation"


@dataclass
class Settings:
    """conf/inside.yaml says what each value means."""

    corpus: str
    cells: list[str]
    layers: int
    hidden: int
    symbols: int
    seeds: list[int]
    train: Train
    distances: list[int]
    windows: int
    context: int

    def __post_init__(self) -> None:
        check(self, "gradients", one_of(*CELLS), "cells")
        check(self, "gradients", LAYERS, "layers")
        check(self, "gradients", UNITS, "hidden")
        check(self, "gradients", COUNT, "symbols", "distances", "windows")
        check(self, "gradients", SEED, "seeds")
        check(self, "gradients", NATURAL, "context")

    def network(self, cell: str, text: PreparedText, seed: int) -> RecurrentNetwork:
        """A network of one kind of cell before training."""
        model = {"cell": cell, "layers": self.layers, "hidden": self.hidden}
        return RecurrentNetwork.initial(self.train, seed, text.counts("train"), **model)


def held_out_windows(part: NDArray, length: int, count: int) -> NDArray:
    """`count` windows of `length` symbols, evenly spread over a text (L,): ids (length, count)."""
    if len(part) < length:
        raise InputError(
            f"the held-out text has {len(part)} symbols, a window {length}: lower "
            "inside.gradients.context or the largest of inside.gradients.distances"
        )
    starts = np.linspace(0, len(part) - length, count).astype(int)
    return np.asarray(part)[starts + np.arange(length)[:, None]].astype(np.int64)


def gradient_norms(
    network: RecurrentNetwork, ids: NDArray, distances: list[int]
) -> dict[str, NDArray[np.float64]]:
    """Norms of the gradient of the last symbol's loss by the last layer's states k symbols before.

    Args:
        network: any; its weights are left as they are.
        ids: (T + 1, N), the last row being the symbols predicted.
        distances: the values of k, 1 or more, less than T.

    Returns:
        by state, `h` and for the LSTM `c`: (K, N).
    """
    # In double precision, so that a gradient that vanishes is small and not zero.
    network = copy.deepcopy(network).double().eval()
    symbols, reach = torch.from_numpy(ids), max(distances)
    first = len(ids) - 1 - reach
    with torch.no_grad():
        _, states = network(symbols[:first], network.start(symbols.shape[1]))
    states = [tuple(tensor.requires_grad_() for tensor in layer) for layer in states]
    passed = [states[-1]]  # at t - reach, and so on up to t
    for t in range(first, len(ids) - 1):
        logits, states = network(symbols[t : t + 1], states)
        passed.append(states[-1])
    targets = symbols[-1].clamp_max(network.size - 1)
    loss = functional.cross_entropy(logits[0], targets, reduction="sum")
    wanted = [tensor for k in distances for tensor in passed[-1 - k]]
    gradients = torch.autograd.grad(loss, wanted)
    norms = torch.stack([gradient[0].norm(dim=-1) for gradient in gradients]).numpy()
    names = ["h", "c"][: len(passed[0])]
    return {name: norms[place :: len(names)] for place, name in enumerate(names)}


def trained_network(
    cell: str, text: PreparedText, seed: int, settings: Settings
) -> tuple[RecurrentNetwork, float]:
    """A network of one kind after training, and its validation cross-entropy in bits per symbol."""
    recipe = settings.train
    train = Streams.fit(text.part("train")[: settings.symbols], recipe.batch, recipe.bptt)
    validation = Streams.fit(text.part("val"), recipe.batch, recipe.bptt)
    network = settings.network(cell, text, seed)
    trainer = Trainer(network, train, validation, recipe, seed, device_at_hand())
    steps = tqdm(trainer.run(), f"gradients: {cell}, seed {seed}", trainer.steps, mininterval=1)
    for _ in steps:
        pass
    network = network.cpu()
    network.load_state_dict({name: w.cpu() for name, w in trainer.best_weights.items()})
    return network, trainer.progress.best / math.log(2)


def norm_rows(norms: dict[str, NDArray[np.float64]], distances: list[int]) -> list[dict[str, Any]]:
    """A row a state, distance and window."""
    return [
        {"window": window, "state": state, "distance": k, "norm": norm}
        for state, values in norms.items()
        for k, row in zip(distances, values, strict=True)
        for window, norm in enumerate(row)
    ]


def measured(
    cell: str, seed: int, text: PreparedText, ids: NDArray, settings: Settings
) -> dict[str, Any]:
    """What one network was, `training`, and its `rows`, trained and not."""
    network, bits = trained_network(cell, text, seed, settings)
    training = {"cell": cell, "seed": seed, "validation_bits": bits,
                "parameters": network.parameter_count()}  # fmt: skip
    initial = settings.network(cell, text, seed)
    rows = [
        {"cell": cell, "seed": seed, "network": name, **row}
        for name, each in ((INITIAL, initial), (TRAINED, network))
        for row in norm_rows(gradient_norms(each, ids, settings.distances), settings.distances)
    ]
    return {"training": training, "rows": rows}


def measure_gradients(config: DictConfig) -> None:
    """Train and measure every kind of cell with every seed."""
    settings = params.view(Settings, config.inside.gradients, "inside.gradients")
    paths = Paths.of(config)
    text = PreparedText.open(paths.text / settings.corpus)
    length = settings.context + max(settings.distances) + 1
    ids = held_out_windows(text.part("test"), length, settings.windows)
    given = [asdict(settings), [text.digest(part) for part in PARTS]]
    with journal(paths.checkpoints, "gradients", [Path(__file__)], given) as kept:
        found = [
            kept.found(f"{cell} {seed}", partial(measured, cell, seed, text, ids, settings))
            for cell, seed in product(settings.cells, settings.seeds)
        ]
        rows = [row for network in found for row in network["rows"]]
        write_table(paths.results / "gradients.tsv", rows, COLUMNS)
        write_json(
            paths.results / "gradients.json",
            {
                "settings": asdict(settings),
                "networks": [network["training"] for network in found],
                "versions": {"torch": torch.__version__},
            },
        )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.probes.gradients", description=__doc__
    )
    params.add_scale_options(parser)
    measure_gradients(params.load(params.params_file(parser.parse_args())))


if __name__ == "__main__":
    console.run(main)
