"""How threads should wait for each other: policies of OpenMP, alone and beside other work.

    python benchmarks/threads.py [--networks 2x192:32:64 3x512:100:100] [--seconds 4] [--json]

LAYERSxUNITS:N:T is a network, its streams and symbols a window. Under each policy a process trains
it, with as many threads as there are cores but for `one thread`, some seconds in every condition;
then it is the next policy's turn. Figures are medians of steps a second over the best of their
condition. Under `one taken` the process loses one core every other twentieth of a second.

Choose by `worst`, a policy's lowest. On two cores of an AMD EPYC (Zen 4), quiet / worst, where
oneDNN has AVX-512 with bfloat16, and where it is held to AVX2:

                       2x192:32:64    3x512:100:100   2x192, AVX2    3x512, AVX2
    default (300,000)   .93 / .29       .96 / .45      1   / .42      .99 / .57
    spin 1,000          .83 / .50       .94 / .90       .89 / .67     .99 / .88
    passive             .34 / .34       .96 / .92       .58 / .58     .92 / .92
    one thread          .59 / .59       .50 / .50       .55 / .55     .52 / .52

So threads wait passively (pipeline/__init__.py), and small networks have one
(pipeline/lm/rnn/hardware.py).
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import product
from pathlib import Path
from threading import Event, Thread

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.reporting import Row, show

POLICIES = {
    "default (300,000)": {"GOMP_SPINCOUNT": "300000"},
    "spin 100,000": {"GOMP_SPINCOUNT": "100000"},
    "spin 10,000": {"GOMP_SPINCOUNT": "10000"},
    "spin 1,000": {"GOMP_SPINCOUNT": "1000"},
    "spin 100": {"GOMP_SPINCOUNT": "100"},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
"""All but the last with as many threads as there are cores, for small networks too."""
TAKEN = "one taken"
BUSY = {"quiet": 0, "one beside": 1, "three beside": 3, TAKEN: 0}
"""Conditions, and busy processes of each."""
INTERVAL = 0.05
"""Seconds between taking a core away and giving it back."""


class Worker:
    """A process that trains a network under one policy, when told to."""

    def __init__(self, network: str, policy: dict[str, str]) -> None:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
        own["OMP_NUM_THREADS"] = str(len(os.sched_getaffinity(0)))
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", network], env=own | policy, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def turn(self, seconds: float) -> float:
        """Steps a second of a turn that long, or of one step."""
        assert self.process.stdin and self.process.stdout
        print(seconds, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def turn_under(self, condition: str, seconds: float) -> float:
        """The same, in a condition."""
        with ExitStack() as stack:
            for _ in range(BUSY[condition]):
                stack.enter_context(busy())
            if condition == TAKEN:
                stack.enter_context(taken(self.process.pid))
            return self.turn(seconds)


def train(network: str) -> None:
    """What a worker does: a turn for each line."""
    from benchmarks.training import CPU, Shape, ours

    size, streams, symbols = network.split(":")
    layers, hidden = map(int, size.split("x"))
    step = ours(Shape(layers, hidden, int(streams), int(symbols)), 0.0, CPU)
    for line in sys.stdin:
        began, steps = time.perf_counter(), 0
        while steps == 0 or time.perf_counter() - began < float(line):
            step()
            steps += 1
        print(steps / (time.perf_counter() - began), flush=True)


@contextmanager
def busy() -> Iterator[None]:
    """A process that never rests beside."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def taken(pid: int) -> Iterator[None]:
    """One core of a process taken away and given back, over and over."""
    cores, over = os.sched_getaffinity(0), Event()

    def use(allowed: set[int]) -> None:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), allowed)

    def take() -> None:
        while not over.wait(INTERVAL):
            use(cores - {max(cores)})
            over.wait(INTERVAL)
            use(cores)

    thread = Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def measured(network: str, seconds: float, rounds: int) -> Iterator[Row]:
    """Every policy under every condition, taking turns."""
    rates: dict[tuple[str, str], list[float]] = {}
    for _, name in product(range(rounds), POLICIES):
        worker = Worker(network, POLICIES[name])
        worker.turn(0)  # warms up
        for condition in BUSY:
            found = rates.setdefault((name, condition), [])
            found.append(worker.turn_under(condition, seconds))
        worker.process.communicate()
    median = {key: statistics.median(found) for key, found in rates.items()}
    best = {at: max(median[name, at] for name in POLICIES) for at in BUSY}
    for name in POLICIES:
        of_best = {at: median[name, at] / best[at] for at in BUSY}
        row: Row = {"network": network, "policy": name, **of_best}
        row |= {"worst": min(of_best.values())}
        row |= {f"steps/s, {at}": median[name, at] for at in BUSY}
        yield row | {"rates": {at: rates[name, at] for at in BUSY}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["2x192:32:64", "3x512:100:100"])
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        train(arguments.worker)
        return
    rows = [
        row
        for network in arguments.networks
        for row in measured(network, arguments.seconds, arguments.rounds)
    ]
    show(rows, ("network", "policy", *BUSY, "worst", *(f"steps/s, {at}" for at in BUSY)),
         arguments.json)  # fmt: skip


if __name__ == "__main__":
    main()
