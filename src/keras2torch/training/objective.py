"""A loss over the rows of a batch: several outputs, weights per row, losses of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from keras2torch.errors import DataError, TrainingError
from keras2torch.training.batches import first_rows

T = TypeVar("T")
RowLoss = Callable[[Any, Any], Tensor]


@dataclass(frozen=True)
class Objective:
    """What is made small: a callable of (outputs, targets), or one per output.

    A callable returns one value per row, per position (their mean counts for the row), or the
    mean over the rows. Weights per row need the former.
    """

    loss: RowLoss | Mapping[str, RowLoss] | Sequence[RowLoss]
    loss_weights: Mapping[str, float] | Sequence[float] | None = None

    def total(self, outputs: Any, targets: Any, weights: Any, real: int) -> Tensor:
        """The sum over the ``real`` first rows of each row's weighted loss."""
        outputs, targets = first_rows(outputs, 0, real), first_rows(targets, 0, real)
        weights = first_rows(weights, 0, real)
        if callable(self.loss):
            return _summed(self.loss, outputs, targets, weights, real)
        terms = []
        for place, (key, loss) in enumerate(_keyed(self.loss).items()):
            own = weights if isinstance(weights, Tensor | None) else _part(weights, key, place)
            term = _summed(loss, _part(outputs, key, place), _part(targets, key, place), own, real)
            terms.append(term * self._factor(key))
        return torch.stack(terms).sum()

    def _factor(self, key: str | int) -> float:
        return 1.0 if self.loss_weights is None else _keyed(self.loss_weights)[key]


def _keyed(each: Mapping[str, T] | Sequence[T]) -> dict[str | int, T]:
    """By the name of the output, or by its place."""
    pairs = each.items() if isinstance(each, Mapping) else enumerate(each)
    return dict[str | int, T](pairs)


def _part(whole: Any, key: str | int, place: int) -> Any:
    """One output's part of outputs, targets or weights."""
    if whole is None:
        return None
    try:
        return whole[key] if isinstance(whole, Mapping) else whole[place]
    except (KeyError, IndexError) as error:
        raise DataError(f"a loss is given for output {key!r}, which model or data lack") from error


def _summed(loss: RowLoss, outputs: Any, targets: Any, weights: Tensor | None, real: int) -> Tensor:
    if targets is None:
        raise DataError("no labels: the loss needs targets")
    if real == 0:  # a process without rows of its own takes part with nothing
        return 0.0 * next(t for t in _tensors_in(outputs)).sum()
    if isinstance(outputs, Tensor) and isinstance(targets, Tensor):
        targets = like_outputs(outputs, targets)
    value = loss(outputs, targets)
    if not isinstance(value, Tensor):
        raise TrainingError("a loss returns a tensor: a value per row, or their mean")
    if value.ndim == 0:
        if weights is not None:
            raise TrainingError(
                "the loss returns a mean, so rows can't be weighted: take reduction='none'"
            )
        return value * real
    per_row = value.reshape(real, -1).mean(dim=1)
    return per_row.sum() if weights is None else (per_row * weights.to(per_row.dtype)).sum()


def like_outputs(outputs: Tensor, targets: Tensor) -> Tensor:
    """Targets shaped as the outputs: (rows,) beside (rows, 1) would be broadcast to a square.

    Whole numbers beside scores of classes, (rows, classes), are class numbers and stay.
    """
    if outputs.shape == targets.shape:
        same = targets
    elif outputs.ndim == targets.ndim + 1 and outputs.shape[-1] == 1:
        same = targets.unsqueeze(-1)
    elif targets.ndim == outputs.ndim + 1 and targets.shape[-1] == 1:
        same = targets.squeeze(-1)
    else:
        return targets
    # A class of its own is no number to compute with.
    return same.to(outputs.dtype) if outputs.is_floating_point() else same


def _tensors_in(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, Mapping) else value
    return [tensor for part in parts for tensor in _tensors_in(part)]
