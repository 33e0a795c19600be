"""Claims and results -> verdicts, computed and never typed in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from analysis.claims.evidence import FIGURES, Figure
from analysis.results.reader import NotRunError, Results
from pipeline.config import params
from pipeline.lm.io.errors import InputError

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
