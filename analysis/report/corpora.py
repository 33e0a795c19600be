"""What the index shows of each corpus: how network and counts compare, a card, a panel."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from analysis.report.pages import network_words
from analysis.report.plots import overview
from analysis.report.plots.closing import by_distance, closings_by_class, shown
from analysis.report.plots.figures import Picture
from analysis.report.words import heading
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from analysis.statistics import Interval
from pipeline.lm.sources import KENLM, NETWORK, label, members, number

SAMPLE_LINES = 3
LINE = 76
"""Characters of a line of a card's sample, at most."""
BRACKETS = (")", "]", "}")


def kenlm_bits(run: RunResults) -> dict[int, Interval]:
    """Test bits per symbol of the KenLM models of a run's corpus, by symbols of context; empty
    where none was scored."""
    scored = members(run.scored(), KENLM)
    return {int(number(source)) - 1: run.bits(source) for source in scored}


def network_bits(run: RunResults) -> Interval | None:
    """Test bits per symbol of its network; None where it was not scored."""
    return run.bits(NETWORK) if NETWORK in run.scored() else None


def card(results: Results, corpus: str, models: Sequence[str]) -> dict[str, Any]:
    """A corpus in short: name, title, manifest and samples of `models` as far as they are there;
    of its network what it is and bits beside those of counts, or what it `waits` for."""
    run = results.run(corpus)
    found: dict[str, Any] = {
        "name": corpus,
        "title": results.config.corpora[corpus].title,
        "waits": "",
        "samples": samples(results, corpus, models),
    }
    try:
        found["manifest"] = manifest = results.manifest(corpus)
        training = run.training()
        counts = run.best_kenlm()
        return found | {
            "variant": manifest["source"]["variant"],
            "symbols": manifest["parts"]["train"]["symbols"],
            "network": network_words(training),
            "parameters": training["parameters"],
            "seconds": training["seconds"],
            "bits": run.bits(NETWORK),
            "kenlm": run.bits(counts),
            "kenlm_name": label(counts),
            "lead": run.bits_difference(NETWORK, counts),
        }
    except NotRunError as reason:
        return found | {"waits": str(reason)}


def samples(results: Results, corpus: str, models: Sequence[str]) -> list[dict[str, str]]:
    """Three lines by each of some models, the first whole ones of its first sample."""
    beginnings: dict[str, str] = {}
    with suppress(NotRunError):
        beginnings |= results.baseline_excerpts(corpus)["beginnings"]
    with suppress(NotRunError):
        beginnings |= results.run(corpus).excerpts()["beginnings"]
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
        run = results.run(corpus)
        if kenlm := kenlm_bits(run):
            found[heading(run)] = (kenlm, network_bits(run))
    # Those with a network first.
    found = dict(sorted(found.items(), key=lambda item: item[1][1] is None))
    return overview.bits(found) if found else None


def closing_picture(results: Results) -> Picture | None:
    """Closing brackets by distance, a panel a corpus and kind; None if no network was measured."""
    found = {}
    for run in map(results.run, results.config.baselines):
        with suppress(NotRunError):
            for closer in closings_by_class(run):
                table = by_distance(run, closer, "probability")
                if closer in BRACKETS and len(table):
                    found[f"{shown(closer)}  {heading(run)}"] = table
    return overview.closing(found) if found else None


def context_table(results: Results) -> dict[str, Any]:
    """The titles of the corpora whose n-grams were scored, and a row an order of KenLM, the network
    last: its symbols of context, None for the network, and a cell a corpus, None where there is
    nothing."""
    every = [(run, kenlm_bits(run)) for run in map(results.run, results.config.baselines)]
    counted = [(run, found) for run, found in every if found]
    rows = [
        {"context": at, "cells": [found.get(at) for _, found in counted]}
        for at in sorted(set().union(*(found for _, found in counted)))
    ]
    networks = [network_bits(run) for run, _ in counted]
    return {
        "titles": [heading(run) for run, _ in counted],
        "rows": [*rows, {"context": None, "cells": networks}],
    }
