"""Axes stretched and moved."""

import torch
from torch import Tensor


def scale_and_translate(
    x: Tensor,
    dims: tuple[int, ...],
    sizes: list[int],
    scales: list[float],
    shifts: list[float],
    mode: str,
    antialias: bool = True,
) -> Tensor:
    """Each of these axes in a new size, its place p of pixels moved to ``p * scale + shift``.

    ``mode`` is "linear" or "cubic". What comes from outside is 0.
    Source: scale_and_translate in keras/src/ops/image.py.
    """
    for dim, new, scale, shift in zip(dims, sizes, scales, shifts, strict=True):
        inverse = 1 / torch.tensor(scale, dtype=x.dtype, device=x.device)
        pixels = torch.arange(x.shape[dim], dtype=x.dtype, device=x.device)[:, None]
        steps = torch.arange(new, dtype=x.dtype, device=x.device)
        place = (steps + 0.5) * inverse - shift * inverse - 0.5
        apart = (place - pixels).abs()
        if antialias:
            apart = apart / inverse.clamp(min=1)
        if mode == "linear":
            weights = (1 - apart).clamp(min=0)
        else:
            near = ((1.5 * apart - 2.5) * apart) * apart + 1
            far = ((-0.5 * apart + 2.5) * apart - 4) * apart + 2
            weights = torch.where(apart < 1, near, torch.where(apart < 2, far, 0.0))
        total = weights.sum(dim=0)
        known = total.abs() > 1000 * 2.0**-23
        known = known & (place >= -0.5) & (place <= x.shape[dim] - 0.5)
        weights = torch.where(known, weights / torch.where(known, total, 1.0), 0.0)
        x = (x.movedim(dim, -1) @ weights).movedim(-1, dim)
    return x
