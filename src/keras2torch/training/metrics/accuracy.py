"""Accuracies: whether an output says the right thing, for ``MeanMetric``.

Source of all: keras/src/metrics/accuracy_metrics.py.
"""

import torch
from torch import Tensor

from keras2torch.training.metrics.metric import at_least_float32
from keras2torch.training.ranks import same_rank


def exact_match(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 where output and target are the same number. Keras' ``Accuracy``."""
    targets, outputs = same_rank(targets.to(outputs.dtype), outputs)
    return (targets == outputs).to(outputs.dtype)


def binary_accuracy(outputs: Tensor, targets: Tensor, threshold: float = 0.5) -> Tensor:
    """1 where the output is above the threshold and the target 1, or neither.

    An output that is the threshold says 0. Logits too are compared as they are.
    """
    targets, outputs = same_rank(targets, outputs)
    above = at_least_float32(outputs) > threshold
    return (above.to(targets.dtype) == targets).to(outputs.dtype)


def categorical_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 where the largest of the outputs (..., classes) is the largest of the targets too."""
    classes = targets.argmax(dim=-1)
    found = outputs.argmax(dim=-1).reshape(classes.shape)
    return (found.to(outputs.dtype) == classes.to(outputs.dtype)).to(outputs.dtype)


def sparse_categorical_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 where the largest of the outputs (..., classes) is that of the class (...) or (..., 1)."""
    if targets.dim() == outputs.dim() and targets.shape[-1] == 1:
        targets = targets.squeeze(-1)
    found = outputs.argmax(dim=-1).to(outputs.dtype)
    matches = (found == targets.to(outputs.dtype)).to(outputs.dtype)
    return matches.squeeze(-1) if matches.dim() > 1 and matches.shape[-1] == 1 else matches


def accuracy_by_shape(outputs: Tensor, targets: Tensor) -> Tensor:
    """The accuracy that fits the shapes: binary if there is one output, sparse if targets have no
    axis of classes, else categorical. Keras' "accuracy".

    Source: is_binary_or_sparse_categorical in keras/src/trainers/compile_utils.py.
    """
    if outputs.shape[-1] == 1:
        return binary_accuracy(outputs, targets)
    if targets.dim() < outputs.dim() or targets.shape[-1] == 1:
        return sparse_categorical_accuracy(outputs, targets)
    return categorical_accuracy(outputs, targets)


def in_top_k(outputs: Tensor, classes: Tensor, k: int) -> Tensor:
    """1 where fewer than ``k`` of the outputs (..., classes) are above that of the class (...).

    So ties count, and nothing does where an output is not finite, as with tf.math.in_top_k.
    """
    classes = classes.long()
    known = (classes >= 0) & (classes < outputs.shape[-1])
    places = torch.where(known, classes, 0).unsqueeze(-1)
    above = (outputs > outputs.gather(-1, places)).sum(dim=-1)
    return (known & outputs.isfinite().all(dim=-1) & (above < k)).to(outputs.dtype)


def top_k_categorical_accuracy(outputs: Tensor, targets: Tensor, k: int = 5) -> Tensor:
    """1 where the largest of the targets (..., classes) is among the ``k`` largest outputs."""
    return in_top_k(outputs, targets.argmax(dim=-1), k)


def sparse_top_k_categorical_accuracy(
    outputs: Tensor, targets: Tensor, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """1 where the target's class (...) is among the ``k`` largest of the outputs (..., classes).

    ``from_sorted_ids``: the outputs are numbers of classes, the most probable first.
    """
    classes = targets.reshape(outputs.shape[:-1])
    if from_sorted_ids:
        found = (outputs[..., :k] == classes.unsqueeze(-1)).any(dim=-1).to(outputs.dtype)
    else:
        found = in_top_k(outputs, classes, k)
    return found.reshape(targets.shape)
