"""The commands by hand in surroundings that nobody plans for: they work, or say one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, prepare_model

PLACE = "Märchen und Texte"
TRAVELS = ("analysis", "conf", "pipeline", "params.yaml", "scales", "reports", "pyproject.toml")
COMMANDS = {
    "sample": ("pipeline.sample", "MODEL", "--length", "40"),
    "score": ("pipeline.score", "MODEL", "TEXT"),
    "download": ("pipeline.download", "--list"),
    "claims": ("analysis.claims", "--list"),
}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with spaces and beyond ASCII, in it a network and a text."""
    folder = tmp_path_factory.mktemp("surroundings") / PLACE
    prepare_model(folder)
    return folder


@pytest.fixture(scope="session")
def checkout(place: Path) -> Path:
    """The project in a folder with spaces and beyond ASCII."""
    folder = place / "checkout"
    folder.mkdir()
    for name in TRAVELS:
        (folder / name).symlink_to(ROOT / name)
    return folder


def words_of(command: str, place: Path) -> list[str]:
    named = {"MODEL": str(place / "model"), "TEXT": str(place / "some.txt")}
    return [sys.executable, "-m", *(named.get(word, word) for word in COMMANDS[command])]


def run(
    command: str, place: Path, folder: Path = ROOT, **environment: str | None
) -> subprocess.CompletedProcess[str]:
    """A command with variables set, or removed where None."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        words_of(command, place), cwd=folder, capture_output=True, check=False, encoding="utf-8",
        env={name: value for name, value in variables.items() if value is not None},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("sample", {"HOME": None, "USER": None, "LANG": "C", "LC_ALL": "C"}),
        ("score", {"HOME": "/nonexistent", "LC_ALL": "POSIX"}),
        ("download", {"HOME": None, "LANG": "C", "LC_ALL": "C"}),
        ("claims", {"HOME": "/nonexistent", "LANG": "C", "LC_ALL": "C"}),
    ],
)
def test_variables_change_nothing(
    place: Path, command: str, environment: dict[str, str | None]
) -> None:
    usual, here = run(command, place), run(command, place, **environment)
    assert here.returncode == 0, here.stderr
    assert here.stdout == usual.stdout


@pytest.mark.parametrize("command", ["sample", "score", "claims"])
def test_a_checkout_beyond_ascii(place: Path, checkout: Path, command: str) -> None:
    done = run(command, place, checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("command", ["sample", "claims"])
def test_a_reader_who_leaves(place: Path, command: str) -> None:
    """As `| head -c 5`: no traceback, no complaint."""
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words_of(command, place), cwd=ROOT, **pipe) as process:
        assert process.stdout and process.stderr
        process.stdout.read(5)
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == 0, said
    assert "Traceback" not in said and "error" not in said.lower()


@pytest.mark.parametrize("command", ["sample", "claims"])
def test_no_standard_input(place: Path, command: str) -> None:
    process = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *words_of(command, place)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("command", ["sample", "claims"])
def test_a_checkout_that_is_read_only(place: Path, command: str) -> None:
    """Seen so by this one process, in a namespace of its own."""
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && shift && "$@"'
    inside = ["unshare", "--mount", "sh", "-c", script, "sh", str(ROOT)]
    allowed = subprocess.run([*inside, "true"], capture_output=True, text=True, check=False)
    if allowed.returncode:
        pytest.skip(f"mounting is not allowed here: {allowed.stderr.strip()}")
    written = subprocess.run(
        [*inside, "touch", "here"], capture_output=True, text=True, check=False
    )
    assert "Read-only" in written.stderr
    done = subprocess.run(
        [*inside, *words_of(command, place)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
