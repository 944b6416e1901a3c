"""Padding and slices of ``keras.ops`` that PyTorch has no function for."""

import torch
from torch import Tensor


def mirror_pad(x: Tensor, pads: tuple[tuple[int, int], ...], mode: str) -> Tensor:
    """Pad every axis with its own elements, mirrored at its end.

    "reflect" leaves the last element out, "symmetric" repeats it. Keras: keras/src/ops/numpy.py,
    Pad.
    """
    repeat = 1 if mode == "symmetric" else 0
    for dim, (before, after) in enumerate(pads):
        if before or after:
            size = x.shape[dim]
            front = torch.arange(before - repeat, -repeat, -1, device=x.device)
            back = torch.arange(size - 2 + repeat, size - 2 + repeat - after, -1, device=x.device)
            middle = torch.arange(size, device=x.device)
            x = x.index_select(dim, torch.cat([front, middle, back]))
    return x


def slice_update(x: Tensor, starts: tuple[int, ...], updates: Tensor) -> Tensor:
    """``x`` with the box at ``starts`` replaced. Keras: keras/src/ops/core.py, SliceUpdate."""
    y = x.clone()
    box = y
    for dim, (start, size) in enumerate(zip(starts, updates.shape, strict=True)):
        box = box.narrow(dim, start, size)
    box.copy_(updates)
    return y
