"""Sample from a model: text to stdout as it comes, or (--write) the samples of the DAG.

A file or a pipe gets the bytes as they are; a terminal is shown control characters, not sent them.
"""

import argparse
import codecs
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from tqdm import tqdm

from pipeline import console, models
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.config.rules import BEAM, COUNT, SEED, STREAMS
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_bytes
from pipeline.lm.samples import first_prompt, sampled_texts, write_samples
from pipeline.lm.sampling import Decoding, beam_search, sample, sample_lines
from pipeline.lm.sources import MODELS, NETWORK, sample_file, temperature_source
from pipeline.lm.text import PreparedText
from pipeline.lm.vocabulary import Vocabulary
from pipeline.models import OpenModel
from pipeline.terminal import visible

RULES = {"length": COUNT, "streams": STREAMS, "lines": COUNT, "beam": BEAM, "seed": SEED}


def write_run_samples(config: DictConfig, run: str) -> None:
    """Every sample the configuration asks of one run, greedy (temperature 0) included."""
    experiment = params.experiment(config, run)
    paths = Paths.of(config)
    plan = experiment.sample
    greedy = replace(plan, symbols=plan.greedy_symbols * plan.streams)
    model = models.open_model(config, run, NETWORK).model
    text = PreparedText.open(paths.text / experiment.corpus)
    folder = paths.run_samples(run)
    jobs = [(0.0, greedy), *((t, plan) for t in plan.temperatures)]
    for temperature, what in tqdm(jobs, desc=f"sample {run}", unit="sample"):
        texts = sampled_texts(model, text, what, Decoding(temperature))
        write_samples(folder / sample_file(temperature_source(temperature)), texts)


class Printer:
    """Symbols to stdout as they come: the bytes themselves into a file or a pipe; on a terminal
    characters, those of several bytes when whole, and what is none of them visible."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def show(self, symbols: NDArray, end: bool = False) -> None:
        """Print ids (T,), and after the last of a text a newline."""
        text = self.vocabulary.decode(symbols)
        newline = "\n" if end else ""
        if sys.stdout.isatty():
            print(visible(self.decoder.decode(text, final=end)), end=newline, flush=True)
        else:
            sys.stdout.buffer.write(text + newline.encode())
            sys.stdout.flush()


def given_prompt(arguments: argparse.Namespace) -> bytes:
    """The bytes to go on from; none: from the start of a line."""
    if arguments.prompt_file is None:
        return (arguments.prompt or "").encode("utf-8", "surrogateescape")
    return read_bytes(arguments.prompt_file)


def print_streams(opened: OpenModel, arguments: argparse.Namespace, decoding: Decoding) -> None:
    """The first stream as it comes, the others when all are done."""
    given = opened.vocabulary.encode_prompt(given_prompt(arguments))
    prompt = given if len(given) else first_prompt(opened.vocabulary)
    rows = sample(
        opened.model, prompt, arguments.streams, arguments.length, decoding, arguments.seed
    )
    taken: list[NDArray] = []
    for stream in range(arguments.streams):
        if arguments.streams > 1:
            print(f"--- {stream + 1}", flush=True)
        printer = Printer(opened.vocabulary)
        printer.show(given)
        if stream:
            printer.show(np.array([row[stream] for row in taken]))
        for row in rows:  # which the first stream uses up
            if arguments.streams > 1:
                taken.append(row)
            printer.show(row[:1])
        printer.show(prompt[:0], end=True)


def print_lines(opened: OpenModel, arguments: argparse.Namespace, decoding: Decoding) -> None:
    """Independent lines, each begun after a line's end."""
    given = opened.vocabulary.encode_prompt(given_prompt(arguments))
    (end,) = newline = opened.vocabulary.encode(b"\n")
    if end >= opened.vocabulary.size:
        raise InputError("the training text has no lines: sample streams (--streams)")
    prompt = np.concatenate((newline, given))
    cut = 0
    for line in sample_lines(
        opened.model, prompt, arguments.lines, arguments.length, decoding, arguments.seed, end
    ):
        cut += len(line) == arguments.length
        Printer(opened.vocabulary).show(np.concatenate((given, line)), end=True)
    if cut:
        print(f"{cut} lines did not end within --length {arguments.length}", file=sys.stderr)


def print_likeliest(opened: OpenModel, arguments: argparse.Namespace, decoding: Decoding) -> None:
    """The continuation that beam search finds; how probable it is, on stderr."""
    if not decoding.exact:
        raise InputError("--beam leaves nothing to chance: drop --temperature, --top-k, --top-p")
    given = opened.vocabulary.encode_prompt(given_prompt(arguments))
    prompt = given if len(given) else first_prompt(opened.vocabulary)
    found, nats = beam_search(opened.model, prompt, arguments.beam, arguments.length)
    Printer(opened.vocabulary).show(np.concatenate((given, found)), end=True)
    bits = -nats / math.log(2) / len(found)
    print(f"log-probability {nats:.3f} nats, {bits:.3f} bits per symbol", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.sample", description=__doc__)
    parser.add_argument("run", help="an experiment, or the folder of a training made by hand")
    parser.add_argument("--model", default=NETWORK, help=MODELS)
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy")
    parser.add_argument("--top-k", type=int, help="only the K likeliest symbols")
    parser.add_argument("--top-p", type=float, help="only the likeliest that together reach P")
    prompts = parser.add_mutually_exclusive_group()
    prompts.add_argument("--prompt", help="text to continue")
    prompts.add_argument(
        "--prompt-file", type=Path, help="a file to continue, of any bytes (-: input)"
    )
    shapes = parser.add_mutually_exclusive_group()
    shapes.add_argument("--streams", type=int, default=1, help="independent samples")
    shapes.add_argument("--lines", type=int, help="so many independent lines instead")
    shapes.add_argument("--beam", type=int, help="the likeliest text by a search of this width")
    parser.add_argument(
        "--length", type=int, default=500, help="symbols of each, at most (default 500)"
    )
    parser.add_argument("--seed", type=int, default=1)
    params.add_scale_options(parser, default=None)
    parser.add_argument("--write", action="store_true", help="write the samples of the DAG instead")
    return parser


def check(arguments: argparse.Namespace) -> None:
    """InputError for numbers out of range, and for what --write would not heed."""
    for option, rule in RULES.items():
        value = getattr(arguments, option)
        if value is not None and not rule.holds(value):
            raise InputError(f"--{option} is {value}: use {rule.words}")
    if arguments.write:
        defaults = vars(parser().parse_args([arguments.run]))
        for option in sorted(defaults.keys() - {"run", "write", "scale", "params"}):
            if getattr(arguments, option) != defaults[option]:
                name = option.replace("_", "-")
                raise InputError(f"--write samples as conf/sample says: drop --{name}")


def main() -> None:
    """Entry point."""
    arguments = parser().parse_args()
    check(arguments)
    config = models.config_of(arguments)
    if arguments.write:
        write_run_samples(config, arguments.run)
        return
    decoding = Decoding(arguments.temperature, arguments.top_k, arguments.top_p)
    opened = models.open_model(config, arguments.run, arguments.model)
    if arguments.lines:
        print_lines(opened, arguments, decoding)
    elif arguments.beam:
        print_likeliest(opened, arguments, decoding)
    else:
        print_streams(opened, arguments, decoding)


if __name__ == "__main__":
    console.run(main)
