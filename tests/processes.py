"""Other processes, as tests look at them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 1800
"""Seconds: against what hangs, not against what is slow, as any machine may be busy."""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def alive(pid: str) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def assert_child_ends_with(process: subprocess.Popen[str], program: str) -> None:
    """Kill a process as soon as its one child runs a program, or a module of Python: the child,
    stopped so that it does not end by itself, must be gone soon after."""

    def runs(child: str) -> bool:
        # Not in the arguments: the parent's own, which a fork has at first, may hold the word.
        words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        return Path(words[0]).name == program or words[1:3] == ["-m", program]

    wait_until(lambda: [*map(runs, children_of(process.pid))] == [True])
    (child,) = children_of(process.pid)
    os.kill(int(child), signal.SIGSTOP)
    process.kill()
    try:
        wait_until(lambda: not alive(child))
    finally:
        if alive(child):
            os.kill(int(child), signal.SIGKILL)
