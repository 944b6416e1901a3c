"""Keras' focal crossentropies: what is predicted well already counts less.

Source: keras/src/losses/losses.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from keras2torch.runtime.nn_functions import binary_crossentropies
from keras2torch.training.losses.shapes import matched_exactly
from keras2torch.training.ranks import same_rank


def binary_focal_crossentropy(
    outputs: Tensor,
    targets: Tensor,
    alpha: float | None = None,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """(1 - q)^gamma times the binary crossentropy, q the probability of what is the case.

    ``alpha`` weighs class 1, and 1 - alpha class 0: Keras' ``apply_class_balancing``.
    """
    outputs, targets = matched_exactly(outputs, targets)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + 0.5 * label_smoothing
    values = binary_crossentropies(targets, outputs)
    return focused(values, outputs, targets, alpha, gamma).mean(axis)


def binary_focal_crossentropy_with_logits(
    outputs: Tensor,
    targets: Tensor,
    alpha: float | None = None,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    axis: int = -1,
    softmax: bool = False,
) -> Tensor:
    """The same of sigmoid(outputs).

    ``softmax``: the model's probabilities are softmax(outputs). By these Keras on TensorFlow
    weighs, though its crossentropy is that of sigmoids.
    """
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + 0.5 * label_smoothing
    shares = outputs.softmax(-1) if softmax else outputs.sigmoid()
    values = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return focused(values, shares, targets, alpha, gamma).mean(axis)


def binary_focal_crossentropy_of_sigmoid(
    outputs: Tensor,
    targets: Tensor,
    alpha: float | None = None,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The same as Keras on JAX has it, which bounds the probabilities."""
    shares = outputs.sigmoid()
    return binary_focal_crossentropy(shares, targets, alpha, gamma, label_smoothing, axis)


def binary_focal_crossentropy_of_steps(
    outputs: Tensor,
    targets: Tensor,
    alpha: float | None = None,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The same of logits (batch, steps, 1).

    If targets are of (batch, steps), Keras squeezes the outputs, and TensorFlow finds no logits
    behind them any more.
    """
    if outputs.dim() == targets.dim() + 1:
        loss = binary_focal_crossentropy_of_sigmoid
    else:
        loss = binary_focal_crossentropy_with_logits
    return loss(outputs, targets, alpha, gamma, label_smoothing, axis)


def focused(
    values: Tensor, shares: Tensor, targets: Tensor, alpha: float | None, gamma: float
) -> Tensor:
    """Crossentropies, weighed by how far from right the probabilities are."""
    right = targets * shares + (1 - targets) * (1 - shares)
    values = (1 - right).pow(gamma) * values
    if alpha is not None:
        values = (targets * alpha + (1 - targets) * (1 - alpha)) * values
    return values


def categorical_focal_crossentropy(
    outputs: Tensor,
    targets: Tensor,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    axis: int = -1,
    epsilon: float = 1e-7,
) -> Tensor:
    """-sum(alpha (1 - p)^gamma y log p) over the classes, ``alpha`` one number or one per class.

    Keras takes the probabilities as they are, with logits too: its softmax comes first.
    """
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / targets.shape[-1]
    outputs = (outputs / outputs.sum(axis, keepdim=True)).clamp(epsilon, 1 - epsilon)
    weights = torch.as_tensor(alpha, dtype=outputs.dtype, device=outputs.device)
    return -((1 - outputs).pow(gamma) * weights * targets * outputs.log()).sum(axis)


def categorical_focal_crossentropy_with_logits(
    outputs: Tensor,
    targets: Tensor,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The same of softmax(outputs)."""
    shares = outputs.softmax(axis)
    return categorical_focal_crossentropy(shares, targets, alpha, gamma, label_smoothing, axis)
