"""Cells that one can read, and how sure models are: the data of one run.

Writes results/<run>/: cells.tsv, a row a network, cell and feature; cells.json, what it comes to,
or the `reason` why a text has nothing to follow; confidence.tsv, a row a model, class of symbols,
window and bucket of probability; and, beside results as it is large, what the run's page shows of
the text (`analysis.cells.view`). Layers and cells count from 1. The floors of claim P14 are the
same search in the network before training, and in random directions of the space of the trained
one's cells.
"""

import argparse
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from analysis.cells import search as cell_search
from analysis.cells.features import Values, of_symbols
from analysis.cells.predictions import Predictions, confidence_rows, predict
from analysis.cells.reading import NothingToReadError, Reading, Settings, cell_values
from analysis.cells.view import Findings, view
from analysis.statistics import ratio_interval
from pipeline import console, models, runs
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import file_sha256, write_json
from pipeline.lm.io.tables import write_table
from pipeline.lm.rnn.checkpoint import load_network
from pipeline.lm.rnn.network import RecurrentNetwork
from pipeline.lm.sources import NETWORK, TRAINED, UNTRAINED, kenlm_source, ngram_source
from pipeline.lm.text import PreparedText

CELL_COLUMNS = ["network", "layer", "cell", "feature", "fit", "report", "threshold"]
CONFIDENCE_COLUMNS = ["source", "class", "window", "least", "symbols", "probability", "right"]
Rows = list[dict[str, Any]]
EVERYTHING = "anywhere"
ROTATED = "rotated"
"""Random directions in the space of the trained network's cells: as many as there are cells."""
DIGITS = 4
"""After the point: the tables are long."""


def search_networks(
    networks: dict[str, RecurrentNetwork],
    reading: Reading,
    features: dict[str, Values],
    settings: Settings,
    seed: int,
) -> tuple[pd.DataFrame, dict[str, NDArray], NDArray]:
    """The scores of some networks' cells, and of random directions in the space of the last one's;
    which of each are saturated (C,), and what the last one's cells show (T, C)."""
    tables, saturated = [], {}

    def note(name: str, shown: NDArray, hidden: int) -> None:
        found = cell_search.search(shown, features, settings.level, settings.least_shift)
        layer, unit = np.divmod(found["cell"].to_numpy(np.int64), hidden)
        tables.append(found.assign(network=name, layer=layer + 1, cell=unit + 1))
        full = np.abs(shown) > 1 - settings.resolution / 2
        saturated[name] = full.mean(axis=0) >= settings.level

    for name, network in networks.items():
        shown = cell_values(network, reading, settings.resolution)
        note(name, shown, network.hidden)
    note(ROTATED, cell_search.rotated(shown, settings.resolution, seed), network.hidden)
    return pd.concat(tables, ignore_index=True)[CELL_COLUMNS], saturated, shown


def shares(
    table: pd.DataFrame, saturated: dict[str, NDArray], least: float, **bootstrap: Any
) -> dict[str, Any]:
    """Shares of each network's cells, with intervals over cells.

    `interpretable`: those that score `least` or more on a feature in both halves; `learned`: those
    that do so on one that no cell follows as well before training; `above_threshold`: those that
    no chance explains; `saturated`: those that show 1 or -1 nearly always, whatever is read.
    """
    scores = cell_search.held_score(table)
    before = scores[table["network"] == UNTRAINED].groupby(table["feature"]).max()
    beyond = scores.where(scores > table["feature"].map(before), 0.0)
    found: dict[str, Any] = {}
    for name, rows in table.groupby("network", sort=False):
        cells = [rows["layer"], rows["cell"]]
        flags = {
            "interpretable": scores[rows.index].groupby(cells).max() >= least,
            "learned": beyond[rows.index].groupby(cells).max() >= least,
            "above_threshold": cell_search.above_threshold(rows).groupby(cells).max(),
            "saturated": saturated[str(name)],
        }
        found[str(name)] = {
            what: ratio_interval(flag, np.ones(len(flag)), **bootstrap)._asdict()
            for what, flag in flags.items()
        }
    return found


def counts(table: pd.DataFrame, least: float) -> dict[str, dict[str, dict[str, int]]]:
    """How many cells follow each feature, by network: `interpretable` and `above_threshold`."""
    flags = pd.DataFrame(
        {
            "interpretable": cell_search.held_score(table) >= least,
            "above_threshold": cell_search.above_threshold(table),
        }
    )
    found: dict[str, dict[str, dict[str, int]]] = {}
    for keys, rows in flags.groupby([table["network"], table["feature"]], sort=False):
        network, feature = map(str, keys)
        found.setdefault(network, {})[feature] = {k: int(n) for k, n in rows.sum().items()}
    return found


def best(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of cells.tsv: the best cell of each network for each feature."""
    groups = table.groupby("network", sort=False)
    return [row for _, rows in groups for row in cell_search.best_cells(rows).to_dict("records")]


def predictions(
    config: DictConfig, run: str, settings: Settings, reading: Reading
) -> dict[str, Predictions]:
    """What the network and some n-grams expect after each of the T symbols, by source."""
    orders = params.baseline(config, params.experiment(config, run).corpus).kenlm_orders
    ngrams = [ngram_source(order) for order in settings.ngram_orders]
    found = {}
    for source in (NETWORK, *ngrams, kenlm_source(max(orders))):
        model = models.open_model(config, run, source).model
        asked = predict(model, reading.ids, reading.spans, settings.likeliest)
        found[source] = asked[reading.counted]
    return found


def confidence_table(
    found: dict[str, Predictions],
    reading: Reading,
    features: dict[str, Values],
    edges: list[float],
) -> pd.DataFrame:
    """confidence.tsv: the classes are all symbols, and those of each yes-or-no feature."""
    classes = {EVERYTHING: np.ones(len(reading.symbols), bool)}
    classes |= {name: values for name, values in features.items() if values.dtype == bool}
    rows = [
        {"source": source, **row}
        for source, asked in found.items()
        for row in confidence_rows(asked, reading.following, reading.streams_of, classes, edges)
    ]
    return pd.DataFrame(rows, columns=CONFIDENCE_COLUMNS)


def features_of(
    text: PreparedText, reading: Reading, kind: str, settings: Settings
) -> tuple[dict[str, Values], dict[str, int]]:
    """The features and classes that occur often enough, (T,) each, and how often all of them do."""
    if kind not in settings.features:
        raise InputError(f"cells.features has no list for texts of kind {kind}: add one")
    wanted = [*settings.features[kind], *settings.classes]
    found = of_symbols(wanted, reading.ids, text.vocabulary, kind)
    found = {name: values[reading.counted] for name, values in found.items()}
    seen = {name: cell_search.rarest_half(values) for name, values in found.items()}
    present = {n: values for n, values in found.items() if seen[n] >= settings.least_occurrences}
    if not set(present) - set(settings.classes):
        raise NothingToReadError(
            f"No feature of cells.features.{kind} occurs {settings.least_occurrences} times in "
            "each half of the test part: use a longer text, or a smaller cells.least_occurrences."
        )
    return present, seen


def study(config: DictConfig, run: str) -> None:
    """Measure one run and write everything."""
    settings = params.view(Settings, config.cells, "cells")
    measure, paths = params.measure(config), Paths.of(config)
    experiment = params.experiment(config, run)
    kind = params.select(config, "corpora", experiment.corpus).kind
    text = PreparedText.open(paths.text / experiment.corpus)
    try:
        reading = Reading.of(text.part("test"), settings.symbols, settings.streams, measure.context)
        present, seen = features_of(text, reading, kind, settings)
    except NothingToReadError as reason:
        none: dict[str, Any] = {"run": run, "corpus": experiment.corpus, "reason": str(reason)}
        none |= {"settings": asdict(settings), "shares": {}, "best": []}
        write_tables(paths.run_results(run), none, [], [])
        write_json(paths.cell_view(run), {})
        return
    features = {name: values for name, values in present.items() if name not in settings.classes}
    trained = load_network(models.trained_folder(config, run))
    untrained = runs.initial_network(experiment, text)
    networks = {UNTRAINED: untrained, TRAINED: trained}
    scores, saturated, shown = search_networks(
        networks, reading, features, settings, experiment.seed
    )
    table = scores[scores["network"] != ROTATED]
    asked = predictions(config, run, settings, reading)
    confidence = confidence_table(asked, reading, present, settings.edges)

    bootstrap = {"resamples": measure.resamples, "seed": measure.seed, "level": measure.level}
    about = {
        "run": run,
        "corpus": experiment.corpus,
        "seed": experiment.seed,
        "test_sha256": file_sha256(text.folder / "test.bin"),
        "symbols": len(reading.symbols),
        "layers": len(trained.layers),
        "hidden": trained.hidden,
        "shown": "tanh(c)" if trained.cell == "lstm" else "h",
        "settings": asdict(settings),
        "occurrences": {name: seen[name] for name in settings.features[kind]},
        "shares": shares(scores, saturated, settings.interpretable, **bootstrap),
        "counts": counts(table, settings.interpretable),
        "best": best(table),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    found, sure = (rows.round(DIGITS).to_dict("records") for rows in (table, confidence))
    write_tables(paths.run_results(run), about, found, sure)
    findings = Findings(about, text.vocabulary, reading, shown, features, table, asked)
    write_json(paths.cell_view(run), view(findings, settings))


def write_tables(folder: Path, about: dict[str, Any], cells: Rows, confidence: Rows) -> None:
    """cells.json, cells.tsv and confidence.tsv."""
    write_table(folder / "cells.tsv", cells, CELL_COLUMNS)
    write_table(folder / "confidence.tsv", confidence, CONFIDENCE_COLUMNS)
    write_json(folder / "cells.json", about)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.cells", description=__doc__)
    parser.add_argument("run", help="an experiment of the params file")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    study(params.load(params.params_file(arguments)), arguments.run)


if __name__ == "__main__":
    console.run(main)
