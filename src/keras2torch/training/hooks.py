"""Tells callbacks what happens in ``fit``, and keeps what they remember."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from keras2torch.errors import TrainingError
from keras2torch.training.callbacks.backup_and_restore import BackupAndRestore
from keras2torch.training.callbacks.csv_logger import CSVLogger
from keras2torch.training.callbacks.model_checkpoint import ModelCheckpoint
from keras2torch.training.callbacks.tensor_board import TensorBoard
from keras2torch.training.weight_average import WeightAverager

WRITERS = (CSVLogger, ModelCheckpoint, TensorBoard)
Logs = dict[str, float]


@dataclass
class RunState:
    """What callbacks may look at and change; ``stop`` ends the run."""

    optimizer: Optimizer
    average: WeightAverager | None
    epochs: int
    step: int = 0
    epoch: int = 0
    stop: bool = False


class CallbackHooks:
    """Copies of the callbacks of a plan, attached to a model.

    Every process has them, but for those that write files, which only the main one has.
    """

    def __init__(
        self, callbacks: Sequence[Any], model: nn.Module, state: RunState, writes: bool
    ) -> None:
        if any(isinstance(callback, BackupAndRestore) for callback in callbacks):
            raise TrainingError("fit keeps checkpoints itself: a folder for them, and resume")
        self.callbacks = [copy.deepcopy(callback) for callback in callbacks]
        self.active = [c for c in self.callbacks if writes or not isinstance(c, WRITERS)]
        for callback in self.active:
            callback.attach(model, state)

    def __bool__(self) -> bool:
        return bool(self.active)

    def begin(self, remembered: Sequence[Mapping[str, Any]] | None) -> None:
        """The run begins, or goes on with what they remembered."""
        for place, callback in enumerate(self.callbacks):
            if callback not in self.active:
                continue
            if remembered is not None and isinstance(callback, CSVLogger):
                callback.append = True
            callback.on_train_begin()
            if remembered is not None:
                vars(callback).update(copy.deepcopy(dict(remembered[place])))

    def epoch_begins(self, epoch: int) -> None:
        for callback in self.active:
            callback.on_epoch_begin(epoch)

    def batch_ended(self, batch: int, logs: Callable[[], Logs]) -> None:
        for callback in self.active:
            callback.on_batch_end(batch, logs)

    def validated(self, validate: Callable[[], Logs]) -> Logs:
        """Validate, with what they want to have done before and after."""
        for callback in self.active:
            callback.on_test_begin()
        logs = validate()
        for callback in self.active:
            callback.on_test_end(logs)
        return logs

    def epoch_ended(self, epoch: int, logs: Logs) -> None:
        for callback in self.active:
            callback.on_epoch_end(epoch, logs)

    def end(self) -> None:
        for callback in self.active:
            callback.on_train_end()

    def state_dict(self) -> list[dict[str, Any]]:
        """What each remembers, as far as it is plain data."""
        return [
            {
                name: value
                for name, value in vars(callback).items()
                if name not in ("model", "state") and _is_plain(value)
            }
            for callback in self.callbacks
        ]


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str | int) and _is_plain(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, Tensor | int | float | str)
