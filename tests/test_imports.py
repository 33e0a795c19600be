"""Imports: they run one way, are light where nothing heavy is done, and are what dvc.yaml lists."""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
STAGES = {
    "compose", "download", "preprocess", "train", "sample", "baseline", "score", "sweep", "add",
    "evidence", "offload",
}  # fmt: skip
SHARED = {"config", "console", "terminal", "models", "runs"}
HEAVY = {"torch", "numba", "kenlm", "scipy", "pandas", "matplotlib"}
DECIDES = (
    "analysis/", "benchmarks/", "pipeline/preprocess.py", "pipeline/corpora/",
    "pipeline/lm/scoring.py", "pipeline/lm/rnn/activations.py",
)  # fmt: skip
"""Code that dvc.yaml lists wherever it is run. The rest of pipeline/ carries (settings, files,
messages), or is what the numbers of conf/numerics.yaml and conf/experiment/ stand for."""
NUMBERED = {"ngram", "kenlm", "train", "sweep", "sample"}
"""Stages that enter by such a number alone."""
PROBES = {"gradients", "memory_tasks", "course", "canaries", "delayed_copy"}
"""Stages of analysis that train."""
FETCHES = "download"
"""What it brings is held against digests of conf/."""
FILES = sorted([*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("analysis/**/*.py")])


def name_of(path: Path) -> str:
    """The dotted name of a module's file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in [*FILES, *ROOT.glob("benchmarks/*.py")]}


def statements(tree: ast.AST, deep: bool) -> Iterator[ast.AST]:
    """What stands in a module; unless `deep`, not what stands in its functions or for mypy."""
    for node in ast.iter_child_nodes(tree):
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if deep or not (typing or isinstance(node, ast.FunctionDef)):
            yield node
            yield from statements(node, deep)


@cache
def imported(path: Path, deep: bool = True) -> frozenset[str]:
    """What a file imports, as dotted names: modules, and what is taken from them."""
    names = set()
    for node in statements(ast.parse(path.read_text()), deep):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def closure(*start: str, deep: bool = True, packages: bool = True) -> set[str]:
    """All that importing modules imports: this project's modules, others by their first name;
    `packages`: the folders they stand in, too."""
    found, waiting = set(), set(start)
    while waiting:
        name = waiting.pop()
        parents = {name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)}
        for module in {name} | (parents if packages else set()):
            if module in MODULES and module not in found:
                found.add(module)
                waiting |= imported(MODULES[module], deep)
        if name.split(".")[0] not in MODULES:
            found.add(name.split(".")[0])
    return found


def stage_of(module: str) -> str:
    """`pipeline.train.x` -> train."""
    return module.split(".")[1] if module.startswith("pipeline.") else ""


COMMANDS = {
    name for name, path in MODULES.items() if '__name__ == "__main__"' in path.read_text()
} - {f"pipeline.{stage}" for stage in STAGES}
"""The modules that stages of analysis run: they, too, never import each other."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    names = {n for n in imported(path) if n.split(".")[0] in ("pipeline", "analysis")}
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "pipeline":
        assert not any(name.startswith("analysis") for name in names)
        assert not {stage_of(name) for name in names} & STAGES
    else:
        assert {stage_of(name) for name in names} <= {"", "lm"} | SHARED
        assert not names & COMMANDS
    if relative.parts[:2] == ("pipeline", "lm"):
        assert {stage_of(name) for name in names} <= {"", "lm"}
        assert not {n.split(".")[0] for n in imported(path)} & {"dvc", "hydra", "omegaconf"}


def test_no_module_imports_itself_again() -> None:
    for name, path in MODULES.items():
        names = imported(path, deep=False) - {name}
        assert name not in closure(*names, deep=False, packages=False), name


@pytest.mark.parametrize(
    "module", ["pipeline.sample", "pipeline.score", "pipeline.compose", "analysis.claims.__main__"]
)
def test_what_only_answers_loads_nothing_heavy(module: str) -> None:
    assert not closure(module, deep=False) & HEAVY


def test_the_library_of_a_network_is_loaded_only_for_networks() -> None:
    light = {"compare", "loops", "evolution", "excerpts"}
    light = {f"analysis.measure.{name}" for name in light} | {"analysis.report.__main__"}
    for module in light | {"analysis.claims.verdicts", "analysis.report.inside_page"}:
        assert "torch" not in closure(module, deep=False), module
    assert "torch" in closure("analysis.cells.__main__", deep=False)


def test_who_imports_the_project_keeps_his_own_hook() -> None:
    import pipeline

    assert sys.excepthook is not pipeline._in_a_line


def test_every_stage_is_a_command() -> None:
    for stage in STAGES - {"compose"}:
        assert '__name__ == "__main__"' in (ROOT / f"pipeline/{stage}.py").read_text()


@pytest.mark.parametrize(
    ("package", "own"),
    [
        ("tests", {}),
        ("analysis", {}),
        ("pipeline", {"GOMP_SPINCOUNT": "77"}),
        ("pipeline", {"OMP_WAIT_POLICY": "ACTIVE"}),
    ],
)
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(package, own) -> None:
    """What OpenMP itself says it has read, when torch loads it."""
    unset = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    said = subprocess.run(
        [sys.executable, "-c", f"import {package}, torch"], cwd=ROOT, text=True, check=True,
        env=unset | own | {"OMP_DISPLAY_ENV": "VERBOSE"}, capture_output=True,
    ).stderr  # fmt: skip
    policy, spins = (
        re.search(rf"{name} = '(\w+)'", said)[1] for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    )
    if own:
        assert own.items() <= {"OMP_WAIT_POLICY": policy, "GOMP_SPINCOUNT": spins}.items()
    else:
        assert (policy, spins) == ("PASSIVE", "0")


def test_modules_stay_small() -> None:
    longest = {path: len(path.read_text().splitlines()) for path in FILES}
    assert not {str(path): lines for path, lines in longest.items() if lines > 320}


DAG = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
TEMPLATES = {"analysis/report/templates"}


def described(stage: str) -> dict:
    """A stage of dvc.yaml."""
    found = DAG[stage]
    return found.get("do", found)


def run_by(stage: str) -> str:
    """The module that a stage runs."""
    _, first, second, *_ = shlex.split(described(stage)["cmd"])
    name = second if first == "-m" else name_of(ROOT / first)
    return f"{name}.__main__" if f"{name}.__main__" in MODULES else name


@pytest.mark.parametrize("stage", sorted(DAG.keys() - NUMBERED - {FETCHES}))
def test_dvc_knows_all_code_that_decides_a_stage(stage: str) -> None:
    """A result made by other code than the present would pass as fresh."""
    paths = {str(MODULES[n].relative_to(ROOT)) for n in closure(run_by(stage)) if n in MODULES}
    needed = {p for p in paths if p.startswith(DECIDES) and not p.endswith("__init__.py")}
    listed = [dep for dep in described(stage)["deps"] if isinstance(dep, str)]
    missing = {p for p in needed if not any(p == d or p.startswith(f"{d}/") for d in listed)}
    code = {dep for dep in listed if dep.startswith(("analysis", "pipeline", "benchmarks"))}
    idle = {d for d in code if not any(p == d or p.startswith(f"{d}/") for p in paths)}
    assert not missing and not idle - TEMPLATES, (missing, idle)


@pytest.mark.parametrize("stage", sorted(NUMBERED | PROBES))
def test_what_is_expensive_has_a_number(stage: str) -> None:
    (named,) = (names for each in described(stage)["params"] for names in each.values())
    assert any("numerics" in name for name in named)
