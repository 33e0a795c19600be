"""Figures of models on held-out text: size, cross-entropy, closing brackets."""

import math

import numpy as np

from analysis.claims.evidence.figure import Figure
from analysis.results.reader import NotRunError, Results
from pipeline.lm.rnn.architecture import parameter_count
from pipeline.lm.sources import kenlm_source

MILLION = 1e6
WEIGHT_BYTES = 4


def parameters(results: Results, run: str, cell: str, layers: int, hidden: int) -> Figure:
    """Trained numbers, in millions, of an architecture over the vocabulary of a run's corpus."""
    size = results.training(run)["vocabulary"]
    return Figure.exact(parameter_count(size, cell, layers, hidden) / MILLION)


def step_seconds(results: Results, run: str) -> Figure:
    """Seconds a training step of a run took, the mean over all."""
    training = results.training(run)
    return Figure.exact(training["seconds"] / training["steps"])


def nats(results: Results, run: str, source: str) -> Figure:
    """Test cross-entropy of a model in nats per symbol."""
    return Figure(*(value * math.log(2) for value in results.bits(run, source)[:3]))


def bits_difference(results: Results, run: str, source: str, other: str) -> Figure:
    """Test bits per symbol of one model less those of another, paired by window."""
    return Figure.of(results.bits_difference(run, source, other))


def size_ratio(results: Results, run: str, kenlm: int) -> Figure:
    """Bytes of a network's weights in single precision over those of a KenLM model of its text."""
    corpus = results.corpus_of(run)
    sizes = {row["model"]: row["bytes"] for row in results.baseline(corpus)["models"]}
    if (name := kenlm_source(kenlm)) not in sizes:
        raise NotRunError(f"baseline of {corpus} has no {name}")
    return Figure.exact(results.training(run)["parameters"] * WEIGHT_BYTES / sizes[name])


def closing_lead(
    results: Results, run: str, closers: list[str], beyond: int, source: str, others: list[str]
) -> Figure:
    """How much likelier one model finds true closers, far from their opening, than the best of some
    others."""
    leads = [results.closing_difference(run, closers, beyond, source, o) for o in others]
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
    opening, less that lead within `near`; windows resampled for both."""
    settings = results.settings
    table = results.table(run, "closing")
    table = table[table["closer"].isin(closers) & table["source"].isin([source, other])]
    leads = []
    for low, high in (near, far):
        rows = table[(table["distance"] >= low) & (table["distance"] < high)]
        sums = rows.groupby(["window", "source"])[["probability", "n"]].sum().unstack()
        if sums.empty or not {source, other} <= set(rows["source"]):
            raise NotRunError(f"{run}: no closings of {source} and {other} {low} to {high} back")
        lead = sums["probability"][source] - sums["probability"][other]
        leads.append((lead, sums["n"][source]))
    windows = leads[0][0].index.union(leads[1][0].index)
    sides = [[column.reindex(windows).fillna(0).to_numpy() for column in side] for side in leads]
    random = np.random.default_rng(settings.seed)
    drawn = random.integers(len(windows), size=(settings.resamples, len(windows)))

    def growth(chosen: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = [lead[chosen].sum(-1) / counts[chosen].sum(-1) for lead, counts in sides]
        return rates[1] - rates[0]

    resampled = growth(drawn)
    whole = growth(np.arange(len(windows)))
    known = resampled[np.isfinite(resampled)]
    return Figure.from_resampled(float(whole), known, settings.level)


FIGURES = (
    parameters,
    step_seconds,
    nats,
    bits_difference,
    size_ratio,
    closing_lead,
    closing_growth,
)
