"""Keras' crossentropies, of probabilities and of logits: one value per sample or position.

Keras on TensorFlow finds the logits behind outputs that come out of a sigmoid or softmax and
takes the loss of them. Elsewhere, and on JAX always, probabilities are bounded by 1e-7 and
1 - 1e-7: beyond that the loss is constant, with a gradient of zero.

Source: keras/src/losses/losses.py, keras/src/backend/{tensorflow,jax}/nn.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from keras2torch.runtime.nn_functions import binary_crossentropies, categorical_crossentropies
from keras2torch.training.losses.shapes import matched_exactly
from keras2torch.training.ranks import same_rank


def binary_crossentropy(
    outputs: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)) of probabilities, averaged over ``axis``."""
    outputs, targets = matched_exactly(outputs, targets)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + 0.5 * label_smoothing
    return binary_crossentropies(targets, outputs).mean(axis)


def binary_crossentropy_with_logits(
    outputs: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Binary crossentropy of sigmoid(outputs), for logits of any size."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + 0.5 * label_smoothing
    values = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return values.mean(axis)


def binary_crossentropy_of_steps(
    outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """The same of logits (batch, steps, 1).

    If targets are of (batch, steps), Keras squeezes the outputs, and TensorFlow finds no logits
    behind them any more: then it is that of bounded probabilities.
    """
    if outputs.dim() == targets.dim() + 1:
        return binary_crossentropy(outputs.sigmoid(), targets, label_smoothing, axis)
    return binary_crossentropy_with_logits(outputs, targets, label_smoothing, axis)


def categorical_crossentropy(
    outputs: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """-sum(y log p) over the classes; probabilities are divided by their sum first."""
    outputs, targets = matched_exactly(outputs, targets)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / targets.shape[-1]
    return categorical_crossentropies(targets, outputs, axis)


def categorical_crossentropy_with_logits(
    outputs: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    axis: int = -1,
    distributions: bool = True,
) -> Tensor:
    """-sum(y log_softmax(outputs)) over the classes.

    ``distributions``: TensorFlow counts on targets that are. Its gradient is softmax(outputs) - y
    whatever y sums to, so it is not zero where y is all zeros, as in padding. JAX derives it.
    """
    outputs, targets = matched_exactly(outputs, targets)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / targets.shape[-1]
    values = -(targets * F.log_softmax(outputs, axis)).sum(axis)
    if distributions:
        scale = outputs.logsumexp(axis)
        values = values + (1 - targets.sum(axis)) * (scale - scale.detach())
    return values


def sparse_categorical_crossentropy(
    outputs: Tensor,
    targets: Tensor,
    ignore_class: int | None = None,
    normalize: bool = False,
    epsilon: float = 1e-7,
) -> Tensor:
    """-log p of the target's class, of probabilities (..., classes) and whole numbers (...).

    ``normalize``: Keras on JAX divides the probabilities by their sum, then bounds them; on
    TensorFlow it bounds them first.
    """
    if normalize:
        logs = (outputs / outputs.sum(-1, keepdim=True)).clamp(epsilon, 1 - epsilon).log()
    else:
        logs = F.log_softmax(outputs.clamp(epsilon, 1 - epsilon).log(), -1)
    if ignore_class is not None:
        return of_other_classes(logs, targets, ignore_class)
    return of_classes(logs, targets)


def sparse_categorical_crossentropy_with_logits(
    outputs: Tensor, targets: Tensor, ignore_class: int | None = None
) -> Tensor:
    """-log_softmax(outputs) at the target's class, of logits (..., classes)."""
    logs = F.log_softmax(outputs, -1)
    if ignore_class is not None:
        return of_other_classes(logs, targets, ignore_class)
    return of_classes(logs, targets)


def of_classes(logs: Tensor, targets: Tensor) -> Tensor:
    """The negative of the logarithm at each target's class."""
    targets = targets.unsqueeze(-1) if targets.dim() < logs.dim() else targets
    return -logs.gather(-1, targets.long()).squeeze(-1)


def of_other_classes(logs: Tensor, targets: Tensor, ignored: int) -> Tensor:
    """The same, but 0 where the target is the class to be ignored."""
    targets = targets.squeeze(-1) if targets.dim() == logs.dim() else targets
    counted = targets.long() != ignored
    return torch.where(counted, of_classes(logs, torch.where(counted, targets, 0)), 0.0)


def categorical_generalized_cross_entropy(outputs: Tensor, targets: Tensor, q: float) -> Tensor:
    """(1 - p^q) / q of the target's class: near crossentropy for small q, near the error for 1.

    outputs: probabilities (batch, ..., classes), targets: whole numbers (batch, ...).
    """
    if targets.dim() != outputs.dim() - 1:
        # Keras pairs each sample with every target then, (batch, batch) values.
        raise ValueError(f"targets must be of shape {tuple(outputs.shape[:-1])}")
    chosen = F.one_hot(targets.long(), outputs.shape[-1]).to(outputs.dtype)
    return (1 - (outputs * chosen).sum(-1).pow(q)) / q
