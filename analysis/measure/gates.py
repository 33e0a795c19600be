"""How often the gates of a network are shut or wide open while it reads held-out text (claim K4).

Source: Karpathy, Johnson, Fei-Fei 2015, the figure of gate saturations: a gate is left-saturated at
a step if its activation is below 0.1, right-saturated above 0.9; each gate unit is a point, its two
shares of the time. The floor is the same network before training.

Writes results/<run>/gates.tsv, a row a gate unit. Shapes: T symbols, N streams, H units.
"""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from pipeline import console, models, runs
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT, NATURAL, SHARE, check
from pipeline.lm.io.tables import write_table
from pipeline.lm.rnn.activations import GATES, activation_chunks
from pipeline.lm.rnn.checkpoint import load_network
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.sources import TRAINED, UNTRAINED
from pipeline.lm.text import PreparedText

COLUMNS = ["network", "layer", "gate", "unit", "symbols", "left", "right"]


@dataclass
class Settings:
    """conf/inside.yaml says what each value means."""

    symbols: int
    streams: int
    context: int
    left: float
    right: float

    def __post_init__(self) -> None:
        check(self, "gates", COUNT, "symbols", "streams")
        check(self, "gates", NATURAL, "context")
        check(self, "gates", SHARE, "left", "right")


def side_by_side(text: NDArray, symbols: int, streams: int) -> NDArray:
    """The first `symbols` of a text (L,) as parallel streams (T, N), fewer in a short text."""
    length = min(symbols, len(text)) // streams
    if not length:
        return np.asarray(text)[:, None]
    return np.asarray(text[: length * streams]).reshape(streams, length).T


def saturation(network: RecurrentNetwork, ids: NDArray, settings: Settings) -> list[dict[str, Any]]:
    """Steps at which each gate unit is saturated, over ids (T, N); a row a layer, gate and unit.

    The first `context` symbols of each stream are read and not counted, half of a short one.
    """
    context = min(settings.context, len(ids) // 2)
    counts: dict[tuple[int, str], NDArray[np.int64]] = {}
    read = 0
    for layers in activation_chunks(network, ids):
        skipped = max(0, context - read)
        read += len(layers[0].h)
        for number, layer in enumerate(layers, 1):
            for gate in GATES[network.cell]:
                values = getattr(layer, gate)[skipped:]
                both = np.stack([values < settings.left, values > settings.right]).sum((1, 2))
                counts[number, gate] = counts.get((number, gate), 0) + both
    symbols = (len(ids) - context) * ids.shape[1]
    return [
        {"layer": layer, "gate": gate, "unit": unit, "symbols": symbols, "left": low, "right": high}
        for (layer, gate), both in sorted(counts.items())
        for unit, (low, high) in enumerate(both.T)
    ]  # fmt: skip


def measure_gates(config: DictConfig, run: str) -> None:
    """The gates of one run's network, trained and not."""
    settings = params.view(Settings, config.inside.gates, "inside.gates")
    experiment = params.experiment(config, run)
    paths = Paths.of(config)
    text = PreparedText.open(paths.text / experiment.corpus)
    ids = side_by_side(text.part("test"), settings.symbols, settings.streams)
    networks = {
        TRAINED: load_network(models.trained_folder(config, run)),
        UNTRAINED: runs.initial_network(experiment, text),
    }
    rows = [
        {"network": name, **row}
        for name, network in networks.items()
        for row in saturation(network, ids, settings)
    ]
    write_table(paths.run_results(run) / "gates.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.measure.gates", description=__doc__)
    parser.add_argument("run", help="an experiment")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    measure_gates(params.load(params.params_file(arguments)), arguments.run)


if __name__ == "__main__":
    console.run(main)
