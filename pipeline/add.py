"""Add a text of your own: look at it, say what it is, and write its entries into conf/.

    python -m pipeline.add letters ~/letters.txt            # or a folder, an archive, a URL, -
    python -m pipeline.add letters ~/letters.txt --train    # and train a small network on it
    python -m pipeline.add --remove letters

What it chooses stands in conf/corpus/NAME.yaml and its like, each value with its reason. A text in
another encoding than UTF-8, or with other line ends than \\n, is copied as UTF-8 with \\n to
data/own/NAME; --as-is keeps its bytes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline import console
from pipeline.config import composition, params
from pipeline.config.paths import Paths
from pipeline.corpora.corpus import CHOICES
from pipeline.lm.io.errors import InputError
from pipeline.own.entries import (
    ALL,
    GROUPS,
    LAPTOP,
    file_of,
    files_of,
    forget,
    is_own,
    lines_of,
    write,
)
from pipeline.own.place import Place, fetched, look
from pipeline.own.plan import Plan, planned, source_of
from pipeline.terminal import say

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
RESERVED = ("baselines", "sweeps", "texts", "inside", "index", "course", "post", "true", "false",
            "yes", "no", "on", "off", "null", "y", "n")  # fmt: skip
"""Folders of results and figures, pages, and what YAML does not take for a name."""
DAG = "scales/laptop/dvc.yaml"


def check_name(name: str) -> None:
    """InputError unless a corpus can have this name."""
    if not NAME.fullmatch(name) or name.lower() in RESERVED or name.endswith(("-cells", "-play")):
        raise InputError(
            f"a corpus cannot be called {name!r}: use a letter, then letters, digits, - and _ "
            f"(50 at most, none of {', '.join(RESERVED)}, and no -cells or -play at the end)"
        )
    if taken := [str(file_of(s, name)) for s in GROUPS if file_of(s, name).exists()]:
        how = f"python -m pipeline.add --remove {name}" if is_own(name) else "take another name"
        raise InputError(f"there is a {name} already ({', '.join(taken)}): {how}")


def add(arguments: argparse.Namespace) -> None:
    """Look at a text, say what is found and chosen, and write its entries."""
    check_name(arguments.name)
    lasts = arguments.place != "-" and not arguments.place.startswith(("http://", "https://"))
    with tempfile.TemporaryDirectory() as scratch:
        place = look(fetched(arguments.place, Path(scratch)))
        source = source_of(place, arguments.name, lasts, arguments.as_is)
        plan = planned(arguments, place, source)
        describe(plan, place, arguments.as_is)
        if arguments.dry_run:
            show(plan)
            return
        try:
            if source != place.path:
                place.copy(params.ROOT / source, arguments.as_is)
            write(plan)
        except BaseException:
            forget(arguments.name)
            raise


def describe(plan: Plan, place: Place, as_is: bool) -> None:
    """Say what was found and what is chosen."""
    say(
        plan.found,
        f"kind {plan.kind.value}: {plan.kind.reason}",
        f"symbols {plan.symbols.value}: {plan.symbols.reason}; {plan.vocabulary:,} distinct",
        f"dictionary {plan.dictionary.value}: {plan.dictionary.reason}",
        f"split by {plan.split.value}: {plan.split.reason}",
    )
    if plan.source != place.path:
        how = "as it is" if as_is or place.is_plain else "as UTF-8 with LF line ends"
        say(f"copied to {plan.source}, {how}" + ("" if as_is else " (--as-is keeps its bytes)"))


def show(plan: Plan) -> None:
    """Print what would be written."""
    for path, content in files_of(plan).items():
        say(f"\n{path}:", content.rstrip())
    for path in (ALL, LAPTOP):
        say(f"\ninto {path}:", *(line for file, _, line in lines_of(plan) if file == path))


def remove(name: str) -> None:
    """Forget a corpus of one's own; say what is left of it."""
    if not is_own(name):
        raise InputError(f"python -m pipeline.add has added no {name!r}: nothing to remove")
    made = made_of(name)
    forget(name)
    composition.write()
    print(f"{name} is no corpus any more")
    if made:
        print(f"what was made of it is left; to delete it: rm -r {' '.join(map(str, made))}")


def made_of(name: str) -> list[Path]:
    """The folders and pages that hold what was made of a corpus, at any scale."""
    found = []
    for file in params.PARAMS_FILES.values():
        paths = Paths.of(params.load(file))
        found += [
            paths.raw / name, paths.text / name, paths.baseline_models(name), paths.run_model(name),
            paths.baseline_samples(name), paths.run_samples(name), paths.baseline_results(name),
            paths.run_results(name), paths.facts(name).parent, paths.cell_view(name),
            paths.reports / "figures" / name,
            paths.reports / "figures" / f"{name}-cells", paths.reports / "pages" / f"{name}.html",
            *(paths.reports / "pages" / f"{name}-{page}.html" for page in ("cells", "play")),
        ]  # fmt: skip
    return [path for path in found if path.exists()]


def train(name: str) -> None:
    """Train the small network of a corpus, by the DAG; ends as DVC does."""
    stage = f"{DAG}:train@{name}"
    command = [sys.executable, "-m", "dvc", "repro", stage]
    if subprocess.run(command, cwd=params.ROOT, check=False).returncode:
        raise InputError(f"the training did not end: mend what DVC names, then dvc repro {stage}")


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.add",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="what to call it")
    parser.add_argument("place", nargs="?", help="a file, folder, archive, URL, or - for input")
    parser.add_argument("--kind", choices=CHOICES["kind"], help="which measures fit")
    parser.add_argument("--symbols", choices=CHOICES["symbols"])
    parser.add_argument("--split", choices=CHOICES["split.by"])
    parser.add_argument("--dictionary", help="english, none, or the path of a list of words")
    parser.add_argument("--title", help="for the report")
    parser.add_argument("--as-is", action="store_true", help="keep encoding and line ends")
    parser.add_argument("--dry-run", action="store_true", help="write nothing: say what would be")
    parser.add_argument("--train", action="store_true", help="then train the small network")
    parser.add_argument("--remove", action="store_true", help="take a corpus out again")
    return parser


def main() -> None:
    """Entry point."""
    options = parser()
    arguments = options.parse_args()
    if arguments.remove:
        remove(arguments.name)
        return
    if not arguments.place:
        options.error("say where the text lies: a file, a folder, an archive, a URL, or -")
    add(arguments)
    if arguments.dry_run:
        return
    name = arguments.name
    if arguments.train:
        train(name)
    else:
        print(f"\ntrain:   dvc repro {DAG}:train@{name}")
    print(f"sample:  python -m pipeline.sample {name}")
    print(f"page:    dvc repro {DAG}:page@{name}")


if __name__ == "__main__":
    console.run(main)
