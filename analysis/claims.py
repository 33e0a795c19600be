"""Claims and results -> verdicts, computed and never typed in.

--list prints them; --write writes the reports' claims.json (what dvc repro runs).
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from analysis.evidence import FIGURES, Figure
from analysis.results import NotRunError, Results
from pipeline import console, params
from pipeline.lm.errors import InputError
from pipeline.lm.files import write_json

CLAIMS = Path("conf/claims.yaml")
REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, NOT_RUN)
FIELDS = {"source", "claim", "runs", "parts"}
PART_FIELDS = {"measured", "figure", "with", "unit", "rule"}


@dataclass(frozen=True)
class Part:
    """One measured statement of a claim. Figures are None where there are none."""

    measured: str
    unit: str
    rule: str
    verdict: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """One claim, settled or waiting."""

    id: str
    source: str
    claim: str
    runs: list[str]
    verdict: str
    parts: list[Part]


def rule_text(rule: Mapping[str, float]) -> str:
    """A rule in words."""
    if "from" in rule and "to" in rule:
        return f"{rule['from']:g} to {rule['to']:g}"
    return f"at least {rule['from']:g}" if "from" in rule else f"at most {rule['to']:g}"


def judged(figure: Figure, rule: Mapping[str, float]) -> str:
    """The verdict of an interval under a rule."""
    lowest, highest = rule.get("from", -math.inf), rule.get("to", math.inf)
    if math.isnan(figure.low) or math.isnan(figure.high):
        return INCONCLUSIVE
    if lowest <= figure.low and figure.high <= highest:
        return REPRODUCED
    if figure.high < lowest or figure.low > highest:
        return NOT_REPRODUCED
    return INCONCLUSIVE


def settle(claim_id: str, entry: Mapping[str, Any], results: Results) -> Verdict:
    """The verdict on one claim of conf/claims.yaml."""
    if missing := FIELDS - set(entry):
        raise InputError(f"{CLAIMS}: {claim_id} lacks {', '.join(sorted(missing))}")
    parts = [_settled(claim_id, part, results) for part in entry["parts"]]
    words = {name: str(entry[name]) for name in ("source", "claim")}
    verdict = together([part.verdict for part in parts])
    return Verdict(claim_id, **words, runs=list(entry["runs"]), verdict=verdict, parts=parts)


def _settled(claim_id: str, entry: Mapping[str, Any], results: Results) -> Part:
    if missing := PART_FIELDS - set(entry):
        raise InputError(f"{CLAIMS}: a part of {claim_id} lacks {', '.join(sorted(missing))}")
    if entry["figure"] not in FIGURES:
        raise InputError(f"{CLAIMS}: {claim_id} asks for no known figure, {entry['figure']!r}")
    common = {
        "measured": entry["measured"], "unit": entry["unit"], "rule": rule_text(entry["rule"]),
    }  # fmt: skip
    measure = FIGURES[entry["figure"]]
    try:
        figure = measure(results, **entry["with"])
        floor = measure(results, **entry["floor"]).estimate if "floor" in entry else None
    except NotRunError as reason:
        return Part(**common, verdict=NOT_RUN, reason=str(reason))
    estimate, low, high = map(_finite, figure)
    return Part(
        **common,
        verdict=judged(figure, entry["rule"]),
        estimate=estimate,
        low=low,
        high=high,
        floor=None if floor is None else _finite(floor),
    )


def together(verdicts: Sequence[str]) -> str:
    """The verdict of a claim from those of its parts: all must hold, one that fails settles it."""
    for verdict in (NOT_REPRODUCED, NOT_RUN, INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return REPRODUCED


def _finite(value: float) -> float | None:
    """JSON knows no infinity and no NaN: a figure that does not exist is null."""
    return value if math.isfinite(value) else None


def verdicts(results: Results) -> list[Verdict]:
    """The verdict on every claim, in the order of conf/claims.yaml."""
    entries = OmegaConf.to_container(params.load_yaml(CLAIMS))
    assert isinstance(entries, dict)
    return [settle(str(name), entry, results) for name, entry in entries.items()]


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
