"""Measure the network of one run, or n-grams of one corpus: `ngram`, the unsmoothed ones and the
held-out text, or `kenlm`.

Writes four tables, and of KenLM sizes.tsv. Three have one row an observation, so that whoever reads
them can bootstrap.

scores.tsv, cross-entropy by window:
    source          network, ngram:10 (symbols of context), kenlm:11 (KenLM's order)
    part            test; also val, of Kneser-Ney, whose order it chooses, and train, of networks
    window          number of the window; the same windows for every model of a corpus
    document        number of the document, where documents are what is resampled (see
                    analysis.measure.units); empty where windows are
    symbols, nats   possible symbols, and minus the natural log-probability summed over them
    impossible      symbols of probability zero; unseen: symbols outside the vocabulary

closing.tsv, teacher-forced closings, a row a window, class of closers and distance:
    closer          as `analysis.structure.delimiters.fates.group` names it
    distance        lower edge of the bucket, in bytes since the opening
    n, probability, likeliest, typed    closings, and sums over them: see analysis.measure.closing

structure.tsv, what parsers, the index of the training text and the judge find, a row a metric and
what is resampled as one, so that it stays small:
    source          held-out, temperature:1, ngram:10, kenlm:11
    window          number of the sample, or of some next to each other; of held-out text that
                    of the document or window
    document        that number again where it is of a document
    metric, unit    named in the modules of analysis.structure and in analysis.measure.memorization
    events, exposure    the figure of a source is sum(events) / sum(exposure), in `unit`

sizes.tsv, the n-grams that each KenLM model stores, and its bytes.

incidence.tsv, how delimiters end in samples: see analysis.measure.incidence.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from omegaconf import DictConfig
from tqdm import tqdm

from analysis.measure import incidence
from analysis.measure.closing import (
    ClosingRow,
    closing_rows,
    position_figures,
    true_closings,
)
from analysis.measure.incidence import incidence_rows
from analysis.measure.judge import Judge
from analysis.measure.sample_reader import SampleReader, structure_row
from analysis.measure.streams import HeldOut, held_out
from analysis.measure.units import pieces
from analysis.structure.kinds import COMPILED, floors, measurer
from analysis.structure.sandbox import network_is_cut
from pipeline import console, models
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Baseline
from pipeline.config.settings import Measure as Settings
from pipeline.lm.io.tables import write_table
from pipeline.lm.ngram.kenlm import ngram_counts
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.samples import read_samples
from pipeline.lm.scoring import (
    Window,
    WindowScore,
    fitting_window,
    summed,
    symbol_log_probs,
    windows,
)
from pipeline.lm.sources import (
    HELD_OUT,
    KENLM,
    NETWORK,
    NGRAM,
    kenlm_source,
    ngram_source,
    sample_file,
    temperature_source,
)
from pipeline.lm.text import PreparedText

SCORE_COLUMNS = ["source", "part", "window", "document", *WindowScore.__dataclass_fields__]
CLOSING_COLUMNS = ["source", "document", *ClosingRow.__dataclass_fields__]
STRUCTURE_COLUMNS = ["source", "window", "document", "metric", "events", "exposure", "unit"]
SIZE_COLUMNS = ["model", "ngrams", "bytes"]


def score_rows(
    source: str, model: LanguageModel, text: PreparedText, part: str, s: Settings
) -> list[dict[str, Any]]:
    """Cross-entropy of one part under one model, a row a window and document."""
    ids = text.part(part)
    ids = ids if part == "test" else ids[: s.besides_symbols]
    spans = spans_of(ids, len(ids), s)
    found = symbol_log_probs(model, ids, spans)
    return [
        {"source": source, "part": part, "window": piece.window, "document": piece.document,
         **asdict(summed(found[piece.start : piece.stop]))}
        for piece in pieces(spans, text.documents(part), s.least_documents)
    ]  # fmt: skip


def spans_of(ids: NDArray, limit: int, s: Settings) -> list[Window]:
    """The windows of the first `limit` symbols of a part that are scored."""
    window = fitting_window(len(ids), s.window, s.least_windows)
    return windows(min(limit, len(ids)), window, s.context)


def closing_table(
    source: str, model: LanguageModel, text: PreparedText, kind: str, s: Settings
) -> list[dict[str, Any]]:
    """How one model sees the true closings of the test part."""
    part = text.part("test")
    spans = spans_of(part, s.closing_symbols, s)
    found = true_closings(part, text.vocabulary, kind, s.closing_symbols)
    if not found:
        return []
    figures = position_figures(model, part, spans, text.vocabulary)
    units = pieces(spans, text.documents("test"), s.least_documents)
    rows = closing_rows(figures, found, [unit.start for unit in units], s.distances)
    return [
        {"source": source, **asdict(row), "document": units[row.window].document} for row in rows
    ]


def measure_models(
    opened: dict[str, LanguageModel],
    besides: dict[str, str],
    closers: set[str],
    samples: dict[str, list[bytes]],
    real: list[HeldOut],
    text: PreparedText,
    kind: str,
    settings: Settings,
    folder: Path,
) -> None:
    """Score every model, ask those of `closers` for closings, read every sample; write tables.

    `besides`: the part besides the test part that a model is scored on.
    """
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
            for part in filter(None, ("test", besides.get(source))):
                scores += score_rows(source, model, text, part, settings)
            bar.update()
            if source in closers:
                closing += closing_table(source, model, text, kind, settings)
                bar.update()
        reader = SampleReader(text, parsers, Judge.of(text, settings, parsers.non_words), settings)
        for source, streams in samples.items():
            structure += reader.rows(source, streams)
            ends += incidence_rows(source, streams, kind, settings)
            bar.update()
        if real:
            structure += reader.held_out_rows(HELD_OUT, real)
            structure += [structure_row(HELD_OUT, 0, floor) for floor in floors(kind, text)]
            ends += incidence_rows(HELD_OUT, [stream.text for stream in real], kind, settings)
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
        {NETWORK: "train"},
        {NETWORK},
        samples,
        [],
        PreparedText.open(paths.text / experiment.corpus),
        params.select(config, "corpora", experiment.corpus).kind,
        params.measure(config, experiment.corpus),
        paths.run_results(run),
    )


def measure_ngram(config: DictConfig, corpus: str) -> None:
    """One corpus's unsmoothed n-grams, their samples, and its held-out text."""
    settings = params.baseline(config, corpus)
    paths = Paths.of(config)
    index, text = models.open_index(paths, corpus)
    folder = paths.baseline_samples(corpus, NGRAM)
    opened: dict[str, LanguageModel] = {
        ngram_source(order): index.ngram(order) for order in settings.ngram_orders
    }
    measure_models(
        opened,
        {},
        set(opened),
        {source: read_samples(folder / sample_file(source)) for source in opened},
        held_out(text, settings.symbols, settings.streams),
        text,
        params.select(config, "corpora", corpus).kind,
        params.measure(config, corpus),
        paths.baseline_results(corpus, NGRAM),
    )


def measure_kenlm(config: DictConfig, corpus: str) -> None:
    """One corpus's KenLM models, and the samples of the largest."""
    settings = params.baseline(config, corpus)
    paths = Paths.of(config)
    opened = {
        kenlm_source(order): models.open_kenlm(paths, corpus, order).model
        for order in settings.kenlm_orders
    }
    largest = kenlm_source(max(settings.kenlm_orders))
    samples = paths.baseline_samples(corpus, KENLM) / sample_file(largest)
    folder = paths.baseline_results(corpus, KENLM)
    measure_models(
        opened,
        dict.fromkeys(opened, "val"),
        {largest},
        {largest: read_samples(samples)},
        [],
        PreparedText.open(paths.text / corpus),
        params.select(config, "corpora", corpus).kind,
        params.measure(config, corpus),
        folder,
    )
    write_table(folder / "sizes.tsv", sizes(paths, corpus, settings), SIZE_COLUMNS)


def sizes(paths: Paths, corpus: str, settings: Baseline) -> list[dict[str, Any]]:
    """A row a KenLM model: the n-grams of all orders that it stores, its bytes."""
    folder = paths.baseline_models(corpus, KENLM)
    files = {kenlm_source(n): folder / models.kenlm_file(n) for n in settings.kenlm_orders}
    return [
        {"model": name, "ngrams": sum(ngram_counts(path)), "bytes": path.stat().st_size}
        for name, path in files.items()
    ]


MEASURES = {NETWORK: measure_network, NGRAM: measure_ngram, KENLM: measure_kenlm}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.measure", description=__doc__)
    parser.add_argument("what", choices=list(MEASURES))
    parser.add_argument("name", help="a run, or a corpus")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    config = params.load(params.params_file(arguments))
    MEASURES[arguments.what](config, arguments.name)


if __name__ == "__main__":
    console.run(main)
