"""Run a compiler on text that may be hostile: no network, bounded time, memory and output.

What the text can do is bounded here; what it can ask for (includes, shell escapes) is the
caller's to neutralise. Nothing that a compiler writes is ever executed.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from shutil import which
from typing import IO, NamedTuple, TypeVar

from pipeline.lm.io.errors import InputError

T = TypeVar("T")
R = TypeVar("R")

# `PATH` lets gcc find its parts; TeX's two settings keep it to the working directory and its own
# tree, for reading and for writing.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C",
    "openin_any": "p",
    "openout_any": "p",
    "shell_escape": "f",
}
_PACKAGES = {"gcc": "gcc", "pdftex": "texlive-latex-base", "prlimit": "util-linux"}
_NO_NETWORK = (("unshare", "--net"), ("unshare", "--map-root-user", "--net"))


class Limits(NamedTuple):
    """What one run may use."""

    cpu_seconds: int = 20
    wall_seconds: float = 600.0
    """Against what waits for ever, or a machine so busy that nothing comes of it."""
    memory_bytes: int = 1 << 30
    output_bytes: int = 32 << 20
    """Of each file it writes, standard output and error included."""


LIMITS = Limits()


class Result(NamedTuple):
    """What became of one run."""

    status: str
    """`exited`, `timeout` or `killed` (by a signal: a limit exceeded, or a crash)."""
    code: int
    """Exit status; the signal's number where killed."""
    stdout: bytes
    stderr: bytes

    @property
    def reason(self) -> str:
        """The status in words, for a count of skipped texts."""
        if self.status != "killed":
            return self.status
        return f"killed by {signal.Signals(self.code).name}"


def run(
    command: Sequence[str | Path],
    cwd: Path,
    limits: Limits = LIMITS,
    *,
    environment: dict[str, str] | None = None,
) -> Result:
    """Run `command` in `cwd`, which also is its home and its temporary directory.

    Without network where the system permits that (`network_is_cut`). The process group is killed
    when time is up. InputError if the program is not installed.
    """
    require(str(command[0]))
    here = {"HOME": str(cwd), "TMPDIR": str(cwd)}
    # Standard output goes to files, not pipes: the limit on file size then bounds it as well.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        process = subprocess.Popen(
            [*_network_prefix(), *_limit_prefix(limits), *map(str, command)],
            cwd=cwd,
            env=_ENVIRONMENT | here | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
            start_new_session=True,
        )
        try:
            code = process.wait(limits.wall_seconds)
            status = "killed" if code < 0 else "exited"
        except subprocess.TimeoutExpired:
            status, code = "timeout", 0
        finally:
            _kill_group(process)
        return Result(status, abs(code), _content(out), _content(error))


def require(*programs: str) -> None:
    """InputError unless programs are there, and what bounds them."""
    for program in (*programs, "prlimit"):
        if which(program, path=_ENVIRONMENT["PATH"]) is None:
            package = _PACKAGES.get(program, program)
            raise InputError(
                f"{program} is not installed: run make tools, or install Debian's package {package}"
            )


def network_is_cut() -> bool:
    """Whether `run` can take the network away; where not, a report should say so."""
    return bool(_network_prefix())


def parallel(function: Callable[[T], R], items: Iterable[T], workers: int | None = None) -> list[R]:
    """`function` of each item, in order, over threads: for functions that wait for `run`.

    `workers` is the number of threads, by default one for each core this process may use.
    """
    workers = workers or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


def _limit_prefix(limits: Limits) -> list[str]:
    return [
        "prlimit",
        f"--cpu={limits.cpu_seconds}",
        f"--as={limits.memory_bytes}",
        f"--fsize={limits.output_bytes}",
        "--core=0",
        "--nofile=256",
    ]


@lru_cache(maxsize=1)
def _network_prefix() -> tuple[str, ...]:
    for prefix in _NO_NETWORK:
        if (
            which(prefix[0])
            and not subprocess.run(
                [*prefix, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
            ).returncode
        ):
            return prefix
    return ()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
