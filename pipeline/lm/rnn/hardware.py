"""What a training takes from the machine at hand: arithmetic, padded shapes, loss scale, memory."""

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import nn

from pipeline.lm.io.errors import InputError
from pipeline.lm.rnn.network import RecurrentNetwork

MOST_UNITS, MOST_STREAMS = 1024, 128
UNIT_MULTIPLE, STREAM_MULTIPLE = 128, 8
"""cuDNN's persistent kernels, which keep the recurrent weights on the chip, take half precision,
H and D multiples of 128 up to 1,024 and N a multiple of 8 up to 128."""

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of glibc's mallopt, from <malloc.h>."""
MOST = 2**31 - 1

SMALL_STEP = 3e7
"""Multiplications of one layer at one symbol of N streams, up to which a training keeps to one
thread: two that sleep while they wait are slower than one, two that spin lose by far beside other
work (benchmarks/threads.py)."""

LOSS_SCALE = 1024.0
"""Half precision ends at 6e-8 and 65,504; gradients of the loss, clipped at 5, fit in between
when scaled by this. What overflows nonetheless is clipped, what is no number is passed over."""


@dataclass(frozen=True)
class Plan:
    """How one training runs on one device; the padding changes no result."""

    device: torch.device
    dtype: torch.dtype
    """Of the matrix products; master weights, carried states and sums are float32."""
    inputs: int
    """Width of the one-hot vectors, V or more."""
    streams: int
    """N, or more: what is added reads nothing and predicts nothing."""
    loss_scale: float
    threads: int | None = None
    """Of the processor; None: as many as PyTorch has."""


def device_at_hand() -> torch.device:
    """The GPU, where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def processor(device: torch.device) -> str:
    """The kind of processor that computes, as a card names it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_model_name()} ({torch.backends.cpu.get_cpu_capability()})"


def _model_name() -> str:
    """The CPU's name by Linux, elsewhere its architecture."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def keep_freed_memory() -> None:
    """Let this process keep what it frees, where its C library can.

    A step on a CPU takes and frees hundreds of megabytes in large blocks; to get them from the
    system each time, page by page, is a fifth to a quarter of the step.
    """
    if hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, MOST)


def plan(precision: str, device: torch.device, network: RecurrentNetwork, n: int) -> Plan:
    """The fastest way to train `network` with n streams at a precision, `auto` or a torch dtype."""
    persistent = (
        device.type == "cuda"
        and network.hidden % UNIT_MULTIPLE == 0
        and network.hidden <= MOST_UNITS
        and n <= MOST_STREAMS
    )
    dtype = chosen_precision(precision, device, persistent)
    padded = persistent and dtype == torch.float16
    return Plan(
        device,
        dtype,
        inputs=_multiple(network.size, UNIT_MULTIPLE) if padded else network.size,
        streams=_multiple(n, STREAM_MULTIPLE) if padded else n,
        loss_scale=LOSS_SCALE if dtype == torch.float16 else 1.0,
        threads=threads_for(network, n) if device.type == "cpu" else None,
    )


def threads_for(network: RecurrentNetwork, n: int) -> int | None:
    """How many threads train a network with n streams, None for as many as there are. It depends
    on no neighbour, so that results don't."""
    weights = sum(weight.numel() for weight in network.layers[-1].parameters())
    return one_thread() if n * weights <= SMALL_STEP else None


def one_thread() -> int | None:
    """For work whose parts are too small to share, unless the user says how many."""
    return None if "OMP_NUM_THREADS" in os.environ else 1


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """So many threads for PyTorch's work on the processor, afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def chosen_precision(wanted: str, device: torch.device, persistent: bool = False) -> torch.dtype:
    """The arithmetic of the matrix products. `auto`: float16 for cuDNN's persistent kernels, else
    bfloat16 where the processor has it, else float32. InputError if the device cannot do it."""
    if device.type == "cuda":
        auto = torch.float16 if persistent else torch.bfloat16
        return auto if wanted == "auto" else getattr(torch, wanted)
    if wanted == "float16":
        raise InputError("train.precision float16 is for GPUs: use auto, bfloat16 or float32")
    if wanted == "bfloat16" and not processor_trains_in_bfloat16():
        raise InputError(
            "train.precision bfloat16 is more than this processor can do: use auto or float32"
        )
    if wanted != "auto":
        return getattr(torch, wanted)
    fast = torch.cpu._is_avx512_bf16_supported() and processor_trains_in_bfloat16()
    return torch.bfloat16 if fast else torch.float32


@cache
def processor_trains_in_bfloat16() -> bool:
    """Found by trying, as oneDNN may have been told to use less than there is
    (ONEDNN_MAX_CPU_ISA)."""
    try:
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", torch.bfloat16):
            nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
    except RuntimeError:
        return False
    return True


def _multiple(value: int, of: int) -> int:
    return -(-value // of) * of
