"""Arithmetic on gradients that may be sparse: each occurrence of a row counts by itself.

An ``nn.Embedding(sparse=True)`` has a gradient with a row for each token of the batch, not summed
up. Keras on TensorFlow takes squares and magnitudes of these rows before it adds up those of one
token, so that the second moment of a frequent token is smaller than that of a dense gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor


def with_values(gradient: Tensor, values: Tensor) -> Tensor:
    """A sparse gradient with other values for the same occurrences of rows."""
    return torch.sparse_coo_tensor(
        gradient._indices(), values, gradient.shape, check_invariants=False
    )


def dense(gradient: Tensor) -> Tensor:
    """The gradient with all occurrences of a row summed up."""
    return gradient.to_dense() if gradient.is_sparse else gradient


def magnitude(gradient: Tensor) -> Tensor:
    """The sum of the magnitudes of all occurrences."""
    if gradient.is_sparse:
        return with_values(gradient, gradient._values().abs()).to_dense()
    return gradient.abs()


def root_of_rows(square: Tensor) -> Tensor:
    """``sqrt(square)`` where many rows may be 0.

    Processors may take eight times as long for the root of 0, which the rows of all tokens that
    have not occurred yet hold: float32's smallest number, in its place, is nothing beside epsilon.
    """
    return square.clamp(min=1.2e-38).sqrt_()


def add_square_(total: Tensor, gradient: Tensor, weight: float = 1.0) -> None:
    """``total += weight * gradient ** 2``."""
    if gradient.is_sparse:
        total.add_(with_values(gradient, gradient._values().square()), alpha=weight)
    else:
        total.addcmul_(gradient, gradient, value=weight)


def add_over_root_(
    total: Tensor, gradient: Tensor, square: Tensor, eps: float, weight: float
) -> None:
    """``total += weight * gradient / sqrt(square + eps)``."""
    if gradient.is_sparse:
        root = square[gradient._indices()[0]].add_(eps).sqrt_()
        total.add_(with_values(gradient, gradient._values() / root), alpha=weight)
    else:
        total.addcmul_(gradient, square.add(eps).rsqrt_(), value=weight)
