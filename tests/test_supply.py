"""What is installed is what the lock files say: all of it, by digest, and they name no host."""

import ast
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

ASKED = {"requirements.in": "requirements.txt", "requirements-dev.in": "requirements-dev.txt"}
BUILDS = ("nvidia", "cuda", "triton")
"""What torch needs in some of its builds only."""
TORCH = re.compile(r"^TORCH := torch==(\S+)$", re.MULTILINE)


class Locked(NamedTuple):
    """One package of a lock file."""

    version: str
    digests: list[str]


def lines(path: Path) -> Iterator[str]:
    """The lines of a requirements file, joined where they go on, without comments."""
    for line in path.read_text(encoding="utf-8").replace("\\\n", "").splitlines():
        if kept := re.sub(r"(^|\s+)#.*", "", line).strip():
            yield kept


def locked(name: str) -> dict[str, Locked]:
    """The packages of a lock file; every line is one, pinned, with its digests."""
    found = {}
    for line in lines(ROOT / name):
        pin, *digests = line.split()
        package, _, version = pin.partition("==")
        assert version and "*" not in version, line
        assert digests, f"{package} has no digest"
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", digest) for digest in digests), line
        found[canonicalize_name(package)] = Locked(version, digests)
    return found


def asked(name: str) -> list[Requirement]:
    """What a file asks for."""
    return [Requirement(line) for line in lines(ROOT / name) if not line.startswith("-")]


def everything() -> dict[str, Locked]:
    """Both lock files, which agree."""
    run, dev = (locked(name) for name in ASKED.values())
    assert all(run[name] == dev[name] for name in run.keys() & dev.keys())
    return run | dev


def needs(name: str, extras: set[str]) -> Iterator[Requirement]:
    """What an installed package says it needs here."""
    for text in metadata.requires(name) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield requirement


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_for_is_locked(name):
    found = locked(ASKED[name])
    for requirement in asked(name):
        version = found[canonicalize_name(requirement.name)].version
        assert requirement.specifier.contains(version, prereleases=True), requirement


def test_all_that_is_needed_in_turn_is_locked_torch_apart():
    found = everything()
    waiting = [Requirement("torch"), *(one for name in ASKED for one in asked(name))]
    seen = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), requirement.extras
        if (name, *sorted(extras)) in seen:
            continue
        seen.add((name, *sorted(extras)))
        if name != "torch":
            version = found[name].version
            assert requirement.specifier.contains(version, prereleases=True), requirement
        waiting += [one for one in needs(name, extras) if not one.name.startswith(BUILDS)]
    assert found.keys() <= {name for name, *_ in seen}, "locked and not needed"


def test_what_is_imported_is_asked_for():
    roots = {"pipeline", "analysis", "benchmarks"}
    for folders, files in ((roots, ["requirements.in"]), ({"tests"}, list(ASKED))):
        names = {canonicalize_name(one.name) for name in files for one in asked(name)} | {"torch"}
        found = {module for folder in folders for module in imported(ROOT / folder)} - roots
        owners = metadata.packages_distributions()
        used = {canonicalize_name(owners[module][0]) for module in found if module in owners}
        assert used <= names and len(used) > 10


def test_no_pattern_needs_a_later_python_than_debians():
    """Before 3.11.5 a possessive repeat of a group, as in (?:a|b)*+, passes over what it matches:
    an atomic group, (?>(?:a|b)*), does not."""
    for folder in ("pipeline", "analysis"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(r"\)[*+?}]\+", path.read_text(encoding="utf-8")), path


def imported(folder: Path) -> Iterator[str]:
    """The top-level modules that a folder's files import."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def test_what_is_installed_is_what_is_locked():
    found = everything()
    assert {name: metadata.version(name) for name in found} == {
        name: one.version for name, one in found.items()
    }


def test_torch_is_of_one_version_and_of_whichever_build():
    (version,) = TORCH.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    assert metadata.version("torch").partition("+")[0] == version
    assert not [name for name in everything() if name.startswith(("torch", *BUILDS))]


@pytest.mark.parametrize("name", [*ASKED, *ASKED.values()])
def test_no_file_names_a_host(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text and " @ " not in text
    assert not [line for line in lines(ROOT / name) if line.startswith("-") and line[1] != "c"]
