"""The samples that the post prints, read by the parsers that read ours.

They are few and chosen by their author: a row beside ours, never an estimate. conf/post.yaml says
where each begins and ends in the post's own source, and of which corpus it is.

Writes results/post/<corpus>.tsv, a row a sample and metric, columns as in structure.tsv without
`document`.
"""

import argparse
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from analysis.measure import memorization
from analysis.measure.sample_reader import structure_row
from analysis.structure.kinds import measurer
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json
from pipeline.lm.io.tables import write_table
from pipeline.lm.ngram.suffix_index import SuffixIndex
from pipeline.lm.text import PreparedText

COLUMNS = ["source", "window", "metric", "events", "exposure", "unit"]
SOURCE = "the post"
POST = "post-itself"
"""The corpus that is the post's own source."""


@dataclass
class Printed:
    """conf/post.yaml says what each value means."""

    samples: list[list[str]]
    shown: list[str]


def printed(post: bytes, begins: str, ends: str) -> bytes:
    """What a text has from the first place of one phrase to the end of the next of another, as
    whole lines; InputError if it has not both."""
    start = post.find(begins.encode())
    stop = post.find(ends.encode(), start + len(begins.encode())) if start >= 0 else -1
    if stop < 0:
        raise InputError(f"the post has no sample from {begins!r} to {ends!r}: see conf/post.yaml")
    return post[start : stop + len(ends.encode())] + b"\n"


def source_text(paths: Paths) -> bytes:
    """The post's own source, as it was obtained."""
    folder = paths.raw / POST
    return (folder / read_json(folder / "source.json")["file"]).read_bytes()


def measure_post(config: DictConfig, corpus: str) -> None:
    """The printed samples of one corpus."""
    wanted = params.view(Printed, config.post[corpus], f"post.{corpus}")
    paths, settings = Paths.of(config), params.measure(config)
    text = PreparedText.open(paths.text / corpus)
    post = source_text(paths)
    samples = [printed(post, *phrases) for phrases in wanted.samples]
    index = SuffixIndex.build(text.part("train"), text.vocabulary.size)
    kind = params.select(config, "corpora", corpus).kind
    rows: list[dict[str, Any]] = []
    with measurer(kind, text, settings) as parse:
        for number, sample in enumerate(samples):
            ids = text.vocabulary.encode(sample)
            (copied,) = memorization.measure(ids, index, settings.copy_lengths, [0, len(ids)])
            rows += [structure_row(SOURCE, number, m) for m in [*copied, *parse(sample)]]
    write_table(paths.results / "post" / f"{corpus}.tsv", rows, COLUMNS)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.measure.post_samples", description=__doc__
    )
    parser.add_argument("corpus", help="a corpus of conf/post.yaml")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    config = params.load(params.params_file(arguments))
    params.select(config, "post", arguments.corpus)
    measure_post(config, arguments.corpus)


if __name__ == "__main__":
    console.run(main)
