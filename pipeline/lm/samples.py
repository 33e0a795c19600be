"""Sampled texts on disk: one JSON object a line, one line a stream."""

import json
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write, read_json
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.text import PreparedText
from pipeline.lm.vocabulary import Vocabulary

EVOLUTION = "evolution.json"
"""Samples taken while training, among a run's results: step -> texts, one a stream."""


class SamplePlan(Protocol):
    """How much is sampled, how: see conf/sample and conf/baseline."""

    symbols: int
    streams: int
    prime: int
    seed: int


def sampled_texts(
    model: LanguageModel, text: PreparedText, plan: SamplePlan, decoding: Decoding
) -> list[bytes]:
    """What a model writes on from held-out text: a text a stream, without its prime."""
    prompts = primes(text, plan.streams, plan.prime)
    length = max(1, plan.symbols // plan.streams)
    rows = sample(model, prompts, plan.streams, length, decoding, plan.seed)
    return [text.vocabulary.decode(stream) for stream in np.stack(list(rows), 1)]


def primes(text: PreparedText, streams: int, length: int) -> NDArray:
    """Pieces of the validation part that end with a line, evenly spread: (P, streams) ids.

    Sampling goes on from them: a start from nothing, which no training text has, would favour
    models that forget it soonest. P is `length`, or what the part has.
    """
    part = np.asarray(text.part("val"))
    if not len(part):
        return first_prompt(text.vocabulary)[:, None].repeat(streams, 1)
    length = min(length, len(part))
    wanted = np.linspace(length, len(part), streams + 1)[:-1].astype(int)
    line_ends = np.flatnonzero(part == text.vocabulary.encode(b"\n")[0]) + 1
    line_ends = line_ends[line_ends >= length]
    if len(line_ends):
        next_end = np.searchsorted(line_ends, wanted)
        wanted = line_ends[np.minimum(next_end, len(line_ends) - 1)]
    return part[wanted[None, :] - length + np.arange(length)[:, None]]


def first_prompt(vocabulary: Vocabulary) -> np.ndarray:
    """What a sample without a prompt begins after: a newline, else the first symbol there is."""
    newline = vocabulary.encode(b"\n")
    return newline if newline[0] < vocabulary.size else np.zeros_like(newline)


def as_words(text: bytes) -> str:
    """As JSON holds it: bytes that are not UTF-8 survive as surrogate escapes."""
    return text.decode("utf-8", "surrogateescape")


def as_bytes(words: str) -> bytes:
    """What `as_words` was given."""
    return words.encode("utf-8", "surrogateescape")


def write_samples(path: Path, texts: list[bytes]) -> None:
    """Write streams.

    Each line says of how many it is one: a file cut between two lines is no whole one either.
    """
    with atomic_write(path, "w") as file:
        for stream, text in enumerate(texts):
            record = {"stream": stream, "of": len(texts), "text": as_words(text)}
            file.write(json.dumps(record) + "\n")


def read_samples(path: Path) -> list[bytes]:
    """What `write_samples` wrote; InputError if it is missing or damaged."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        records = [json.loads(line) for line in lines]
        if len(records) != records[0].get("of", len(records)):
            raise ValueError("some streams are missing")
        return [as_bytes(record["text"]) for record in records]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: run the stage that samples (dvc repro)") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged: delete it and sample again (dvc repro)") from error


def read_evolution(path: Path) -> dict[int, list[bytes]]:
    """The samples taken while training, in order of step; InputError if there are none."""
    try:
        told = read_json(path).items()
        if not all(isinstance(texts, list) and texts for _, texts in told):
            raise ValueError("not a text a stream")
        found = {int(step): list(map(as_bytes, texts)) for step, texts in told}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged: delete it and train again (dvc repro)") from error
    if not found:
        raise InputError(
            f"{path} has no samples: give the experiment train.sample_iterations and "
            "train.sample_symbols, and train again"
        )
    return dict(sorted(found.items()))
