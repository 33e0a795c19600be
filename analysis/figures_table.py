"""Every figure of the report in one CSV: claims, cross-entropies, structure.

Columns: kind (claim, bits per symbol, structure), run, name, source, unit, estimate, low, high,
verdict. Text that a spreadsheet would take for a formula is quoted by an apostrophe.
"""

from typing import Any

import pandas as pd

from analysis.claims import Verdict
from analysis.results import NotRunError, Results

COLUMNS = ["kind", "run", "name", "source", "unit", "estimate", "low", "high", "verdict"]
FORMULA = (*"=+-@\t\r\n", *"＝＋－＠")
"""What a formula begins with; the wide ones where a spreadsheet is set to Japanese or Chinese."""


def figures_table(results: Results, claims: list[Verdict]) -> pd.DataFrame:
    """All figures there are."""
    rows = [
        {"kind": "claim", "run": " ".join(claim.runs), "name": f"{claim.id}: {part.measured}",
         "source": claim.source, "unit": part.unit, "estimate": part.estimate, "low": part.low,
         "high": part.high, "verdict": part.verdict}
        for claim in claims
        for part in claim.parts
    ]  # fmt: skip
    for run in results.config.experiments:
        try:
            rows += [*_bits(results, run), *_structure(results, run)]
        except NotRunError:
            continue
    table = pd.DataFrame(rows, columns=COLUMNS)
    texts = ["run", "name", "source", "unit"]
    table[texts] = table[texts].map(lambda v: f"'{v}" if str(v).startswith(FORMULA) else v)
    return table


def _bits(results: Results, run: str) -> list[dict[str, Any]]:
    sources = results.table(run, "scores")["source"].unique()
    return [
        {"kind": "bits per symbol", "run": run, "name": "test cross-entropy", "source": source,
         "unit": "bits per symbol", **_interval(results.bits(run, source))}
        for source in sources
    ]  # fmt: skip


def _structure(results: Results, run: str) -> list[dict[str, Any]]:
    return [
        {"kind": "structure", "run": run, "name": row.metric, "source": row.source,
         "unit": row.unit, **_interval(row)}
        for row in results.rates(run).itertuples()
    ]  # fmt: skip


def _interval(found: Any) -> dict[str, float]:
    return {name: getattr(found, name) for name in ("estimate", "low", "high")}
