"""What is done between the steps of a training."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn


class Callback:
    """Does nothing, at every point where a training asks; subclasses do something at some.

    ``attach`` tells it the model and the training's state: ``optimizer``, ``average`` (of the
    weights, or None), ``step`` (those done), ``epoch`` (the one that comes next, from 0),
    ``epochs`` (how many there will be) and ``stop``, which it may set: the training then ends
    behind this batch or epoch. Logs are numbers by name; those of a batch are means since the epoch
    began, and computing them makes a GPU wait, so they are asked for by a call.
    Source: keras/src/callbacks/callback.py.
    """

    model: nn.Module
    state: Any

    def attach(self, model: nn.Module, state: Any) -> None:
        self.model = model
        self.state = state

    def on_train_begin(self) -> None:
        pass

    def on_epoch_begin(self, epoch: int) -> None:
        pass

    def on_batch_end(self, batch: int, logs: Callable[[], dict[str, float]]) -> None:
        pass

    def on_test_begin(self) -> None:
        pass

    def on_test_end(self, logs: dict[str, float]) -> None:
        pass

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """``logs`` are those of the epoch and, with ``val_`` in front, of the validation."""

    def on_train_end(self) -> None:
        pass


def is_better(value: float, best: float | None, mode: str, min_delta: float = 0.0) -> bool:
    """Whether ``value`` is below ("min") or above ("max") the best by more than ``min_delta``.

    Keras compares in float32, or in double precision where that is the default dtype.
    Source: keras/src/callbacks/monitor_callback.py.
    """
    if best is None:
        return True
    number = np.float64 if torch.get_default_dtype() == torch.float64 else np.float32
    if mode == "min":
        return bool(number(value + min_delta) < number(best))
    return bool(number(value - min_delta) > number(best))
