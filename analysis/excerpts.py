"""Samples and held-out text -> results/<run>/excerpts.json: the passages that the report quotes.

Samples are large, and those of n-grams are pieces of the training text: results keep this alone.

    beginnings  source -> the beginning of its first sample, of held-out text too; none is chosen
    loop        what the first greedy sample repeats, or nothing
    puzzle      “Which is real?”: passages of held-out text, the network and an n-gram, in an order
                that tells nothing: text, source
"""

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from analysis.measure import held_out
from analysis.results import HELD_OUT, Results
from pipeline import console, models, params
from pipeline.lm.corpus import PreparedText
from pipeline.lm.files import write_json
from pipeline.lm.samples import read_samples
from pipeline.models import temperature_source
from pipeline.paths import Paths
from pipeline.rules import COUNT, POSITIVE_FINITE, SEED, check


@dataclass
class Settings:
    """conf/report/default.yaml says what each value means."""

    beginning: int
    loop: int
    passages: int
    passage: int
    temperature: float
    ngram_order: int
    seed: int

    def __post_init__(self) -> None:
        counts = ("beginning", "loop", "passages", "passage", "ngram_order")
        check(self, "excerpts", COUNT, *counts)
        check(self, "excerpts", POSITIVE_FINITE, "temperature")
        check(self, "excerpts", SEED, "seed")


def sampled(config: DictConfig, run: str) -> dict[str, list[bytes]]:
    """All samples of a run and of its corpus's n-grams, and held-out text, by source."""
    paths, experiment = Paths.of(config), params.experiment(config, run)
    plan, corpus = experiment.sample, experiment.corpus
    network = [temperature_source(t) for t in (0.0, *plan.temperatures)]
    ngrams = [f"ngram:{order}" for order in params.baseline(config, corpus).ngram_orders]
    folders = dict.fromkeys(network, paths.run_samples(run))
    folders |= dict.fromkeys(ngrams, paths.baseline_samples(corpus))
    text = PreparedText.open(paths.text / corpus)
    return {HELD_OUT: held_out(text, plan.symbols, plan.streams)} | {
        source: read_samples(folder / models.sample_file(source))
        for source, folder in folders.items()
    }


def puzzle(
    streams: dict[str, list[bytes]], settings: Settings, shuffle: random.Random
) -> list[dict[str, str]]:
    """Beginnings of streams evenly spread over those of each source, the first left out; nothing if
    a source is not there. Sources are computed: that of a passage is where it was cut from."""
    network = temperature_source(settings.temperature)
    sources = (HELD_OUT, network, f"ngram:{settings.ngram_order}")
    if not set(sources) <= set(streams):
        return []
    found = []
    for source in sources:
        step = max(1, len(streams[source]) // (settings.passages + 1))
        chosen = streams[source][step::step][: settings.passages]
        found += [{"text": shown(s[: settings.passage]), "source": source} for s in chosen]
    shuffle.shuffle(found)
    return found


def looped(results: Results, run: str, greedy: bytes) -> bytes:
    """What a greedy sample, the first, repeats."""
    table = results.own_table(run, "loops")
    row = table[table["source"] == temperature_source(0)].iloc[0]
    return greedy[row["start"] :][: row["period"]]


def shown(text: bytes) -> str:
    """A passage as characters."""
    return text.decode("utf-8", "replace")


def write_excerpts(config: DictConfig, run: str) -> Path:
    """Write excerpts.json of a run; returns its path."""
    settings = params.view(Settings, config.report.excerpts, "report.excerpts")
    results = Results.of(config)
    streams = sampled(config, run)
    loop = looped(results, run, streams[temperature_source(0)][0])
    path = results.paths.run_results(run) / "excerpts.json"
    about = {
        "beginnings": {s: shown(texts[0][: settings.beginning]) for s, texts in streams.items()},
        "loop": shown(loop[: settings.loop]) + "…" * (len(loop) > settings.loop),
        "puzzle": puzzle(streams, settings, random.Random(f"{settings.seed} {run}")),
    }
    write_json(path, about)
    return path


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.excerpts", description=__doc__)
    parser.add_argument("run", help="an experiment")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    print(write_excerpts(params.load(params.params_file(arguments)), arguments.run))


if __name__ == "__main__":
    console.run(main)
