"""Templates made into files; nothing of a page is fetched, everything in it is escaped."""

import math
import re
from base64 import b64encode
from collections.abc import Iterable
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from pipeline.config.params import load_yaml
from pipeline.lm.io.files import atomic_write
from pipeline.lm.sources import label

TEMPLATES = Path(__file__).parent / "templates"
METRICS = TEMPLATES / "metrics.yaml"


def significant(value: float | None, digits: int) -> str:
    """A number for readers: `digits` significant ones, no exponent for usual sizes."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    if value == 0 or 0.001 <= abs(value) < 1000:
        places = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
        return f"{value:.{max(0, places)}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits - 1}e}"


def digest(code: str) -> Markup:
    """An inline style or script as a Content-Security-Policy names it: it, and no other, counts."""
    return Markup("'sha256-{}'").format(b64encode(sha256(code.encode()).digest()).decode())


def environment() -> jinja2.Environment:
    """Templates that escape everything: sampled text is untrusted."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is None or not name.endswith(".md"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters["figures"] = significant
    env.filters["label"] = label
    env.filters["metric"] = metric_name
    env.filters["plain"] = "{:,.10g}".format
    env.filters["digest"] = digest
    env.globals["infinity"] = math.inf
    return env


def metric_name(metric: str) -> str:
    """A metric as pages print it: tables know `1 letters`."""
    return metric.replace(" 1 letters", " 1 letter")


def definitions(metrics: Iterable[str]) -> dict[str, str]:
    """What metrics count, in words, by their names; those that one sentence explains together."""
    sentences = load_yaml(METRICS)
    explained: dict[str, list[str]] = {}
    for metric in metrics:
        for pattern in fitting(metric, sentences):
            explained.setdefault(pattern, []).append(metric_name(metric))
    return {"; ".join(names): sentences[pattern] for pattern, names in explained.items()}


def fitting(metric: str, patterns: Iterable[str]) -> list[str]:
    """The first pattern that a metric fits, or none."""
    return [pattern for pattern in patterns if fnmatchcase(metric, pattern)][:1]


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with a column `metric`, in the order of the definitions, then of a number in a name."""
    patterns = list(load_yaml(METRICS))

    def place(metric: str) -> tuple[int, int]:
        number = re.search("[0-9]+", metric)
        first = [patterns.index(pattern) for pattern in fitting(metric, patterns)]
        return (first or [len(patterns)])[0], int(number[0]) if number else 0

    return table.sort_values("metric", key=lambda names: names.map(place), kind="stable")


def network_words(training: dict[str, Any]) -> str:
    """The architecture in words."""
    model = training["experiment"]["model"]
    return f"{model['layers']}-layer {model['cell'].upper()} of {model['hidden']} units"


def write(path: Path, template: str, content: dict[str, Any]) -> None:
    """Render a template to a file."""
    with atomic_write(path, "w") as file:
        file.write(environment().get_template(template).render(content))
