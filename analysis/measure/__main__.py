"""Measure the models of one run, or the n-grams and the held-out text of one corpus.

Writes four tables. Three have one row an observation, so that whoever reads them can bootstrap.

scores.tsv, cross-entropy by window of the test part:
    source          network, ngram:10 (symbols of context), kenlm:11 (KenLM's order)
    window          number of the window; the same windows for every model of a corpus
    symbols, nats   possible symbols, and minus the natural log-probability summed over them
    impossible      symbols of probability zero; unseen: symbols outside the vocabulary

closing.tsv, teacher-forced closings, a row a window, class of closers and distance:
    closer          as `analysis.structure.delimiters.fates.group` names it
    distance        lower edge of the bucket, in bytes since the opening
    n, probability, likeliest, typed    closings, and sums over them: see analysis.measure.closing

structure.tsv, what parsers and the index of the training text find, a row a window and metric:
    source          held-out, temperature:1, ngram:10, kenlm:11
    window          number of the window, counted through all streams of the source
    metric, unit    named in the modules of analysis.structure and in analysis.measure.memorization
    events, exposure    the figure of a source is sum(events) / sum(exposure), in `unit`

incidence.tsv, how delimiters end in samples: see analysis.measure.incidence.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from tqdm import tqdm

from analysis.measure import incidence
from analysis.measure.closing import (
    ClosingRow,
    closing_rows,
    measured_spans,
    position_figures,
    true_closings,
)
from analysis.measure.incidence import incidence_rows
from analysis.measure.sample_reader import SampleReader, structure_row
from analysis.measure.streams import held_out
from analysis.structure.kinds import COMPILED, floors, measurer
from analysis.structure.sandbox import network_is_cut
from pipeline import console, models
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Measure as Settings
from pipeline.lm.io.tables import write_table
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.samples import read_samples
from pipeline.lm.scoring import WindowScore, fitting_window, score
from pipeline.lm.sources import (
    HELD_OUT,
    NETWORK,
    kenlm_source,
    ngram_source,
    sample_file,
    temperature_source,
)
from pipeline.lm.text import PreparedText

SCORE_COLUMNS = ["source", "window", *WindowScore.__dataclass_fields__]
CLOSING_COLUMNS = ["source", *ClosingRow.__dataclass_fields__]
STRUCTURE_COLUMNS = ["source", "window", "metric", "events", "exposure", "unit"]


def score_rows(
    source: str, model: LanguageModel, text: PreparedText, s: Settings
) -> list[dict[str, Any]]:
    """Cross-entropy of the test part under one model, a row a window."""
    part = text.part("test")
    scores = score(model, part, fitting_window(len(part), s.window, s.least_windows), s.context)
    return [
        {"source": source, "window": window, **asdict(result)}
        for window, (_, result) in enumerate(scores)
    ]


def closing_table(
    source: str, model: LanguageModel, text: PreparedText, kind: str, s: Settings
) -> list[dict[str, Any]]:
    """How one model sees the true closings of the test part."""
    part = text.part("test")
    spans = measured_spans(
        part, s.closing_symbols, fitting_window(len(part), s.window, s.least_windows), s.context
    )
    found = true_closings(part, text.vocabulary, kind, s.closing_symbols)
    if not found:
        return []
    figures = position_figures(model, part, spans, text.vocabulary)
    rows = closing_rows(figures, found, spans, s.distances)
    return [{"source": source, **asdict(row)} for row in rows]


def measure_models(
    opened: dict[str, LanguageModel],
    closers: set[str],
    samples: dict[str, list[bytes]],
    text: PreparedText,
    kind: str,
    settings: Settings,
    folder: Path,
) -> None:
    """Score every model, ask those of `closers` for closings, read every sample; write tables."""
    scores: list[dict[str, Any]] = []
    closing: list[dict[str, Any]] = []
    structure: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    steps = len(opened) + len(closers) + len(samples)
    if kind in COMPILED and not network_is_cut():
        print("note: this system lets no process give up its network; compilers keep it")
    # The parsers first: a program that they lack should be missed before hours of scoring.
    with (
        measurer(kind, text, settings) as parsers,
        tqdm(total=steps, desc=f"measure {folder.name}", unit="model") as bar,
    ):
        for source, model in opened.items():
            scores += score_rows(source, model, text, settings)
            bar.update()
            if source in closers:
                closing += closing_table(source, model, text, kind, settings)
                bar.update()
        reader = SampleReader(text, parsers, settings)
        for source, streams in samples.items():
            structure += reader.rows(source, streams)
            ends += incidence_rows(source, streams, kind, settings)
            bar.update()
        if HELD_OUT in samples:
            structure += [structure_row(HELD_OUT, 0, floor) for floor in floors(kind, text)]
    write_table(folder / "scores.tsv", scores, SCORE_COLUMNS)
    write_table(folder / "closing.tsv", closing, CLOSING_COLUMNS)
    write_table(folder / "structure.tsv", structure, STRUCTURE_COLUMNS)
    write_table(folder / "incidence.tsv", ends, incidence.COLUMNS)


def measure_network(config: DictConfig, run: str) -> None:
    """One run's network and its samples."""
    experiment = params.experiment(config, run)
    paths = Paths.of(config)
    network = models.open_model(config, run, NETWORK).model
    sources = [temperature_source(t) for t in (0.0, *experiment.sample.temperatures)]
    folder = paths.run_samples(run)
    samples = {s: read_samples(folder / sample_file(s)) for s in sources}
    measure_models(
        {NETWORK: network},
        {NETWORK},
        samples,
        PreparedText.open(paths.text / experiment.corpus),
        params.select(config, "corpora", experiment.corpus).kind,
        params.measure(config, experiment.corpus),
        paths.run_results(run),
    )


def measure_baseline(config: DictConfig, corpus: str) -> None:
    """One corpus's n-grams, their samples, and its held-out text."""
    settings = params.baseline(config, corpus)
    paths = Paths.of(config)
    index, text = models.open_index(paths, corpus)
    folder = paths.baseline_samples(corpus)
    opened: dict[str, LanguageModel] = {
        ngram_source(order): index.ngram(order) for order in settings.ngram_orders
    }
    unsmoothed = set(opened)
    for order in settings.kenlm_orders:
        opened[kenlm_source(order)] = models.open_kenlm(paths, corpus, order).model
    largest = kenlm_source(max(settings.kenlm_orders))
    sampled = [*sorted(unsmoothed, key=list(opened).index), largest]
    samples = {s: read_samples(folder / sample_file(s)) for s in sampled}
    samples[HELD_OUT] = held_out(text, settings.symbols, settings.streams)
    measure_models(
        opened,
        {*unsmoothed, largest},
        samples,
        text,
        params.select(config, "corpora", corpus).kind,
        params.measure(config, corpus),
        paths.baseline_results(corpus),
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.measure", description=__doc__)
    parser.add_argument("what", choices=["network", "baseline"])
    parser.add_argument("name", help="a run, or a corpus")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    config = params.load(params.params_file(arguments))
    {"network": measure_network, "baseline": measure_baseline}[arguments.what](
        config, arguments.name
    )


if __name__ == "__main__":
    console.run(main)
