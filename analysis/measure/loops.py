"""Whether samples end in a loop, and how long its period is, by temperature (claim P4).

A sample ends in a loop if its last bytes repeat with some period: the shortest one seen
`repeats` times or more, over `span` bytes or more. N-gram samples and held-out text, the floor,
are read by the same code.

Writes results/<run>/loops.tsv, a row a stream: period 0 where there is no loop, `start` the byte
from which on it repeats.
"""

import argparse
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from analysis.measure.streams import held_out
from analysis.structure.prose import find_loop
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT, MOST, between, check
from pipeline.lm.io.tables import write_table
from pipeline.lm.samples import read_samples
from pipeline.lm.sources import HELD_OUT, NGRAM, ngram_source, sample_file, temperature_source
from pipeline.lm.text import PreparedText

COLUMNS = ["source", "stream", "symbols", "start", "period"]


@dataclass
class Settings:
    """conf/inside.yaml says what each value means."""

    repeats: int
    span: int

    def __post_init__(self) -> None:
        check(self, "loops", between(2, MOST), "repeats")
        check(self, "loops", COUNT, "span")


def loop_rows(source: str, streams: list[bytes], settings: Settings) -> list[dict[str, Any]]:
    """A row a stream."""
    rows = []
    for number, stream in enumerate(streams):
        loop = find_loop(stream, settings.repeats, settings.span)
        start, period = (loop.start, loop.period) if loop else (len(stream), 0)
        rows.append({"source": source, "stream": number, "symbols": len(stream), "start": start,
                     "period": period})  # fmt: skip
    return rows


def measure_loops(config: DictConfig, run: str) -> None:
    """The samples of one run, of its corpus's n-grams, and its held-out text."""
    settings = params.view(Settings, config.inside.loops, "inside.loops")
    experiment = params.experiment(config, run)
    plan, paths = experiment.sample, Paths.of(config)
    own, ngrams = paths.run_samples(run), paths.baseline_samples(experiment.corpus, NGRAM)
    folders = {temperature_source(t): own for t in (0.0, *sorted(plan.temperatures))}
    orders = params.baseline(config, experiment.corpus).ngram_orders
    folders |= {ngram_source(order): ngrams for order in orders}
    samples = {
        source: read_samples(folder / sample_file(source)) for source, folder in folders.items()
    }
    text = PreparedText.open(paths.text / experiment.corpus)
    samples[HELD_OUT] = [real.text for real in held_out(text, plan.symbols, plan.streams)]
    rows = [row for name, streams in samples.items() for row in loop_rows(name, streams, settings)]
    write_table(paths.run_results(run) / "loops.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.measure.loops", description=__doc__)
    parser.add_argument("run", help="an experiment")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    measure_loops(params.load(params.params_file(arguments)), arguments.run)


if __name__ == "__main__":
    console.run(main)
