"""What Keras does to constrained weights behind each update, in place.

Norms are taken along ``dim``, one dimension or several. Keras scales the weights whatever their
norm is, by a little less than 1 where nothing is to be done; ``torch.renorm`` leaves them alone
then. Source: keras/src/constraints/constraints.py.
"""

import torch
from torch import Tensor


@torch.no_grad()
def max_norm_(weight: Tensor, max_value: float, dim: int | tuple[int, ...]) -> Tensor:
    """Norms of ``max_value`` at most."""
    norms = weight.square().sum(dim, keepdim=True).sqrt()
    return weight.mul_(norms.clamp(0, max_value) / (1e-7 + norms))


@torch.no_grad()
def unit_norm_(weight: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Norms of 1."""
    return weight.div_(1e-7 + weight.square().sum(dim, keepdim=True).sqrt())


@torch.no_grad()
def min_max_norm_(
    weight: Tensor, min_value: float, max_value: float, rate: float, dim: int | tuple[int, ...]
) -> Tensor:
    """Norms that move towards the range from ``min_value`` to ``max_value``, all the way if
    ``rate`` is 1."""
    norms = weight.square().sum(dim, keepdim=True).sqrt()
    wanted = rate * norms.clamp(min_value, max_value) + (1 - rate) * norms
    return weight.mul_(wanted / (1e-7 + norms))
