"""Other processes, as tests look at them."""

import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 120


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def name_of(pid: str) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def alive(pid: str) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
