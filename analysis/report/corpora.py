"""What the index shows of each corpus: how network and counts compare, a card, a panel."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from analysis.report.pages import network_words
from analysis.report.plots import overview
from analysis.report.plots.closing import by_distance, closings_by_class, shown
from analysis.report.plots.figures import Picture
from analysis.results.reader import NotRunError, Results
from analysis.statistics import Interval
from pipeline.lm.sources import KENLM, NETWORK, label, members, number

SAMPLE_LINES = 3
LINE = 76
"""Characters of a line of a card's sample, at most."""
BRACKETS = (")", "]", "}")


def kenlm_bits(results: Results, corpus: str) -> dict[int, Interval]:
    """Test bits per symbol of a corpus's KenLM models, by symbols of context; empty where none was
    scored."""
    scored = members(results.scored(corpus), KENLM)
    return {int(number(source)) - 1: results.bits(corpus, source) for source in scored}


def card(results: Results, corpus: str, models: Sequence[str]) -> dict[str, Any]:
    """A corpus in short: name, title, manifest and samples of `models` as far as they are there;
    of its network what it is and bits beside those of counts, or what it `waits` for."""
    found: dict[str, Any] = {
        "name": corpus,
        "title": results.config.corpora[corpus].title,
        "waits": "",
        "samples": samples(results, corpus, models),
    }
    try:
        found["manifest"] = manifest = results.manifest(corpus)
        training = results.training(corpus)
        counts = results.best_kenlm(corpus)
        return found | {
            "variant": manifest["source"]["variant"],
            "symbols": manifest["parts"]["train"]["symbols"],
            "network": network_words(training),
            "parameters": training["parameters"],
            "seconds": training["seconds"],
            "bits": results.bits(corpus, NETWORK),
            "kenlm": results.bits(corpus, counts),
            "kenlm_name": label(counts),
            "lead": results.bits_difference(corpus, NETWORK, counts),
        }
    except NotRunError as reason:
        return found | {"waits": str(reason)}


def samples(results: Results, corpus: str, models: Sequence[str]) -> list[dict[str, str]]:
    """Three lines by each of some models, the first whole ones of its first sample."""
    beginnings: dict[str, str] = {}
    with suppress(NotRunError):
        beginnings |= results.baseline_excerpts(corpus)["beginnings"]
    with suppress(NotRunError):
        beginnings |= results.excerpts(corpus)["beginnings"]
    return [
        {"label": label(source), "text": first_lines(beginnings[source])}
        for source in models
        if source in beginnings
    ]


def first_lines(text: str) -> str:
    """The first whole lines of a sample, which begins anywhere; empty ones left out."""
    every = [line.strip("\r") for line in text.split("\n")]
    whole, anywhere = ([line for line in some if line.strip()] for some in (every[1:], every))
    lines = whole if len(whole) > SAMPLE_LINES else anywhere
    cut = (f"{line[:LINE].rstrip()} …" if len(line) > LINE else line for line in lines)
    return "\n".join(list(cut)[:SAMPLE_LINES])


def bits_picture(results: Results) -> Picture | None:
    """Bits by symbols of context, a panel a corpus that has counts; None if none has."""
    found: dict[str, overview.Bits] = {}
    for corpus in results.config.baselines:
        if kenlm := kenlm_bits(results, corpus):
            network = NETWORK in results.scored(corpus)
            title = results.config.corpora[corpus].title
            found[title] = (kenlm, results.bits(corpus, NETWORK) if network else None)
    # Those with a network first.
    found = dict(sorted(found.items(), key=lambda item: item[1][1] is None))
    return overview.bits(found) if found else None


def closing_picture(results: Results) -> Picture | None:
    """Closing brackets by distance, a panel a corpus and kind; None if no network was measured."""
    found = {}
    for run in results.config.baselines:
        with suppress(NotRunError):
            for closer in closings_by_class(results, run):
                table = by_distance(results, run, closer, "probability")
                if closer in BRACKETS and len(table):
                    title = results.config.corpora[results.corpus_of(run)].title
                    found[f"{shown(closer)}  {title}"] = table
    return overview.closing(found) if found else None


def context_table(results: Results) -> dict[str, Any]:
    """The titles of the corpora whose n-grams were scored, and a row an order of KenLM, the network
    last: its symbols of context, None for the network, and a cell a corpus, None where there is
    nothing."""
    counted = {corpus: kenlm_bits(results, corpus) for corpus in results.config.baselines}
    counted = {corpus: found for corpus, found in counted.items() if found}
    rows = [
        {"context": at, "cells": [found.get(at) for found in counted.values()]}
        for at in sorted(set().union(*counted.values()))
    ]
    networks = [
        results.bits(corpus, NETWORK) if NETWORK in results.scored(corpus) else None
        for corpus in counted
    ]
    return {
        "titles": [results.config.corpora[corpus].title for corpus in counted],
        "rows": [*rows, {"context": None, "cells": networks}],
    }
