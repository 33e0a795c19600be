"""What samples taken while a network was training are like, by iteration (claim P13).

The samples that `train` takes at `sample_iterations` are read by the parsers that read any other
sample, with the length of words besides; held-out text, cut as they are, is the floor.

Writes results/<run>/evolution.tsv, a row a metric and stream, columns as in structure.tsv.
"""

import argparse
from typing import Any

from omegaconf import DictConfig

from analysis.measure import held_out, write_table
from analysis.results import HELD_OUT
from analysis.sample_reader import structure_row
from analysis.structure.events import CHARACTERS, Measure
from analysis.structure.kinds import measurer
from pipeline import console, params
from pipeline.lm.corpus import PreparedText
from pipeline.lm.errors import InputError
from pipeline.lm.files import read_json
from pipeline.paths import Paths

COLUMNS = ["source", "window", "metric", "events", "exposure", "unit"]


def iteration_source(iteration: int | str) -> str:
    """The name of the sample taken after so many steps, as results call it."""
    return f"iteration:{iteration}"


def streams_of(sample: bytes, symbols: int) -> list[bytes]:
    """The streams of a sample of `symbols` bytes: all of one length, joined by newlines."""
    count = len(sample) - symbols + 1
    if count < 1 or symbols % count:
        return [sample]
    length = symbols // count
    return [sample[at : at + length] for at in range(0, len(sample), length + 1)]


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


def read_evolution(config: DictConfig, run: str) -> dict[str, bytes]:
    """The samples of a run by source, in order of iteration; InputError if none were taken."""
    path = Paths.of(config).run_results(run) / "evolution.json"
    try:
        samples = {int(step): str(text) for step, text in read_json(path).items()}
    except ValueError as error:
        raise InputError(f"{path} is damaged: delete it and train again (dvc repro)") from error
    if not samples:
        raise InputError(
            f"{path} has no samples: give experiments.{run}.train.sample_iterations and "
            "sample_symbols, and train again"
        )
    return {
        iteration_source(iteration): text.encode("utf-8", "surrogateescape")
        for iteration, text in sorted(samples.items())
    }


def measure_evolution(config: DictConfig, run: str) -> None:
    """The samples of one run, and held-out text."""
    experiment = params.experiment(config, run)
    paths = Paths.of(config)
    text = PreparedText.open(paths.text / experiment.corpus)
    symbols = experiment.train.sample_symbols
    samples = {
        source: streams_of(sample, symbols)
        for source, sample in read_evolution(config, run).items()
    }
    pieces = len(next(iter(samples.values())))
    samples[HELD_OUT] = held_out(text, symbols, pieces)
    kind = params.select(config, "corpora", experiment.corpus).kind
    with measurer(kind, text, params.measure(config)) as parse:
        rows = evolution_rows(samples, parse)
    write_table(paths.run_results(run) / "evolution.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.evolution", description=__doc__)
    parser.add_argument("run", help="an experiment that took samples while training")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    measure_evolution(params.load(params.params_file(arguments)), arguments.run)


if __name__ == "__main__":
    console.run(main)
