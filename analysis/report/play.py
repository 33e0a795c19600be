"""The page on which a trained network runs in the reader's browser.

It carries the network as the sampler has it, integers with a scale a row, and of a text that may be
passed on as much as fits, in which its n-grams count. All of it deflated, in base64. Text is data
there, never markup. Cells and text may be missing: the page does without.

Shapes: V symbols, R rows of a matrix, D columns.
"""

import argparse
import math
import zlib
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2.utils import htmlsafe_json_dumps
from numpy.typing import NDArray
from omegaconf import DictConfig

from analysis.report.pages import network_words, write
from analysis.results.reader import NotRunError, Results
from analysis.results.run import RunResults
from pipeline import console, models
from pipeline.config import params
from pipeline.config.rules import COUNT, POSITIVE_FINITE, SHARE, between, check
from pipeline.lm.io.files import read_json
from pipeline.lm.rnn.checkpoint import CARD
from pipeline.lm.rnn.language_model import RecurrentLM
from pipeline.lm.rnn.sampler import RowProduct, SamplingLM
from pipeline.lm.samples import first_prompt
from pipeline.lm.scoring import score
from pipeline.lm.sources import TRAINED
from pipeline.lm.text import MANIFEST, PreparedText
from pipeline.lm.vocabulary import Vocabulary

HOTTEST = 1.5
"""The highest temperature that a reader can choose."""


@dataclass
class Play:
    """conf/report says what each value means."""

    symbols: int
    likeliest: int
    orders: list[int]
    order: int
    temperature: float
    surprise: float
    most: int
    bytes: int
    texts: dict[str, str]
    least: float
    beginnings: dict[str, str]

    def __post_init__(self) -> None:
        check(self, "play", COUNT, "symbols", "likeliest", "orders", "order", "most", "bytes")
        check(self, "play", between(0, HOTTEST), "temperature")
        check(self, "play", POSITIVE_FINITE, "surprise")
        check(self, "play", SHARE, "least")


def packed(model: SamplingLM) -> tuple[list[dict[str, int]], bytes]:
    """The weights: for each layer a matrix and its table, the decoder, its bias.

    Returns rows, columns and bits of each matrix, and all of them one after the other: the scales
    of its rows (float32), then their integers.
    """
    matrices = []
    for product, table in model.layers:
        matrices += [_integers(product), _integers(_finely(table))]
    matrices += [_integers(model.decoder), _integers(_finely(model.bias[None]))]
    shapes = [
        {"rows": len(values), "columns": values.shape[1], "bits": 8 * values.itemsize}
        for _, values in matrices
    ]
    return shapes, b"".join(scales.tobytes() + values.tobytes() for scales, values in matrices)


def _integers(product: Any) -> tuple[NDArray[np.float32], NDArray]:
    """Scales (R,) and integers (R, D) of a product by rows; R is a multiple of four."""
    return product.scales.reshape(-1), product.fours.reshape(-1, product.fours.shape[-1])


def _finely(table: NDArray[np.float32]) -> RowProduct:
    """Rows that are added, not multiplied: two bytes a number lose nothing that one could see."""
    return RowProduct(torch.from_numpy(table), torch.int16)


def in_base64(content: bytes) -> str:
    """Deflated bytes in base64, which no markup can be part of."""
    return b64encode(content).decode("ascii")


def as_much_as_fits(text: NDArray, room: int) -> tuple[int, bytes]:
    """About the longest beginning of a text (T,) that deflates to `room` bytes: its length, and the
    bytes."""
    length, content = len(text), zlib.compress(text.tobytes(), 9)
    while length and len(content) > room:
        length = int(0.99 * length * room / len(content)) if room > 0 else 0
        content = zlib.compress(text[:length].tobytes(), 9)
    return length, content


def named_cells(run: RunResults) -> list[dict[str, Any]]:
    """The best cell of each feature, the closest first, counted from 1; none if not searched."""
    try:
        found = run.cells()
    except NotRunError:
        return []
    cells = [
        {
            "feature": row["feature"],
            "layer": row["layer"],
            "unit": row["cell"],
            "score": min(abs(row["fit"]), abs(row["report"])) * (row["fit"] * row["report"] > 0),
        }
        for row in found["best"]
        if row["network"] == TRAINED
    ]
    least = found["settings"]["interpretable"]
    for cell in cells:
        cell["close"] = cell["score"] >= least
    return sorted(cells, key=lambda cell: -cell["score"])


def bits_of(model: Any, text: NDArray) -> float:
    """Bits per symbol of a text (T,), read from its beginning."""
    ((_, found),) = score(model, text, len(text), 0)
    return found.nats / max(1, found.symbols) / math.log(2)


def rounding(exact: RecurrentLM, rounded: SamplingLM, text: NDArray) -> dict[str, float] | None:
    """What the page's weights cost on held-out text (T,), in bits per symbol; None without any."""
    if len(text) < 2:
        return None
    return {
        "symbols": len(text) - 1,
        "exact": bits_of(exact, text),
        "rounded": bits_of(rounded, text),
    }


def symbol_bytes(vocabulary: Vocabulary) -> list[str]:
    """What each of the V symbols is, a character for each of its bytes."""
    ids = np.arange(vocabulary.size)
    return [vocabulary.decode(ids[i : i + 1]).decode("latin-1") for i in ids]


def script_data(vocabulary: Vocabulary, training: dict[str, Any], settings: Play) -> dict[str, Any]:
    """What the page's script knows of the network besides its weights."""
    model = training["experiment"]["model"]
    return {
        "unit": vocabulary.unit,
        "symbols": symbol_bytes(vocabulary),
        "start": first_prompt(vocabulary).tolist(),
        "kind": model["cell"],
        "layers": model["layers"],
        "hidden": model["hidden"],
        "likeliest": settings.likeliest,
        "surprise": settings.surprise,
        "most": settings.most,
    }


def write_play(config: DictConfig, run: str) -> Path:
    """The page of one run; returns its path."""
    settings = params.view(Play, config.report.play, "report.play")
    results = Results.of(config)
    corpus = params.experiment(config, run).corpus
    folder = models.trained_folder(config, run)
    opened, card = models.open_network(folder), read_json(folder / CARD)
    rounded = SamplingLM(opened.model.network, 1)  # type: ignore[attr-defined]
    prepared = results.paths.text / corpus
    text = PreparedText.open(prepared) if (prepared / MANIFEST).exists() else None
    shapes, weights = packed(rounded)
    copy = min(results.settings.copy_lengths)
    data = script_data(opened.vocabulary, card, settings) | {"matrices": shapes, "copy": copy}
    held_out = np.asarray(text.part("test")[: settings.symbols + 1]) if text else np.empty(0)
    content = {
        "scale": config.scale,
        "title": card["experiment"]["title"],
        "run": run,
        "corpus": corpus,
        "licence": config.corpora[corpus].get("licence", ""),
        "notice": settings.texts.get(corpus, ""),
        "network": network_words(card),
        "card": card,
        "settings": settings,
        "hottest": HOTTEST,
        "copy": copy,
        "beginning": settings.beginnings.get(corpus, ""),
        "cells": named_cells(results.run(run)),
        "least": config.cells.interpretable,
        "shown": "tanh(c)" if card["experiment"]["model"]["cell"] == "lstm" else "h",
        "rounding": rounding(opened.model, rounded, held_out),  # type: ignore[arg-type]
        "weights": in_base64(zlib.compress(weights, 9)),
        "weight_bytes": len(weights),
        "data": htmlsafe_json_dumps(data, separators=(",", ":")),
    }
    content |= training_text(text, settings, corpus, len(content["weights"]))
    path = results.paths.reports / "pages" / f"{run}-play.html"
    write(path, "play.html", content)
    return path


def training_text(
    text: PreparedText | None, settings: Play, corpus: str, taken: int
) -> dict[str, Any]:
    """Of the training text what the page may carry beside `taken` bytes: `text` in base64, `read`
    of `all` its symbols; without any, `text` is empty."""
    nothing = {"text": "", "read": 0, "all": 0}
    if text is None or corpus not in settings.texts:
        return nothing
    part = np.asarray(text.part("train"))
    read, content = as_much_as_fits(part, (settings.bytes - taken - SHELL) * 3 // 4)
    if read < settings.least * len(part):
        return nothing
    return {"text": in_base64(content), "read": read, "all": len(part)}


SHELL = 100_000
"""Bytes of a page besides weights and text, at most."""


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.report.play", description=__doc__)
    parser.add_argument("run", help="an experiment of the params file")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    print(write_play(params.load(params.params_file(arguments)), arguments.run))


if __name__ == "__main__":
    console.run(main)
