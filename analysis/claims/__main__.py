"""The verdict on every claim, for a terminal or the report.

--list prints them as they were settled last; --write settles them anew, as the reports' claims.json
(what dvc repro runs).
"""

import argparse
import json
import sys
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from analysis.claims import CLAIMS
from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import file_sha256, read_json, write_json

WRITTEN = "claims.json"


def _bound(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def lines(verdict: dict[str, Any]) -> str:
    """A claim for a terminal, a line a part, a network and a change of its rule."""
    variant = f" (on {verdict['variant']})" if verdict.get("variant") else ""
    revised = [
        f"revised {r['date']}: was: {r['was']} (then {r['verdict']}.) {r['why']}"
        for r in verdict.get("revised", [])
    ]
    head = f"{verdict['id']:4} {verdict['verdict']}{variant}"
    return "\n       ".join(
        [head, *map(_line, verdict["parts"]), *verdict.get("networks", []), *revised]
    )


def _line(part: dict[str, Any]) -> str:
    if part["estimate"] is None:
        return f"{part['verdict']}: {part['reason']}"
    floor = "" if part["floor"] is None else f", floor {part['floor']:.4g}"
    note = f", {part['note']}" if part.get("note") else ""
    rule = f" (rule: {part['rule']})" if part["rule"] else ""
    low, high = _bound(part["low"]), _bound(part["high"])
    return (
        f"{part['verdict']}: {_bound(part['estimate'])} [{low}, {high}] "
        f"{part['unit']}{floor}{note}{rule}"
    )


def written(paths: Paths) -> dict[str, Any]:
    """The verdicts as they were settled last; says so if results or rules are others by now."""
    path = paths.reports / WRITTEN
    if not path.exists():
        raise InputError(f"{path} is missing: run python -m analysis.claims --write")
    told = read_json(path)
    if any(told.get(name) != now for name, now in digests(paths.results).items()):
        remedy = "python -m analysis.claims --write settles them anew"
        print(f"{path} is of other results or rules than there are now: {remedy}", file=sys.stderr)
    return told


def digests(results: Path) -> dict[str, str]:
    """Of the rules, and of every file of the results, its name and content: times say nothing in a
    fresh clone."""
    found = sha256()
    for path in sorted(path for path in results.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(results)} {file_sha256(path)}\n".encode())
    return {"results_sha256": found.hexdigest(), "rules_sha256": file_sha256(CLAIMS)}


def write(config: DictConfig) -> None:
    """Settle every claim."""
    from analysis.claims.verdicts import verdicts  # with all that results need: seconds
    from analysis.results.reader import Results

    settled = [asdict(verdict) for verdict in verdicts(Results.of(config))]
    paths = Paths.of(config)
    about = {"scale": config.scale, **digests(paths.results), "claims": settled}
    write_json(paths.reports / WRITTEN, about)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m analysis.claims", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the verdicts (the default)")
    parser.add_argument("--json", action="store_true", help="as one JSON array")
    parser.add_argument("--write", action="store_true", help="write claims.json among the reports")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    config = params.load(params.params_file(arguments))
    if arguments.write:
        write(config)
        return
    told = written(Paths.of(config))
    if arguments.json:
        print(json.dumps(told["claims"], indent=2))
    else:
        print(f"{told['scale']} scale", *map(lines, told["claims"]), sep="\n")


if __name__ == "__main__":
    console.run(main)
