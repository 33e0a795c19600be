"""Samples and held-out text -> excerpts.json: the passages that the report quotes.

Samples are large, and those of n-grams are pieces of the training text: but for evolution.json
results keep this alone, of a network in results/<run>/, of unsmoothed n-grams and held-out text in
results/baselines/<corpus>/ngram/.

    beginnings  source -> the beginning of its first sample; none is chosen
    passages    source -> beginnings of others of its samples, evenly spread over all
    loop        of a network: what its first greedy sample repeats, or nothing
    following   of a text: context -> byte -> how often it comes next, in all three parts
"""

import argparse
import codecs
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from analysis.measure.streams import held_out
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import COUNT, check
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import write_json
from pipeline.lm.samples import read_samples
from pipeline.lm.sources import (
    HELD_OUT,
    NETWORK,
    NGRAM,
    ngram_source,
    sample_file,
    temperature_source,
)
from pipeline.lm.text import PARTS, PreparedText


@dataclass
class Settings:
    """conf/report.yaml says what each value means."""

    beginning: int
    loop: int
    passages: int
    passage: int
    contexts: list[str]

    def __post_init__(self) -> None:
        check(self, "excerpts", COUNT, "beginning", "loop", "passages", "passage")


def quoted(streams: dict[str, list[bytes]], settings: Settings) -> dict[str, Any]:
    """`beginnings` and `passages` of the samples of some sources."""
    step = {s: max(1, len(texts) // (settings.passages + 1)) for s, texts in streams.items()}
    chosen = {s: texts[step[s] :: step[s]][: settings.passages] for s, texts in streams.items()}
    return {
        "beginnings": {s: shown(texts[0][: settings.beginning]) for s, texts in streams.items()},
        "passages": {
            s: [shown(t[: settings.passage]) for t in found] for s, found in chosen.items()
        },
    }


def looped(run: RunResults, greedy: bytes) -> bytes:
    """What a greedy sample, the first, repeats."""
    table = run.own_table("loops")
    row = table[table["source"] == temperature_source(0)].iloc[0]
    return greedy[row["start"] :][: row["period"]]


def following(text: PreparedText, context: bytes) -> Counter[str]:
    """How often each byte comes after others anywhere in a text; those beyond ASCII are one."""
    after = re.compile(b"(?=" + re.escape(context) + b"(.))", re.DOTALL)
    parts = (text.vocabulary.decode(text.part(part)) for part in PARTS)
    symbols = (symbol for part in parts for symbol in after.findall(part))
    return Counter(symbol.decode("utf-8", "replace") for symbol in symbols)


def shown(text: bytes) -> str:
    """A passage as characters, without one that its end cuts."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(text)


def of_network(config: DictConfig, run: str) -> Path:
    """Write excerpts.json of a network; returns its path."""
    settings, results = _settings(config), Results.of(config).run(run)
    temperatures = (0.0, *params.experiment(config, run).sample.temperatures)
    folder = results.paths.run_samples(run)
    streams = {
        source: read_samples(folder / sample_file(source))
        for source in map(temperature_source, temperatures)
    }
    try:
        loop = looped(results, streams[temperature_source(0)][0])
    except NotRunError as reason:
        raise InputError(f"no excerpts of {run} yet, {reason}: run dvc repro") from reason
    more = "…" * (len(loop) > settings.loop)
    path = results.paths.run_results(run) / "excerpts.json"
    write_json(path, quoted(streams, settings) | {"loop": shown(loop[: settings.loop]) + more})
    return path


def of_ngram(config: DictConfig, corpus: str) -> Path:
    """Write excerpts.json of a corpus's n-grams and held-out text; returns its path."""
    plan, paths = params.baseline(config, corpus), Paths.of(config)
    folder = paths.baseline_samples(corpus, NGRAM)
    text = PreparedText.open(paths.text / corpus)
    settings = _settings(config)
    count, length = settings.passages + 1, max(settings.beginning, settings.passage)
    streams = {HELD_OUT: [real.text for real in held_out(text, count * length, count)]}
    for source in (ngram_source(order) for order in plan.ngram_orders):
        streams[source] = read_samples(folder / sample_file(source))
    path = paths.baseline_results(corpus, NGRAM) / "excerpts.json"
    counts = {context: following(text, context.encode()) for context in settings.contexts}
    write_json(path, quoted(streams, settings) | {"following": counts})
    return path


def _settings(config: DictConfig) -> Settings:
    return params.view(Settings, config.report.excerpts, "report.excerpts")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.measure.excerpts", description=__doc__
    )
    parser.add_argument("what", choices=[NETWORK, NGRAM])
    parser.add_argument("name", help="a run, or a corpus")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    config = params.load(params.params_file(arguments))
    print({NETWORK: of_network, NGRAM: of_ngram}[arguments.what](config, arguments.name))


if __name__ == "__main__":
    console.run(main)
