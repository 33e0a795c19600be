"""Inverted dropout (Srivastava et al. 2014) at a small share of a training step's time."""

import torch
from torch import Tensor
from torch.nn import functional

LEVELS = 256
"""A symbol's fate is one random byte: rates are rounded to 1/256, and scaled for as rounded."""


def dropout(values: Tensor, rate: float, training: bool) -> Tensor:
    """Zero a share `rate` of `values` and scale the rest by 1 / (1 - rate), while training.

    On the CPU torch's own draws one 32-bit number an element, which costs more than a recurrent
    layer's products leave over; here eight elements share a 64-bit draw of the same generator.
    """
    if not training or rate == 0:
        return values
    if values.device.type != "cpu":
        return functional.dropout(values, rate)
    return values * scaled_mask(values, rate)


def scaled_mask(values: Tensor, rate: float) -> Tensor:
    """Of the shape and dtype of `values`: 0 where dropped, else the scale."""
    dropped = min(round(rate * LEVELS), LEVELS - 1)
    count = values.numel()
    draws = torch.empty((count + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    fates = draws.view(torch.uint8)[:count].view(values.shape)
    mask = torch.empty(values.shape, dtype=values.dtype)
    torch.ge(fates, dropped, out=mask)
    return mask.mul_(LEVELS / (LEVELS - dropped))
