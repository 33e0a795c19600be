"""Sampled texts on disk: one JSON object a line, one line a stream."""

import json
from pathlib import Path

import numpy as np

from pipeline.lm.errors import InputError
from pipeline.lm.files import atomic_write
from pipeline.lm.protocol import LanguageModel
from pipeline.lm.sampling import Decoding, sample
from pipeline.lm.vocabulary import Vocabulary


def sampled_texts(
    model: LanguageModel,
    vocabulary: Vocabulary,
    symbols: int,
    streams: int,
    decoding: Decoding,
    seed: int,
) -> list[bytes]:
    """`symbols` symbols from `streams` independent streams, each begun as after a line's end."""
    length = max(1, symbols // streams)
    rows = sample(model, first_prompt(vocabulary), streams, length, decoding, seed)
    return [vocabulary.decode(stream) for stream in np.stack(list(rows), 1)]


def first_prompt(vocabulary: Vocabulary) -> np.ndarray:
    """What a sample without a prompt begins after: a newline, else the first symbol there is."""
    newline = vocabulary.encode(b"\n")
    return newline if newline[0] < vocabulary.size else np.zeros_like(newline)


def write_samples(path: Path, texts: list[bytes]) -> None:
    """Write streams; bytes that are not UTF-8 survive as surrogate escapes."""
    with atomic_write(path, "w") as file:
        for stream, text in enumerate(texts):
            record = {"stream": stream, "text": text.decode("utf-8", "surrogateescape")}
            file.write(json.dumps(record) + "\n")


def read_samples(path: Path) -> list[bytes]:
    """What `write_samples` wrote; InputError if it is missing or damaged."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        return [json.loads(line)["text"].encode("utf-8", "surrogateescape") for line in lines]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: run the stage that samples (dvc repro)") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: delete it and sample again (dvc repro)") from error
