"""Resizing of whole-number images in float32 in TensorFlow's order of operations.

The result is rounded, and halves, which are common there, must fall to the same side.
"""

import torch
from torch import Tensor


def resize_bilinear_in_float32(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Linear interpolation.

    x: (batch, channels, height, width), of any dtype.

    Source: tensorflow/core/kernels/image/resize_bilinear_op.cc.
    """
    x = x.to(torch.float)
    for dim, new in zip((3, 2), reversed(size), strict=True):
        old = x.shape[dim]
        steps = torch.arange(new, dtype=torch.float, device=x.device)
        place = (steps + 0.5) * torch.tensor(old / new, dtype=torch.float) - 0.5
        share = (place - place.floor()).reshape(-1, *[1] * (3 - dim))
        first = x.index_select(dim, place.floor().long().clamp(min=0))
        second = x.index_select(dim, place.ceil().long().clamp(max=old - 1))
        x = first + (second - first) * share
    return x


def resize_antialiased_in_float32(x: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Interpolation with a kernel as wide as a new pixel; ``mode`` is "bilinear" or "bicubic".

    x: (batch, channels, height, width), of any dtype.
    Source: tensorflow/core/kernels/image/scale_and_translate_op.cc.
    """
    x = x.to(torch.float)
    for dim, new in zip((2, 3), size, strict=True):
        pixels = torch.arange(x.shape[dim], dtype=torch.float, device=x.device) + 0.5
        steps = torch.arange(new, dtype=torch.float, device=x.device) + 0.5
        step = 1 / (torch.tensor(new, dtype=torch.float) / x.shape[dim])
        apart = ((pixels - (steps * step)[:, None]) * (1 / step.clamp(min=1))).abs()
        if mode == "bilinear":
            weights = (1 - apart).clamp(min=0)
        else:
            near = ((1.5 * apart - 2.5) * apart) * apart + 1
            far = ((-0.5 * apart + 2.5) * apart - 4) * apart + 2
            weights = torch.where(apart < 1, near, torch.where(apart < 2, far, 0.0))
        total = torch.zeros_like(steps)
        for weight in weights.unbind(1):
            total = total + weight
        x = weighed(x, weights * (1 / total)[:, None], dim)
    return x


def resize_area_in_float32(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Means over what each new pixel covers.

    x: (batch, channels, height, width), of any dtype.

    Source: tensorflow/core/kernels/image/resize_area_op.cc.
    """
    x = x.to(torch.float)
    covered = torch.ones((), dtype=torch.float)
    for dim, new in zip((3, 2), reversed(size), strict=True):
        old = x.shape[dim]
        step = torch.tensor(old, dtype=torch.float) / new
        # One pixel more: the last place may be rounded to beyond the image.
        pixels = torch.arange(old + 1, dtype=torch.float, device=x.device)
        x = x.index_select(dim, pixels.long().clamp(max=old - 1))
        steps = torch.arange(new + 1, dtype=torch.float, device=x.device)[:, None]
        start, stop = steps[:-1] * step, steps[1:] * step
        last = pixels + 1 > stop
        first = torch.where(last, step, pixels + 1 - start)
        weights = torch.where(pixels < start, first, torch.where(last, stop - pixels, 1.0))
        x = weighed(x, torch.where((pixels + 1 > start) & (pixels < stop), weights, 0.0), dim)
        covered = covered * step
    return x * (1 / covered)


def weighed(x: Tensor, weights: Tensor, dim: int) -> Tensor:
    """Sums along ``dim``, added up from the first element on. weights: (new, old)."""
    rows = x.movedim(dim, -1)
    total = rows.new_zeros(*rows.shape[:-1], len(weights))
    for weight, element in zip(weights.unbind(1), rows.unbind(-1), strict=True):
        total = total + weight * element.unsqueeze(-1)
    return total.movedim(-1, dim)
