"""Data-parallel training: each process of `torchrun` takes its share of the N streams."""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from pipeline.lm.io.errors import InputError


@dataclass(frozen=True)
class Workers:
    """The processes that train one network together; most often this one alone."""

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls, device: torch.device) -> "Workers":
        """All processes that torchrun started; just this one without it."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        if not dist.is_initialized():
            if device.type == "cuda":
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_rank(), count)

    def leave(self) -> None:
        """Part from the others at the end."""
        if self.count > 1:
            dist.destroy_process_group()

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, n: int) -> tuple[int, int]:
        """The streams of this process: from, to."""
        if n % self.count:
            raise InputError(
                f"{n} streams cannot be shared by {self.count} processes: "
                "set train.batch to a multiple of their number"
            )
        own = n // self.count
        return self.rank * own, (self.rank + 1) * own

    def sum_(self, tensors: list[Tensor]) -> None:
        """Replace tensors by their sums over all processes, in one exchange."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        pieces = flat.split([tensor.numel() for tensor in tensors])
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.view_as(tensor))

    def gathered(self, tensor: Tensor) -> list[Tensor]:
        """This tensor of every process, in order; equal shapes."""
        if self.count == 1:
            return [tensor]
        tensors = [torch.empty_like(tensor) for _ in range(self.count)]
        dist.all_gather(tensors, tensor.contiguous())
        return tensors

    def agreed(self, decision: bool, device: torch.device) -> bool:
        """What the first process decided."""
        if self.count == 1:
            return decision
        flag = torch.tensor([decision], dtype=torch.uint8, device=device)
        dist.broadcast(flag, 0)
        return bool(flag.item())
