"""One name for what is often called by hand: `charlm sample` is `python -m pipeline.sample`.

Works from any folder: what it reads and writes lies in the repository, files that you name where
you are.
"""

import runpy
import sys

COMMANDS = {
    "add": "pipeline.add",
    "download": "pipeline.download",
    "compose": "pipeline.compose",
    "train": "pipeline.train",
    "sample": "pipeline.sample",
    "score": "pipeline.score",
    "claims": "analysis.claims",
    "report": "analysis.report",
}


def main() -> None:
    """Entry point."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        status = name not in ("-h", "--help")
        words = f"usage: charlm {{{','.join(COMMANDS)}}} ... (each takes --help)"
        print(words, file=sys.stderr if status else sys.stdout)
        sys.exit(2 * status)
    sys.argv = [f"charlm {name}", *sys.argv[2:]]
    runpy.run_module(COMMANDS[name], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
