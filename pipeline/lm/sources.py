"""What a source of text is called: in results, as a file, on the command line, for readers.

held-out          real text that no model has learnt
network           a run's network
temperature:0.8   its samples at a temperature; 0 is greedy
iteration:1000    its samples after so many steps of training
ngram:10          unsmoothed counts, by symbols of context
kenlm:11          modified Kneser-Ney, by KenLM's order: one more than its symbols of context
"""

import re
from collections.abc import Iterable

from pipeline.lm.io.errors import InputError

HELD_OUT, NETWORK = "held-out", "network"
NGRAM, KENLM, TEMPERATURE, ITERATION = "ngram", "kenlm", "temperature", "iteration"
TRAINED, UNTRAINED = "trained", "untrained"
"""A network as it is and as training found it, where both are measured."""

ALIASES = {"lstm": NETWORK}
MODELS = (
    f"{NETWORK} (or lstm), {NGRAM}:K (K symbols of context), {KENLM}:N (N - 1 symbols of context)"
)
"""The models that can be asked for, for help and messages."""


def ngram_source(context: int) -> str:
    """Unsmoothed counts with so many symbols of context."""
    return f"{NGRAM}:{context}"


def kenlm_source(order: int) -> str:
    """The KenLM model of an order."""
    return f"{KENLM}:{order}"


def temperature_source(temperature: float) -> str:
    """A network's samples at a temperature."""
    return f"{TEMPERATURE}:{temperature:g}"


def iteration_source(step: int) -> str:
    """A network's samples after so many steps of training."""
    return f"{ITERATION}:{step}"


def family(source: str) -> str:
    """`ngram` of `ngram:10`."""
    return source.partition(":")[0]


def number(source: str) -> float:
    """10 of `ngram:10`."""
    return float(source.partition(":")[2])


def members(sources: Iterable[str], *families: str) -> list[str]:
    """The sources of some families, in their order."""
    return [source for source in sources if family(source) in families]


def of_network(source: str) -> bool:
    """Whether a source is a run's network, or what it wrote."""
    return family(source) in (NETWORK, TEMPERATURE, ITERATION)


def label(source: str) -> str:
    """A source's name for readers."""
    kind = family(source)
    if kind == NGRAM:
        return f"n-gram, context {number(source):.0f}"
    if kind == KENLM:
        return f"Kneser-Ney, context {number(source) - 1:.0f}"
    if kind == TEMPERATURE:
        return f"network, temperature {number(source):g}" if number(source) else "network, greedy"
    if kind == ITERATION:
        return f"network, step {number(source):g}"
    return {HELD_OUT: "held-out text"}.get(source, source)


def sample_file(source: str) -> str:
    """The file of its samples."""
    return f"{source.replace(':', '-')}.jsonl"


def parsed(name: str) -> tuple[str, int]:
    """Family and number of a model asked for, `network` with 0; InputError lists what there is."""
    name = ALIASES.get(name, name)
    if name == NETWORK:
        return NETWORK, 0
    if not re.fullmatch(f"({NGRAM}|{KENLM}):[0-9]+", name):
        raise InputError(f"no model {name!r}: use {MODELS}")
    return family(name), int(name.partition(":")[2])
