"""Figures of models on held-out text: size, cross-entropy, closing brackets."""

import math

import numpy as np
from numpy.typing import NDArray

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from analysis.statistics import bootstrap, rate_difference
from pipeline.lm.rnn.architecture import parameter_count

MILLION = 1e6
BEST = "best"


def parameters(results: Results, run: str, cell: str, layers: int, hidden: int) -> Figure:
    """Trained numbers, in millions, of an architecture over the vocabulary of a run's corpus."""
    size = results.run(run).training()["vocabulary"]
    return Figure.exact(parameter_count(size, cell, layers, hidden) / MILLION)


def step_seconds(results: Results, run: str) -> Figure:
    """Seconds a training step of a run took, the mean over all."""
    training = results.run(run).training()
    return Figure.exact(training["seconds"] / training["steps"])


def nats(results: Results, run: str, source: str) -> Figure:
    """Test cross-entropy of a model in nats per symbol."""
    return Figure.through(lambda bits: bits * math.log(2), results.run(run).bits(source))


def bits_difference(results: Results, run: str, source: str, other: str) -> Figure:
    """Test bits per symbol of one model less those of another, paired; `other` may be the `best`
    Kneser-Ney, chosen on the validation part."""
    mine = results.run(run)
    other = named(mine, other)
    return Figure.of(mine.bits_difference(source, other), other)


def named(run: RunResults, source: str) -> str:
    """A source by its name: `best` is the best Kneser-Ney of the validation part."""
    return run.best_kenlm() if source == BEST else source


def memorisation_gap(results: Results, run: str, source: str) -> Figure:
    """Test bits per symbol of a model less those of as much of its training text."""
    sides = [results.run(run).scores(source, part) for part in ("test", "train")]
    ratios = [(side["nats"] / math.log(2), side["symbols"]) for side in sides]
    return Figure.of(rate_difference(*ratios, **results.settings.bootstrap()))


def size_ratio(results: Results, run: str, source: str) -> Figure:
    """Parameters of a network over the n-grams that a KenLM model of its text stores."""
    mine = results.run(run)
    source = named(mine, source)
    stored = mine.ngrams(source)
    return Figure.exact(mine.training()["parameters"] / stored, f"{source}: {stored:,}")


def closing_lead(
    results: Results, run: str, closers: list[str], beyond: int, source: str, others: list[str]
) -> Figure:
    """How much likelier one model finds true closers, far from their opening, than the best of some
    others."""
    mine = results.run(run)
    leads = [mine.closing_difference(closers, beyond, source, other) for other in others]
    return Figure.of(min(leads, key=lambda lead: lead.estimate))


def closing_growth(
    results: Results,
    run: str,
    closers: list[str],
    near: list[int],
    far: list[int],
    source: str,
    other: str,
) -> Figure:
    """One model's lead over another at closers within `far` (from, below) symbols of their
    opening, less that lead within `near`; documents or windows resampled for both."""
    mine = results.run(run)
    table = mine.table("closing")
    table = table[table["closer"].isin(closers) & table["source"].isin([source, other])]
    unit, leads = mine.unit(table), []  # one for near and far
    for low, high in (near, far):
        rows = table[(table["distance"] >= low) & (table["distance"] < high)]
        if not {source, other} <= set(rows["source"]):
            raise NotRunError(f"{run}: no closings of {source} and {other} {low} to {high} back")
        own, rival = (
            rows[rows["source"] == name].groupby(unit)[["probability", "n"]].sum()
            for name in (source, other)
        )
        leads.append((own["probability"] - rival["probability"], own["n"]))
    windows = leads[0][0].index.union(leads[1][0].index)
    sides = [[column.reindex(windows).fillna(0).to_numpy() for column in side] for side in leads]

    def growth(chosen: NDArray) -> NDArray:
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = [lead[chosen].sum(-1) / counts[chosen].sum(-1) for lead, counts in sides]
        return rates[1] - rates[0]

    return Figure.of(bootstrap(growth, len(windows), **results.settings.bootstrap()))


FIGURES = (
    parameters,
    step_seconds,
    nats,
    bits_difference,
    memorisation_gap,
    size_ratio,
    closing_lead,
    closing_growth,
)
