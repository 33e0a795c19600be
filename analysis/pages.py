"""Templates made into files; nothing of a page is fetched, everything in it is escaped."""

import math
from base64 import b64encode
from collections.abc import Iterable
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from analysis import figures
from pipeline.lm.files import atomic_write
from pipeline.params import load_yaml

TEMPLATES = Path("reports/templates")


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
    env.filters["label"] = figures.label
    env.filters["plain"] = "{:,.10g}".format
    env.filters["digest"] = digest
    env.globals["infinity"] = math.inf
    return env


def definitions(metrics: Iterable[str]) -> dict[str, str]:
    """What metrics count, in words, by their names; those that one sentence explains together."""
    sentences = load_yaml(TEMPLATES / "metrics.yaml")
    explained: dict[str, list[str]] = {}
    for metric in metrics:
        pattern = next((pattern for pattern in sentences if fnmatchcase(metric, pattern)), None)
        if pattern:
            explained.setdefault(pattern, []).append(metric)
    return {"; ".join(names): sentences[pattern] for pattern, names in explained.items()}


def network_words(training: dict[str, Any]) -> str:
    """The architecture in words."""
    model = training["experiment"]["model"]
    return f"{model['layers']}-layer {model['cell'].upper()} of {model['hidden']} units"


def write(path: Path, template: str, content: dict[str, Any]) -> None:
    """Render a template to a file."""
    with atomic_write(path, "w") as file:
        file.write(environment().get_template(template).render(content))
