"""conf/ -> the params files and the laptop scale's copy of dvc.yaml; --check compares instead.

`dvc repro` never composes: conf/ is the source, the params files are its committed, resolved
composition, and the first stage of the DAG fails when they differ.
"""

import argparse
from pathlib import Path

from pipeline import console
from pipeline.config import composition, params
from pipeline.config.paths import Paths
from pipeline.lm.io.files import atomic_write


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.compose", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the files are stale")
    parser.add_argument("--params", type=Path, help="after the check, write this scale's stamp")
    arguments = parser.parse_args()
    if not arguments.check:
        print(*composition.write(), sep="\n")
        return
    composition.check()
    if arguments.params:
        stamp = Paths.of(params.load(arguments.params)).stamp
        with atomic_write(stamp, "w") as file:
            file.write("conf/ and the params files agree\n")


if __name__ == "__main__":
    console.run(main)
