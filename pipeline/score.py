"""Score any text by a model: nats and bits per symbol, bits per byte, perplexity; a line a file."""

import argparse
import json
import math
from pathlib import Path

from pipeline import console, models
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import read_bytes
from pipeline.lm.scoring import score
from pipeline.lm.sources import MODELS, NETWORK
from pipeline.terminal import say


def summary(opened: models.OpenModel, text: bytes, window: int, context: int) -> dict[str, float]:
    """Cross-entropy of a text; infinite if a symbol was impossible."""
    ids = opened.vocabulary.encode(text)
    scores = [result for _, result in score(opened.model, ids, window, context)]
    symbols = sum(s.symbols + s.impossible for s in scores)
    impossible = sum(s.impossible for s in scores)
    if not symbols:
        raise InputError("nothing to score: give a text of 2 symbols or more that the model knows")
    nats = math.inf if impossible else sum(s.nats for s in scores) / symbols
    known = ids[1:][ids[1:] < opened.vocabulary.size]
    per_symbol = opened.vocabulary.lengths()[known].mean()
    return {
        "symbols": symbols,
        "nats_per_symbol": nats,
        "bits_per_symbol": nats / math.log(2),
        "bits_per_byte": nats / math.log(2) / per_symbol,
        "perplexity": math.exp(nats) if math.isfinite(nats) else math.inf,
        "impossible": impossible,
        "unseen": sum(s.unseen for s in scores),
    }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.score", description=__doc__)
    parser.add_argument("run", help="an experiment, or the folder of a training made by hand")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="- is standard input")
    parser.add_argument("--model", default=NETWORK, help=MODELS)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    params.add_scale_options(parser, default=None)
    arguments = parser.parse_args()
    config = models.config_of(arguments)
    settings = params.measure(config)
    opened = models.open_model(config, arguments.run, arguments.model)
    for path in arguments.files:
        text = read_bytes(path)
        try:
            figures = summary(opened, text, settings.window, settings.context)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        if arguments.json:
            finite = {k: v if math.isfinite(v) else None for k, v in figures.items()}
            print(json.dumps({"file": str(path), "model": arguments.model, **finite}))
        else:
            say(
                f"{path}: {figures['symbols']} symbols, {figures['nats_per_symbol']:.4f} nats and "
                f"{figures['bits_per_symbol']:.4f} bits per symbol, {figures['bits_per_byte']:.4f} "
                f"per byte, perplexity {figures['perplexity']:.3f} ({figures['impossible']} "
                f"impossible, {figures['unseen']} outside the vocabulary)"
            )


if __name__ == "__main__":
    console.run(main)
