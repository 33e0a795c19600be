"""What samples taken while a network was training are like, by iteration (claim P13).

The samples that `train` takes at `sample_iterations` are read by the parsers that read any other
sample, with the length of words besides; held-out text, cut as they are, is the floor, and
random symbols, `iteration:0`, are what they begin with.

Writes results/<run>/evolution.tsv, a row a metric and stream, columns as in structure.tsv without
`document`.
"""

import argparse
from typing import Any

import numpy as np
from omegaconf import DictConfig

from analysis.measure.sample_reader import structure_row
from analysis.measure.streams import held_out
from analysis.structure.events import CHARACTERS, Measure
from analysis.structure.kinds import measurer
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.lm.io.tables import write_table
from pipeline.lm.samples import EVOLUTION, read_evolution
from pipeline.lm.sources import HELD_OUT, iteration_source
from pipeline.lm.text import PreparedText

COLUMNS = ["source", "window", "metric", "events", "exposure", "unit"]


def word_length(text: bytes) -> Measure:
    """Characters of what stands between white space: a text without spaces is one long word."""
    pieces = text.split()
    return Measure("characters between spaces", sum(map(len, pieces)), len(pieces), CHARACTERS)


def evolution_rows(samples: dict[str, list[bytes]], parse: Any) -> list[dict[str, Any]]:
    """A row a metric and stream of every source."""
    return [
        structure_row(source, window, measure)
        for source, streams in samples.items()
        for window, stream in enumerate(streams)
        for measure in [*parse(stream), word_length(stream)]
    ]


def random_streams(text: PreparedText, symbols: int, streams: int, seed: int) -> list[bytes]:
    """What a network writes that has learnt nothing, each symbol as likely as any other."""
    shape = (streams, max(1, symbols // streams))
    drawn = np.random.default_rng(seed).integers(text.vocabulary.size, size=shape)
    return [text.vocabulary.decode(stream) for stream in drawn]


def measure_evolution(config: DictConfig, run: str) -> None:
    """The samples of one run, and held-out text."""
    experiment = params.experiment(config, run)
    paths = Paths.of(config)
    text = PreparedText.open(paths.text / experiment.corpus)
    symbols, folder = experiment.train.sample_symbols, paths.run_results(run)
    found = read_evolution(folder / EVOLUTION)
    samples = {iteration_source(step): texts for step, texts in found.items()}
    pieces = len(next(iter(found.values())))
    samples[iteration_source(0)] = random_streams(text, symbols, pieces, experiment.seed)
    samples[HELD_OUT] = [real.text for real in held_out(text, symbols, pieces)]
    kind = params.select(config, "corpora", experiment.corpus).kind
    with measurer(kind, text, params.measure(config, experiment.corpus)) as parse:
        rows = evolution_rows(samples, parse)
    write_table(folder / "evolution.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.measure.evolution", description=__doc__
    )
    parser.add_argument("run", help="an experiment that took samples while training")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    measure_evolution(params.load(params.params_file(arguments)), arguments.run)


if __name__ == "__main__":
    console.run(main)
