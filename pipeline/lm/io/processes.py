"""Processes that never outlive the one that started them, and work shared among such."""

import ctypes
import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import active_children, get_context
from threading import RLock
from typing import TypeVar

from tqdm import tqdm

PR_SET_PDEATHSIG = 1
"""Linux's number, of sys/prctl.h."""
PRCTL = ctypes.CDLL(None).prctl
"""Looked up here: a process just forked had better not."""

Item = TypeVar("Item")
Found = TypeVar("Found")


def at_once(
    work: Callable[[Item], Found],
    items: Iterable[Item],
    processes: int,
    then: Callable[[Item, Found], object] = lambda item, found: None,
) -> None:
    """Call `work` with each item, in so many processes, which share the processor's cores, and
    `then`, here, with each and what came of it, as it comes.

    Whatever ends this process ends them.
    """
    begin = partial(_begin, ends_with_this(), max(1, cores() // processes))
    # Ctrl-C reaches a whole group of processes: this one alone answers, and ends the others.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ProcessPoolExecutor(processes, get_context("spawn"), begin) as pool:
            futures = {pool.submit(work, item): item for item in items}
            try:
                signal.signal(signal.SIGINT, handler)
                for future in as_completed(futures):
                    then(futures[future], future.result())
            except BaseException:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                for worker in active_children():
                    worker.kill()
                raise
    finally:
        signal.signal(signal.SIGINT, handler)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def ends_with_this() -> Callable[[], None]:
    """What a new process is to call for the system to kill it when the present one is gone.

    For `preexec_fn` of a process that the main thread starts.
    """
    return partial(_end_with, os.getpid())


def _end_with(parent: int) -> None:
    PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # gone already
        os._exit(1)


def _begin(end_with_parent: Callable[[], None], threads: int) -> None:
    import torch  # here: who only starts processes need not wait for it

    end_with_parent()
    torch.set_num_threads(threads)
    tqdm.set_lock(RLock())  # its own is a semaphore, which a killed process leaves behind
