"""“Which is real?”: passages of held-out text, network and n-gram, in an order that tells nothing.

The answers are computed: a passage's source is that of the sample it was cut from.
"""

import random
from dataclasses import dataclass
from typing import Any

from analysis.results.reader import NotRunError, Results
from pipeline.config import params
from pipeline.config.rules import COUNT, POSITIVE_FINITE, SEED, check
from pipeline.lm.sources import HELD_OUT, label, ngram_source, temperature_source


@dataclass
class Blind:
    """conf/report.yaml says what each value means."""

    temperature: float
    ngram_order: int
    least: int
    seed: int

    def __post_init__(self) -> None:
        check(self, "blind", COUNT, "ngram_order", "least")
        check(self, "blind", POSITIVE_FINITE, "temperature")
        check(self, "blind", SEED, "seed")


def puzzles(results: Results) -> list[dict[str, Any]]:
    """For each corpus with passages of all three sources these, equally long and shuffled: number,
    text, answer."""
    settings = params.view(Blind, results.config.report.blind, "report.blind")
    sources = (
        HELD_OUT,
        temperature_source(settings.temperature),
        ngram_source(settings.ngram_order),
    )
    found = []
    for run in results.config.baselines:
        try:
            passages = results.excerpts(run)["passages"]
        except NotRunError:
            continue
        texts = [(text, source) for source in sources for text in passages.get(source, [])]
        length = min((len(text) for text, _ in texts), default=0)
        if {source for _, source in texts} == set(sources) and length >= settings.least:
            pieces = [{"text": t[:length], "answer": label(s)} for t, s in texts]
            random.Random(f"{settings.seed} {run}").shuffle(pieces)
            title = results.config.corpora[run].title
            found.append({"title": title, "excerpts": list(enumerate(pieces, 1))})
    return found
