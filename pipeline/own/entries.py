"""The entries of a corpus of one's own in conf/: three files, and lines in the two that list all.

Reasons stand beside values as comments: the files are meant to be read, and edited.
"""

import json
import re
import shutil
from pathlib import Path

from pipeline.config import composition
from pipeline.config.params import ROOT
from pipeline.lm.io.files import atomic_write
from pipeline.own.guesses import Guess
from pipeline.own.plan import OWN, Plan

CONF = ROOT / "conf"
ALL, LAPTOP = CONF / "config.yaml", CONF / "scale" / "laptop.yaml"
GROUPS = {"corpora": "corpus", "experiments": "experiment", "baselines": "baseline"}
"""Sections of the params files, and the folders of conf/ with a file for each of their entries."""
WRITTEN = "# Written by python -m pipeline.add"
EXAMPLE = CONF / "experiment" / "post-itself.yaml"
"""The experiment whose number of numerics is taken over."""

LONG = 2_000_000
"""Symbols from which on a text gets the post's larger network and needs no dropout."""
SHORT = 200_000
LAPTOP_LIMIT = 2_500_000
LAPTOP_READ = 3_500_000
"""Symbols read in all epochs together: some two minutes of two cores."""
LAPTOP_EPOCHS = (3, 40)
LAPTOP_SAMPLED = (20_000, 100_000)
KENLM_ASKED = 30_000_000
"""Questions to KenLM for a sample, one for each symbol and each entry of the vocabulary."""
WORDS_SAMPLED = 5_000


def files_of(plan: Plan) -> dict[Path, str]:
    """The files of conf/ that belong to it alone, and their content."""
    texts = {"corpora": _corpus(plan), "experiments": _experiment(plan),
             "baselines": _baseline(plan)}  # fmt: skip
    return {file_of(section, plan.name): text for section, text in texts.items()}


def _corpus(plan: Plan) -> str:
    names = plan.kind.value == "names"
    reader = "names" if names else "members" if plan.patterns else "file"
    documents = f"  reader: {reader}\n"
    if plan.patterns:
        documents += f"  patterns: {json.dumps(plan.patterns)}\n"
    if plan.without:
        documents += f"  without: {json.dumps(plan.without)}    # no text\n"
    return (
        f"{WRITTEN}; conf/corpus/python.yaml explains every key.\n"
        f"# Found: {plan.found}\n"
        f"title: {json.dumps(plan.title)}\n"
        f"kind: {_explained(plan.kind)}\n"
        f"unit: {'lines' if names else 'stream'}\n"
        f"symbols: {_explained(plan.symbols)}\n"
        f"dictionary: {_explained(plan.dictionary, quoted=True)}\n"
        "licence: not stated\n"
        'note: ""\n'
        "sources:\n"
        "  - variant: own\n"
        f"    from: {json.dumps([f'file:{plan.source}'])}\n"
        f"documents:\n{documents}"
        f"order: {'seeded' if plan.split.value == 'document' else 'given'}\n"
        "seed: 1\n"
        "limit: null\n"
        f"at_most: {max(4_000_000_000, 2 * plan.size)}\n"
        f"split: {{by: {plan.split.value}, train: 0.8, val: 0.1, test: 0.1}}"
        f"    # {plan.split.reason}\n"
    )


def _experiment(plan: Plan) -> str:
    short = plan.length < LONG
    numerics = re.search(r"^numerics:.*$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    sample = "names" if plan.kind.value == "names" else "text"
    own = (
        "model:\n"
        "  dropout: 0.5              # the post's, for its text of 1 MB\n"
        "train:                      # char-rnn's defaults: more steps of a short text\n"
        "  batch: 50\n"
        "  bptt: 50\n"
    )
    few = "sample: {symbols: 20000, streams: 20, prime: 100}   # words, not bytes\n"
    return (
        f"{WRITTEN}.\n"
        "defaults:\n"
        f"  - /model@model: {'lstm_2x512' if short else 'lstm_3x512'}"
        f"    # {plan.length:,} symbols; from {LONG:,} on lstm_3x512\n"
        "  - /train@train: post\n"
        f"  - /sample@sample: {sample}\n"
        "  - _self_\n"
        f"title: {json.dumps(plan.title)}\n"
        f"corpus: {plan.name}\n"
        "seed: 1\n"
        f"{numerics[0] if numerics else 'numerics: 1'}\n"
        f"{own if short else ''}{few if plan.symbols.value == 'words' else ''}"
    )


def _baseline(plan: Plan) -> str:
    words = plan.symbols.value == "words"
    of = "words" if words else "names" if plan.kind.value == "names" else "text"
    return f"{WRITTEN}; conf/baseline/text.yaml explains every key.\ndefaults:\n  - {of}\n"


def lines_of(plan: Plan) -> list[tuple[Path, str, str]]:
    """What is entered in the files that list all: file, beginning of the lines after which it
    is put, and a line."""
    name, model = plan.name, "lstm_2x128" if plan.length < SHORT else "lstm_2x192"
    lines = [
        (ALL, f"  - {group}@{section}.", f"  - {group}@{section}.{name}: {name}")
        for section, group in GROUPS.items()
    ]
    override = "  - override /"
    lines += [
        (LAPTOP, override, f"{override}model@experiments.{name}.model: {model}"),
        (LAPTOP, override, f"{override}train@experiments.{name}.train: laptop"),
    ]
    used = min(plan.length, LAPTOP_LIMIT)
    least, most = LAPTOP_EPOCHS
    epochs = min(max(round(LAPTOP_READ / used), least), most)
    low, high = LAPTOP_SAMPLED
    sampled = min(min(max(used // 10, low), high), KENLM_ASKED // plan.vocabulary) // 1000 * 1000
    orders = [2, 4, 6, 8, 11]
    if plan.symbols.value == "words":
        sampled, orders = WORDS_SAMPLED, [1, 2, 3, 4]
    sample = f"symbols: {sampled}, streams: 20"
    lines += [
        (LAPTOP, "experiments:", f"  {name}: {{model: {{dropout: 0.0}}, train: {{batch: 16, "
         f"epochs: {epochs}}}, sample: {{{sample}, greedy_symbols: 3000}}}}"),
        (LAPTOP, "baselines:", f"  {name}: {{kenlm_orders: {orders}, kenlm_memory: 1G, "
         f"{sample}}}"),
    ]  # fmt: skip
    if plan.size > LAPTOP_LIMIT:
        lines.append((LAPTOP, "corpora:", f"  {name}: {{limit: {LAPTOP_LIMIT}}}"))
    return lines


def _explained(guess: Guess, quoted: bool = False) -> str:
    value = json.dumps(guess.value) if quoted else guess.value
    return f"{value}    # {guess.reason}"


def file_of(section: str, name: str) -> Path:
    """The file of an entry of a section of the params files."""
    return CONF / GROUPS[section] / f"{name}.yaml"


def is_own(name: str) -> bool:
    """Whether `python -m pipeline.add` wrote the corpus of that name."""
    path = file_of("corpora", name)
    return path.exists() and path.read_text(encoding="utf-8").startswith(WRITTEN)


def entered(text: str, lines: list[tuple[str, str]]) -> str:
    """A file that lists all with more lines, each after the last one that begins as it says."""
    rows = text.splitlines()
    for beginning, line in lines:
        last = max(i for i, row in enumerate(rows) if row.startswith(beginning))
        rows.insert(last + 1, line)
    return "\n".join(rows) + "\n"


def without(text: str, name: str) -> str:
    """A file that lists all without the lines that `lines_of` gives for a name."""
    entry = re.escape(name)
    own = re.compile(rf"  - .*@({'|'.join(GROUPS)})\.{entry}[:.].*|  {entry}: \{{.*")
    return "".join(f"{row}\n" for row in text.splitlines() if not own.fullmatch(row))


def write(plan: Plan) -> None:
    """The files of a corpus, its lines in those that list all, and what they compose to."""
    for path, content in files_of(plan).items():
        _write(path, content)
    for path in (ALL, LAPTOP):
        lines = [(after, line) for file, after, line in lines_of(plan) if file == path]
        _write(path, entered(path.read_text(encoding="utf-8"), lines))
    composition.write()


def forget(name: str) -> None:
    """Take a corpus out of conf/, with our copy of its text."""
    for path in (ALL, LAPTOP):
        _write(path, without(path.read_text(encoding="utf-8"), name))
    for section in GROUPS:
        file_of(section, name).unlink(missing_ok=True)
    shutil.rmtree(ROOT / OWN / name, ignore_errors=True)


def _write(path: Path, content: str) -> None:
    with atomic_write(path, "w") as file:
        file.write(content)
