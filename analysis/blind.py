"""“Which is real?”: excerpts of held-out text, network and n-gram, in an order that tells nothing.

The answers are computed: an excerpt's source is that of the file it was cut from.
"""

import random
from dataclasses import dataclass
from typing import Any

from analysis import figures
from analysis.measure import held_out
from analysis.results import HELD_OUT, Results
from pipeline import models, params
from pipeline.lm.corpus import PreparedText
from pipeline.lm.errors import InputError
from pipeline.lm.samples import read_samples
from pipeline.models import temperature_source
from pipeline.rules import COUNT, POSITIVE_FINITE, SEED, check


@dataclass
class Blind:
    """conf/report/default.yaml says what each value means."""

    excerpts: int
    characters: int
    temperature: float
    ngram_order: int
    seed: int

    def __post_init__(self) -> None:
        check(self, "blind", COUNT, "excerpts", "characters", "ngram_order")
        check(self, "blind", POSITIVE_FINITE, "temperature")
        check(self, "blind", SEED, "seed")


def puzzles(results: Results) -> list[dict[str, Any]]:
    """For each corpus that has samples its excerpts, shuffled: number, text, answer."""
    settings = params.view(Blind, results.config.report.blind, "report.blind")
    shuffle = random.Random(settings.seed)
    found = []
    for run in results.config.baselines:
        try:
            sources = _streams(results, run, settings)
        except InputError:
            continue
        pieces = [
            {"text": piece, "answer": figures.label(source)}
            for source, streams in sources.items()
            for piece in _pieces(streams, settings)
        ]
        shuffle.shuffle(pieces)
        title = results.config.corpora[run].title
        found.append({"name": run, "title": title, "excerpts": list(enumerate(pieces, 1))})
    return found


def _streams(results: Results, run: str, settings: Blind) -> dict[str, list[bytes]]:
    corpus, paths = results.corpus_of(run), results.paths
    text = PreparedText.open(paths.text / corpus)
    network, ngram = temperature_source(settings.temperature), f"ngram:{settings.ngram_order}"
    folders = {network: paths.run_results(run), ngram: paths.baseline_results(corpus)}
    plan = params.experiment(results.config, run).sample
    streams = {
        source: read_samples(folder / "samples" / models.sample_file(source))
        for source, folder in folders.items()
    }
    return {HELD_OUT: held_out(text, plan.symbols, plan.streams), **streams}


def _pieces(streams: list[bytes], settings: Blind) -> list[str]:
    """The beginnings of streams evenly spread over all, the first left to the corpus's page."""
    step = max(1, len(streams) // (settings.excerpts + 1))
    chosen = streams[step::step][: settings.excerpts]
    return [s[: settings.characters].decode("utf-8", "replace") for s in chosen]
