"""conf/ composed: what the committed params files, and the copy of dvc.yaml, must contain."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline.config.params import PARAMS_FILES, ROOT
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import atomic_write
from pipeline.terminal import reason

CONF = ROOT / "conf"
PIPELINE = ROOT / "dvc.yaml"
KEPT, DROPPED = "cache: true", "cache: false"
"""Networks of full runs stay in DVC's cache and travel with `dvc push`; small ones do not."""


def composed(scale: str, *overrides: str) -> str:
    """The resolved configuration of a scale, as DVC's own composition would write it."""
    try:
        with initialize_config_dir(str(CONF.resolve()), version_base="1.3"):
            config = compose("config", overrides=[f"scale={scale}", *overrides])
        OmegaConf.resolve(config)
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(f"{CONF}/ does not compose: {reason(error)}") from error
    return OmegaConf.to_yaml(config)


def expected_files(
    budget: str | None = None, scales: Iterable[str] = PARAMS_FILES
) -> dict[Path, str]:
    """What the committed files of some scales must contain, the full scale's with a budget of
    conf/budget; without one, with that which the params file at hand names."""
    files = {}
    for scale in scales:
        path = PARAMS_FILES[scale]
        chosen = [f"budget={budget or budget_at_hand()}"] if scale == "full" else []
        files[path] = composed(scale, *chosen)
        if (copy := path.parent / PIPELINE.name) != PIPELINE:
            files[copy] = PIPELINE.read_text(encoding="utf-8").replace(KEPT, DROPPED)
    return files


def budget_at_hand() -> str:
    """The budget that the full scale's params file was composed with; `cores` if it names none."""
    path = PARAMS_FILES["full"]
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    named = re.search(r"^budget:\n  name: (\w+)$", text, re.MULTILINE)
    return named[1] if named else "cores"


def check(scales: Iterable[str] = PARAMS_FILES) -> None:
    """InputError if a committed file of some scales is not what conf/ composes to."""
    if os.environ.get("DVC_EXP_BASELINE_REV"):
        return  # `dvc exp run -S` has composed an experiment of its own
    stale = [
        str(path)
        for path, content in expected_files(scales=scales).items()
        if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != content
    ]
    if stale:
        raise InputError(
            f"{' and '.join(stale)} not what conf/ and dvc.yaml say: run python -m pipeline.compose"
        )


def write(budget: str | None = None) -> list[Path]:
    """The committed files anew; their paths."""
    files = expected_files(budget)
    for path, content in files.items():
        with atomic_write(path, "w") as file:
            file.write(content)
    return list(files)
