"""Sample from a model: text to stdout as it comes, or (--write) the samples of the DAG."""

import argparse
import codecs
from dataclasses import replace

import numpy as np
from omegaconf import DictConfig
from tqdm import tqdm

from pipeline import console, models, params
from pipeline.lm.corpus import PreparedText
from pipeline.lm.errors import InputError
from pipeline.lm.samples import first_prompt, sampled_texts, write_samples
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.vocabulary import Vocabulary
from pipeline.paths import Paths


def write_run_samples(config: DictConfig, run: str) -> None:
    """Every sample the configuration asks of one run, greedy (temperature 0) included."""
    experiment = params.experiment(config, run)
    paths = Paths.of(config)
    plan = experiment.sample
    greedy = replace(plan, symbols=plan.greedy_symbols, streams=1)
    model = models.open_model(config, run, "network").model
    text = PreparedText.open(paths.text / experiment.corpus)
    folder = paths.run_results(run) / "samples"
    jobs = [(0.0, greedy), *((t, plan) for t in plan.temperatures)]
    for temperature, what in tqdm(jobs, desc=f"sample {run}", unit="sample"):
        texts = sampled_texts(model, text, what, Decoding(temperature))
        write_samples(folder / models.sample_file(models.temperature_source(temperature)), texts)


class Printer:
    """Symbols to text as they come: a character of several bytes is printed when whole."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def text(self, symbols: np.ndarray) -> str:
        """Printable text; control characters other than tab and newline are shown, not sent."""
        whole = self.decoder.decode(self.vocabulary.decode(symbols))
        return "".join(c if c in "\t\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in whole)


def print_sample(opened: models.OpenModel, arguments: argparse.Namespace) -> None:
    """One stream as it comes; several one after the other when they are done."""
    prompt = first_prompt(opened.vocabulary)
    if arguments.prompt:
        prompt = opened.vocabulary.encode_prompt(
            arguments.prompt.encode("utf-8", "surrogateescape")
        )
    decoding = Decoding(arguments.temperature, arguments.top_k, arguments.top_p)
    rows = sample(
        opened.model, prompt, arguments.streams, arguments.length, decoding, arguments.seed
    )
    if arguments.streams == 1:
        printer = Printer(opened.vocabulary)
        if arguments.prompt:
            print(printer.text(prompt), end="", flush=True)
        for row in rows:
            print(printer.text(row), end="", flush=True)
        print()
        return
    for number, stream in enumerate(np.stack(list(rows), 1), 1):
        shown = np.concatenate([prompt, stream]) if arguments.prompt else stream
        print(f"--- {number}\n{Printer(opened.vocabulary).text(shown)}")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.sample", description=__doc__)
    parser.add_argument("run", help="an experiment, or the folder of a training made by hand")
    parser.add_argument("--model", default="lstm", help=models.NAMES)
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy")
    parser.add_argument("--top-k", type=int)
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--prompt", help="text to continue")
    parser.add_argument("--length", type=int, default=500, help="symbols (default 500)")
    parser.add_argument("--streams", type=int, default=1, help="independent samples")
    parser.add_argument("--seed", type=int, default=1)
    params.add_scale_options(parser)
    parser.add_argument("--write", action="store_true", help="write the samples of the DAG instead")
    arguments = parser.parse_args()
    if arguments.length < 1 or arguments.streams < 1:
        raise InputError("--length and --streams must be 1 or more")
    config = params.load(params.params_file(arguments))
    if arguments.write:
        write_run_samples(config, arguments.run)
        return
    print_sample(models.open_model(config, arguments.run, arguments.model), arguments)


if __name__ == "__main__":
    console.run(main)
