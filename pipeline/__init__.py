"""The stages of the reproduction, in the order of the DAG, and the library (`lm`) they share."""

import os
import signal
import sys
from types import TracebackType


def _in_a_line(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Ctrl-C while modules are loading, before `console.run` can answer: no traceback either."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("interrupted: nothing was begun", file=sys.stderr)


if sys.argv[:1] == ["-m"]:  # a command of ours is loading: what only imports us keeps its own
    sys.excepthook = _in_a_line

# Threads that wait for each other sleep. Those that spin, as OpenMP has it, take the processor from
# the thread they wait for as soon as another program, or the machine's host, wants one too. OpenMP
# reads this when torch loads it, so `pipeline` is imported first; benchmarks/threads.py compares.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
