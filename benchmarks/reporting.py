"""What benchmarks print: a table, or one JSON object with the machine it was measured on."""

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

Row = dict[str, Any]


def machine() -> dict[str, Any]:
    """What figures depend on."""
    facts: dict[str, Any] = {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def processor() -> str:
    """As Linux names it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Rows as text, one column a field."""

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"
        return "" if value is None else str(value)

    cells = [list(columns), *([cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(value.rjust(width) for value, width in zip(line, widths, strict=True))
        for line in cells
    )


def show(rows: Sequence[Row], columns: Sequence[str], as_json: bool) -> None:
    """Print a benchmark's result."""
    print(as_object(rows) if as_json else table(rows, columns))


def as_object(rows: Sequence[Row]) -> str:
    """A benchmark's result as one JSON object."""
    return json.dumps({"machine": machine(), "rows": list(rows)})
