"""Streams that are measured beside those of `sample`: held-out text, samples taken in training."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from pipeline.config.paths import Paths
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_json
from pipeline.lm.sources import iteration_source
from pipeline.lm.text import PreparedText


def line_starts(ids: NDArray, newline: int, at: Sequence[int]) -> list[int]:
    """For each place of a text (T,), that of the first line that starts there or after it.

    `newline` is the symbol that ends a line. T where no line starts after a place.
    """
    starts = np.flatnonzero(np.asarray(ids) == newline) + 1
    found = np.searchsorted(starts, at)
    return [int(starts[i]) if i < len(starts) else len(ids) for i in found]


class HeldOut(NamedTuple):
    """A stream of real text, and the place in the test part that it was cut from."""

    text: bytes
    start: int


def held_out(text: PreparedText, symbols: int, streams: int) -> list[HeldOut]:
    """The floor: real text in streams as long as those of a sample of `symbols` in `streams`, as
    many of them as the test part has; one that is shorter if it is.

    Evenly spread over the test part, each from the start of a line on, as samples go on from the
    end of one. Whatever depends on the length of a stream is so the same on both sides.
    """
    part, length = text.part("test"), max(1, symbols // streams)
    newline = int(text.vocabulary.encode(b"\n")[0])
    count = max(1, min(streams, len(part) // length))
    found: list[HeldOut] = []
    start = 0
    for number in range(count):
        if number:
            place = max(start + length, number * len(part) // count)
            (start,) = line_starts(part, newline, [place])
            if start + length > len(part):
                break
        found.append(HeldOut(text.vocabulary.decode(part[start : start + length]), start))
    return found


def streams_of(sample: bytes, symbols: int) -> list[bytes]:
    """The streams of a sample of `symbols` bytes: all of one length, joined by newlines."""
    count = len(sample) - symbols + 1
    if count < 1 or symbols % count:
        return [sample]
    length = symbols // count
    return [sample[at : at + length] for at in range(0, len(sample), length + 1)]


def read_evolution(config: DictConfig, run: str) -> dict[str, bytes]:
    """The samples of a run by source, in order of iteration; InputError if none were taken."""
    path = Paths.of(config).run_results(run) / "evolution.json"
    try:
        samples = {int(step): str(text) for step, text in read_json(path).items()}
    except ValueError as error:
        raise InputError(f"{path} is damaged: delete it and train again (dvc repro)") from error
    if not samples:
        raise InputError(
            f"{path} has no samples: give experiments.{run}.train.sample_iterations and "
            "sample_symbols, and train again"
        )
    return {
        iteration_source(iteration): text.encode("utf-8", "surrogateescape")
        for iteration, text in sorted(samples.items())
    }
