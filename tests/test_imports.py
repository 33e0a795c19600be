"""Imports run one way: the house rule, enforced."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STAGES = {
    "add",
    "compose",
    "download",
    "preprocess",
    "train",
    "sample",
    "baseline",
    "score",
    "sweep",
}
SHARED = {"config", "console", "terminal", "models", "runs"}


def imported(path: Path) -> set[str]:
    """Modules of this project that a file imports, as dotted names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in ("pipeline", "analysis")}


def stage_of(module: str) -> str:
    """`pipeline.train.x` -> train."""
    return module.split(".")[1] if module.startswith("pipeline.") else ""


FILES = sorted([*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("analysis/**/*.py")])
COMMANDS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in ROOT.glob("analysis/**/*.py")
    if '__name__ == "__main__"' in path.read_text()
}
"""The modules that stages of analysis run: they, too, never import each other."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    names = imported(path)
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "pipeline":
        assert not any(name.startswith("analysis") for name in names)
        assert not {stage_of(name) for name in names} & STAGES
    else:
        assert {stage_of(name) for name in names} <= {"", "lm"} | SHARED
        assert not names & COMMANDS
    if relative.parts[:2] == ("pipeline", "lm"):
        assert {stage_of(name) for name in names} <= {"", "lm"}
        text = path.read_text()
        assert not any(f"import {word}" in text for word in ("dvc", "hydra", "omegaconf"))


def test_every_stage_is_a_command() -> None:
    for stage in STAGES - {"compose"}:
        assert '__name__ == "__main__"' in (ROOT / f"pipeline/{stage}.py").read_text()


def test_modules_stay_small() -> None:
    longest = {path: len(path.read_text().splitlines()) for path in FILES}
    assert not {str(path): lines for path, lines in longest.items() if lines > 320}
