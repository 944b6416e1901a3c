"""Penalties of weights that are more than a sum of their sizes."""

import torch
from torch import Tensor


def orthogonal_penalty(weight: Tensor, factor: float, dim: int) -> Tensor:
    """``factor`` times the mean |cosine| between the vectors that lie along ``dim`` of a matrix.

    Source: ``OrthogonalRegularizer`` in keras/src/regularizers/regularizers.py.
    """
    vectors = weight / weight.norm(dim=dim, keepdim=True).clamp(min=1e-7)
    vectors = vectors if dim == 1 else vectors.T
    count = len(vectors)
    cosines = vectors @ vectors.T
    apart = cosines * (1 - torch.eye(count, dtype=weight.dtype, device=weight.device))
    mean: Tensor = 0.5 * apart.abs().sum() / (count * (count - 1) / 2)
    return factor * mean
