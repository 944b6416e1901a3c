"""Tensors read between their elements."""

import torch
from torch import Tensor


def map_coordinates(
    x: Tensor,
    coordinates: Tensor,
    *,
    order: int = 1,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> Tensor:
    """The values of ``x`` at these places: of the nearest element (order 0), or linear.

    Outside are ``fill_value`` ("constant"), the border ("nearest"), or the tensor again ("wrap").
    x: any shape; coordinates: (x.ndim, *places), one place along each axis. Returns (*places).
    Keras: keras/src/ops/image.py, MapCoordinates.
    """
    sizes = coordinates.new_tensor(x.shape).reshape(-1, *[1] * (coordinates.ndim - 1)).long()
    first = coordinates.floor() if order else coordinates.round()
    share = coordinates - first
    total = torch.zeros_like(coordinates[0])
    for corner in range(2**x.ndim if order else 1):
        ahead = [corner >> axis & 1 for axis in range(x.ndim)]
        index = torch.stack([i + a for i, a in zip(first.long(), ahead, strict=True)])
        inside = ((index >= 0) & (index < sizes)).all(dim=0)
        index = index % sizes if fill_mode == "wrap" else index.clamp(min=0).minimum(sizes - 1)
        values = x[tuple(index)]
        if fill_mode == "constant":
            values = torch.where(inside, values, fill_value)
        if order:
            parts = [s if a else 1 - s for s, a in zip(share, ahead, strict=True)]
            values = values * torch.stack(parts).prod(dim=0)
        total = total + values
    return total
