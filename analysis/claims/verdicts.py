"""Claims and results -> verdicts, computed and never typed in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from omegaconf import OmegaConf

from analysis.claims import CLAIMS
from analysis.claims.evidence import FIGURES, Figure, measured
from analysis.claims.networks import networks
from analysis.results.reader import NotRunError, Results
from pipeline.config import params
from pipeline.lm.io.errors import InputError
from pipeline.lm.sources import HELD_OUT, UNTRAINED

MEGABYTE = 1e6
REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, NOT_RUN)
DESCRIBED = "described"
"""What stands in place of the verdict of a part without a rule."""
FLOORS = {
    HELD_OUT: "real text",
    UNTRAINED: "an untrained network",
    "at initialisation": "before training",
    "rotated": "random directions in the space of the same cells",
}
"""What the arguments of a floor stand for."""
FIELDS = {"source", "claim", "runs", "parts"}
PART_FIELDS = {"measured", "figure", "with", "unit"}
REVISION = {"date", "was", "verdict", "why"}
RANGES = {
    "share": (0.0, 1.0),
    "difference of shares": (-1.0, 1.0),
    "difference of probabilities": (-1.0, 1.0),
    "Spearman's rho": (-1.0, 1.0),
    "ratio": (0.0, math.inf),
    "of the error of guessing": (0.0, math.inf),
    "steps": (0.0, math.inf),
}
"""What a figure can be at least and at most, by how its unit begins; others can be anything."""


@dataclass(frozen=True)
class Revision:
    """A rule that was changed after it had been written down."""

    date: str
    was: str
    verdict: str
    """What came of the rule that was, then."""
    why: str


@dataclass(frozen=True)
class Part:
    """One measured statement of a claim. Figures are None where there are none; `rule` and its
    `origin` are empty where a figure only stands beside the others."""

    measured: str
    unit: str
    rule: str
    verdict: str
    origin: str = ""
    note: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    reason: str = ""
    lowest: float | None = None
    """From here up to `highest` the rule holds; None where it is open."""
    highest: float | None = None
    floor_is: str = ""
    """What the floor is the figure of."""
    n: int | None = None
    """How many windows, documents, samples or seeds the interval is from."""


@dataclass(frozen=True)
class Verdict:
    """One claim, settled or waiting."""

    id: str
    source: str
    claim: str
    runs: list[str]
    verdict: str
    parts: list[Part]
    variant: str = ""
    """The texts it was read on, where they are not those that the source read."""
    revised: list[Revision] = field(default_factory=list)
    short: str = ""
    """The claim in some three words."""
    networks: list[str] = field(default_factory=list)
    """What it was read from: size, training symbols, seeds, machines."""


def rule_text(rule: Mapping[str, float]) -> str:
    """A rule in words."""
    if "from" in rule and "to" in rule:
        return f"{rule['from']:g} to {rule['to']:g}"
    if "from" in rule:
        return f"at least {rule['from']:g}" if rule["from"] else "above 0"
    return f"at most {rule['to']:g}" if rule["to"] else "below 0"


def floor_words(entry: Mapping[str, Any]) -> str:
    """What the floor of a part is: what its entry says, or what its arguments ask for."""
    asked = set(map(str, entry["floor"].values()))
    known = (words for name, words in FLOORS.items() if name in asked)
    return str(entry.get("floor_is", next(known, "guessing")))


def judged(figure: Figure, rule: Mapping[str, float]) -> str:
    """The verdict of an interval under a rule. A border of 0 itself is outside: that nothing was
    seen on either side makes no difference."""
    lowest, highest = rule.get("from", -math.inf), rule.get("to", math.inf)
    if math.isnan(figure.low) or math.isnan(figure.high):
        return INCONCLUSIVE
    if figure.high < lowest or figure.low > highest:
        return NOT_REPRODUCED
    if (lowest == 0 and figure.high <= 0) or (highest == 0 and figure.low >= 0):
        return NOT_REPRODUCED
    above = figure.low > 0 if lowest == 0 else figure.low >= lowest
    below = figure.high < 0 if highest == 0 else figure.high <= highest
    return REPRODUCED if above and below else INCONCLUSIVE


def possible(unit: str) -> tuple[float, float]:
    """The least and the most that a figure in a unit can be."""
    known = (RANGES[name] for name in RANGES if unit == name or unit.startswith(f"{name} "))
    return next(known, (-math.inf, math.inf))


def within(figure: Figure, unit: str) -> Figure:
    """A figure with no bound beyond what its unit allows: Student's interval knows no shares.
    InputError if the figure itself is beyond: then its unit is another."""
    lowest, highest = possible(unit)
    if figure.estimate < lowest or figure.estimate > highest:
        raise InputError(f"{CLAIMS}: no figure in {unit!r} can be {figure.estimate:g}")
    low, high = (min(max(value, lowest), highest) for value in (figure.low, figure.high))
    return figure._replace(low=low, high=high)


def settle(claim_id: str, entry: Mapping[str, Any], results: Results) -> Verdict:
    """The verdict on one claim of conf/claims.yaml."""
    if missing := FIELDS - set(entry):
        raise InputError(f"{CLAIMS}: {claim_id} lacks {', '.join(sorted(missing))}")
    revised = [_revision(claim_id, revision) for revision in entry.get("revised", ())]
    parts = [_settled(claim_id, part, results) for part in entry["parts"]]
    runs = [results.stand_in(run) for run in entry["runs"]]
    return Verdict(
        claim_id,
        str(entry["source"]),
        str(entry["claim"]),
        runs=runs,
        verdict=together([part.verdict for part in parts if part.rule]),
        parts=parts,
        variant=variants(results, _ruled_on(entry, results)),
        revised=revised,
        short=str(entry.get("short", "")),
        networks=networks(results, runs),
    )


def variants(results: Results, runs: Sequence[str]) -> str:
    """The corpora of some runs that others stand in for, or that are read in another variant than
    the first of conf/corpus, which is the source's own, as far as they are prepared."""
    found = []
    for run in runs:
        corpus = results.run(results.stand_in(run)).corpus
        told = corpus if results.stand_in(run) == run else f"{corpus} in place of {run}"
        try:
            manifest = results.manifest(corpus)
        except NotRunError:
            continue
        variant = manifest["source"]["variant"]
        if told != corpus or variant != results.config.corpora[corpus].sources[0].variant:
            found.append(f"{told}: {variant}, {manifest['bytes'] / MEGABYTE:.1f} MB")
    return "; ".join(dict.fromkeys(found))


def _ruled_on(entry: Mapping[str, Any], results: Results) -> list[str]:
    """The experiments that parts with a rule read."""
    read = [part["with"].values() for part in entry["parts"] if "rule" in part]
    return [run for run in results.config.experiments if any(run in values for values in read)]


def _revision(claim_id: str, entry: Mapping[str, Any]) -> Revision:
    if set(entry) != REVISION:
        raise InputError(f"{CLAIMS}: revised of {claim_id} needs {', '.join(sorted(REVISION))}")
    return Revision(**{name: str(value) for name, value in entry.items()})


def _settled(claim_id: str, entry: Mapping[str, Any], results: Results) -> Part:
    if missing := PART_FIELDS - set(entry):
        raise InputError(f"{CLAIMS}: a part of {claim_id} lacks {', '.join(sorted(missing))}")
    if entry["figure"] not in FIGURES:
        raise InputError(f"{CLAIMS}: {claim_id} asks for no known figure, {entry['figure']!r}")
    rule, unit = entry.get("rule"), str(entry["unit"])
    common = {
        "measured": entry["measured"],
        "unit": unit,
        "rule": rule_text(rule) if rule else "",
        "origin": entry.get("origin", ""),
        "lowest": rule.get("from") if rule else None,
        "highest": rule.get("to") if rule else None,
        "floor_is": floor_words(entry) if "floor" in entry else "",
    }
    measure = partial(measured, results, entry["figure"])
    try:
        figure = within(measure(entry["with"]), unit)
        floor = measure(entry["floor"]).estimate if "floor" in entry else None
    except NotRunError as reason:
        return Part(**common, verdict=NOT_RUN, reason=str(reason))
    estimate, low, high = map(_finite, figure[:3])
    return Part(
        **common,
        note=figure.note,
        verdict=judged(figure, rule) if rule else DESCRIBED,
        estimate=estimate,
        low=low,
        high=high,
        floor=None if floor is None else _finite(floor),
        n=figure.n,
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
