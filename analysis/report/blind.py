"""“Which is real?”: passages of real text, network and n-gram, shuffled; the page keeps score.

The answers are computed: a passage's source is that of the sample it was cut from.
"""

import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from analysis.results.reader import NotRunError, Results
from analysis.structure.events import JUDGED
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


def sources(results: Results) -> tuple[str, str, str]:
    """Whose passages are shown: real text, the network, the n-gram."""
    blind = settings(results)
    return HELD_OUT, temperature_source(blind.temperature), ngram_source(blind.ngram_order)


def settings(results: Results) -> Blind:
    """conf/report.yaml's."""
    return params.view(Blind, results.config.report.blind, "report.blind")


def puzzles(results: Results) -> list[dict[str, Any]]:
    """For each corpus with passages of all three sources: its title, the passages, equally long and
    shuffled, by number with text, source, answer and truth (real or made), and how a machine judge
    does."""
    blind, shown = settings(results), sources(results)
    found = []
    for run in results.config.baselines:
        try:
            passages = results.run(run).excerpts()["passages"]
        except NotRunError:
            continue
        texts = [(text, source) for source in shown for text in passages.get(source, [])]
        length = min((len(text) for text, _ in texts), default=0)
        if {source for _, source in texts} == set(shown) and length >= blind.least:
            pieces = [
                {"text": text[:length], "source": source, "answer": label(source),
                 "truth": "real" if source == HELD_OUT else "made"}
                for text, source in texts
            ]  # fmt: skip
            random.Random(f"{blind.seed} {run}").shuffle(pieces)
            found.append({
                "title": results.config.corpora[run].title,
                "excerpts": list(enumerate(pieces, 1)),
                "judge": judge(results, run),
            })  # fmt: skip
    return found


def judge(results: Results, run: str) -> list[dict[str, Any]]:
    """How well a classifier tells the network and the n-gram from real text, as far as measured."""
    found = []
    for source in sources(results)[1:]:
        with suppress(NotRunError):
            found.append({"label": label(source), "told": results.run(run).rate(JUDGED, source)})
    return found
