"""Numbers from one tensor's to another's. Source: keras/src/ops/numpy.py."""

import torch
from torch import Tensor


def linspace(
    start: Tensor, stop: Tensor, count: int, dim: int = 0, endpoint: bool = True
) -> Tensor:
    """So many numbers at equal distances, along a new axis ``dim``."""
    steps = torch.arange(count, dtype=start.dtype, device=start.device)
    share = steps / max(count - 1 if endpoint else count, 1)
    share = share.reshape(-1, *[1] * (max(start.ndim, stop.ndim) - dim))
    return torch.lerp(start.unsqueeze(dim), stop.unsqueeze(dim), share)


def logspace(
    start: Tensor, stop: Tensor, base: float, count: int, dim: int = 0, endpoint: bool = True
) -> Tensor:
    """Powers of ``base`` whose exponents are at equal distances."""
    return base ** linspace(start, stop, count, dim, endpoint)


def geomspace(
    start: Tensor, stop: Tensor, count: int, dim: int = 0, endpoint: bool = True
) -> Tensor:
    """So many numbers in equal proportions; both ends have one sign."""
    exponents = linspace(start.abs().log10(), stop.abs().log10(), count, dim, endpoint)
    return start.sign().unsqueeze(dim) * 10**exponents
