"""The verdict on every claim, for a terminal or the report.

--list prints them; --write writes the reports' claims.json (what dvc repro runs).
"""

import argparse
import json
from dataclasses import asdict

from analysis.claims.verdicts import NOT_RUN, Part, Verdict, verdicts
from analysis.results.reader import Results
from pipeline import console
from pipeline.config import params
from pipeline.lm.io.files import write_json


def _bound(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def lines(verdict: Verdict) -> str:
    """A claim for a terminal, a line a part."""
    head = f"{verdict.id:4} {verdict.verdict}"
    return "\n".join([head, *(f"       {_line(part)}" for part in verdict.parts)])


def _line(part: Part) -> str:
    if part.verdict == NOT_RUN:
        return f"{part.verdict}: {part.reason}"
    floor = "" if part.floor is None else f", floor {part.floor:.4g}"
    return (
        f"{part.verdict}: {_bound(part.estimate)} [{_bound(part.low)}, {_bound(part.high)}] "
        f"{part.unit}{floor} (rule: {part.rule})"
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.claims", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the verdicts (the default)")
    parser.add_argument("--json", action="store_true", help="as one JSON array")
    parser.add_argument("--write", action="store_true", help="write claims.json among the reports")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    results = Results.of(params.load(params.params_file(arguments)))
    settled = verdicts(results)
    if arguments.write:
        write_json(
            results.paths.reports / "claims.json",
            {"scale": results.config.scale, "claims": [asdict(verdict) for verdict in settled]},
        )
    elif arguments.json:
        print(json.dumps([asdict(verdict) for verdict in settled], indent=2))
    else:
        print(f"{results.config.scale} scale", *map(lines, settled), sep="\n")


if __name__ == "__main__":
    console.run(main)
