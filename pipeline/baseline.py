"""The n-gram models of one corpus, family by family: the suffix index of those that are unsmoothed,
or KenLM's models; and samples from them.

KenLM takes long on a large text, much memory and much disk: what is unsmoothed never waits for it.
"""

import argparse
import time
from pathlib import Path

from omegaconf import DictConfig
from tqdm import tqdm

from pipeline import console, models
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.settings import Baseline
from pipeline.lm.io.files import sole_writer, write_json
from pipeline.lm.ngram.kenlm import KenLM, train
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.samples import sampled_texts, write_samples
from pipeline.lm.sampling import Decoding
from pipeline.lm.sources import KENLM, NGRAM, kenlm_source, ngram_source, sample_file
from pipeline.lm.text import PreparedText


class Built:
    """What building one model after another took."""

    def __init__(self, bar: tqdm) -> None:
        self.bar, self.rows = bar, list[dict[str, str | float | int]]()
        self.began = time.perf_counter()

    def add(self, name: str, path: Path) -> None:
        """Note the model just written to `path`."""
        now = time.perf_counter()
        seconds = round(now - self.began, 2)
        self.rows.append({"model": name, "seconds": seconds, "bytes": path.stat().st_size})
        self.began = now
        self.bar.update()


def build_ngram(
    text: PreparedText, settings: Baseline, folder: Path, built: Built
) -> dict[str, LanguageModel]:
    """The suffix index over the training part, saved; the n-grams to sample are all it gives."""
    index = SuffixIndex.build(text.part("train"), text.vocabulary.size)
    index.save(folder / models.INDEX)
    built.add("index", folder / models.INDEX)
    return {ngram_source(order): index.ngram(order) for order in settings.ngram_orders}


def build_kenlm(
    text: PreparedText, settings: Baseline, folder: Path, built: Built
) -> dict[str, LanguageModel]:
    """A KenLM model of the training part for each order; the one to sample is the largest."""
    orders = sorted(settings.kenlm_orders)
    for order in orders:
        path = folder / models.kenlm_file(order)
        train(
            text.part("train"),
            text.vocabulary.size,
            order,
            path,
            memory=settings.kenlm_memory,
            prune=list(settings.prune),
            quantise=order >= settings.quantise_from,
        )
        built.add(kenlm_source(order), path)
    return {kenlm_source(order): KenLM(path, text.vocabulary.size)}


BUILDERS = {NGRAM: build_ngram, KENLM: build_kenlm}


def build(config: DictConfig, family: str, corpus: str) -> None:
    """Build all models of a family, then sample from some."""
    settings = params.baseline(config, corpus)
    paths = Paths.of(config)
    text = PreparedText.open(paths.text / corpus)
    folder, samples = (
        place(corpus, family) for place in (paths.baseline_models, paths.baseline_samples)
    )
    # An index and samples of each order, or a model of each order and samples of one.
    steps = 1 + len({NGRAM: settings.ngram_orders, KENLM: settings.kenlm_orders}[family])
    with sole_writer(folder), tqdm(total=steps, desc=f"{family} {corpus}", unit="model") as bar:
        built = Built(bar)
        sampled = BUILDERS[family](text, settings, folder, built)
        for name, model in sampled.items():
            texts = sampled_texts(model, text, settings, Decoding())
            write_samples(samples / sample_file(name), texts)
            bar.update()
    about = {
        "corpus": corpus,
        "data_sha256": text.digest("train"),
        "training_symbols": len(text.part("train")),
        "vocabulary": text.vocabulary.size,
        "models": built.rows,
    }
    write_json(paths.baseline_results(corpus, family) / models.BASELINE, about)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.baseline", description=__doc__)
    parser.add_argument("family", choices=list(BUILDERS), help="of the models")
    parser.add_argument("corpus", help="a corpus of the params file")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    build(params.load(params.params_file(arguments)), arguments.family, arguments.corpus)


if __name__ == "__main__":
    console.run(main)
