"""conf/ -> the params files and the laptop scale's copy of dvc.yaml; --check compares instead.

`dvc repro` never composes: conf/ is the source, the params files are its committed, resolved
composition, and the first stage of the DAG fails when they differ. `python -m pipeline.compose
budget=gpu` takes what a GPU can train (conf/budget), and that stays until another is named.
"""

import argparse
from pathlib import Path

from pipeline import console
from pipeline.config import composition
from pipeline.config.params import PARAMS_FILES
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.compose", description=__doc__)
    parser.add_argument("budget", nargs="?", default="", help="budget=NAME, of conf/budget")
    parser.add_argument("--check", action="store_true", help="fail if the files are stale")
    parser.add_argument("--scale", choices=list(PARAMS_FILES), help="check this one alone")
    parser.add_argument("--stamp", type=Path, help="after the check, write this file")
    arguments = parser.parse_args()
    if not arguments.check:
        name, _, budget = arguments.budget.partition("=")
        if name and name != "budget":
            raise InputError(f"{arguments.budget!r} is not budget=NAME: use one of conf/budget")
        print(*composition.write(budget or None), sep="\n")
        return
    composition.check([arguments.scale] if arguments.scale else PARAMS_FILES)
    if arguments.stamp:
        with atomic_write(arguments.stamp, "w") as file:
            file.write("conf/ and the params files agree\n")


if __name__ == "__main__":
    console.run(main)
