"""Stops when the loss is no number."""

import math
from collections.abc import Callable

from keras2torch.training.callbacks.callback import Callback


class TerminateOnNaN(Callback):
    """Stops behind the batch whose loss is infinite or NaN; with ``raise_error``, by an error.

    Looking at every batch's loss makes a GPU wait for it.
    Source: keras/src/callbacks/terminate_on_nan.py.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Callable[[], dict[str, float]]) -> None:
        loss = logs()["loss"]
        if math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {loss} in batch {batch}")
        print(f"Batch {batch}: the loss is {loss}, stopping")
        self.state.stop = True
