"""The n-gram models of one corpus: suffix index, KenLM models, and samples from both."""

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
from pipeline.lm.sources import kenlm_source, ngram_source, sample_file
from pipeline.lm.text import PreparedText


def build_index(text: PreparedText, path: Path) -> SuffixIndex:
    """The suffix index over the training part, saved."""
    index = SuffixIndex.build(text.part("train"), text.vocabulary.size)
    index.save(path)
    return index


def build_kenlm(text: PreparedText, settings: Baseline, order: int, path: Path) -> None:
    """One KenLM model of the training part."""
    train(
        text.part("train"),
        text.vocabulary.size,
        order,
        path,
        memory=settings.kenlm_memory,
        prune=list(settings.prune),
        quantise=order >= settings.quantise_from,
    )


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


def build(config: DictConfig, corpus: str) -> None:
    """Build every model of the corpus, then sample each n-gram and the largest KenLM model."""
    settings = params.baseline(config, corpus)
    paths = Paths.of(config)
    text = PreparedText.open(paths.text / corpus)
    folder, samples = paths.baseline_models(corpus), paths.baseline_samples(corpus)
    orders = sorted(settings.kenlm_orders)
    steps = 2 + len(orders) + len(settings.ngram_orders)
    with sole_writer(folder), tqdm(total=steps, desc=f"baseline {corpus}", unit="model") as bar:
        built = Built(bar)
        index = build_index(text, folder / models.INDEX)
        built.add("index", folder / models.INDEX)
        for order in orders:
            path = folder / models.kenlm_file(order)
            build_kenlm(text, settings, order, path)
            built.add(kenlm_source(order), path)
        sampled: dict[str, LanguageModel] = {
            ngram_source(order): index.ngram(order) for order in settings.ngram_orders
        }
        largest = orders[-1]
        path = folder / models.kenlm_file(largest)
        sampled[kenlm_source(largest)] = KenLM(path, text.vocabulary.size)
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
    write_json(paths.baseline_results(corpus) / models.BASELINE, about)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.baseline", description=__doc__)
    parser.add_argument("corpus", help="a corpus of the params file")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    build(params.load(params.params_file(arguments)), arguments.corpus)


if __name__ == "__main__":
    console.run(main)
