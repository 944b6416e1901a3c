"""Keeps the weights of some epochs."""

import warnings
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file

from keras2torch.training.callbacks.callback import Callback, is_better
from keras2torch.training.saving import write_aside


class ModelCheckpoint(Callback):
    """Writes the weights behind every epoch, or every ``save_freq`` batches.

    ``filepath`` may have the epoch (from 1) and logs in it: ``{epoch:02d}-{val_loss:.2f}``. With
    ``save_best_only``, only if ``monitor`` is better than it was, and than
    ``initial_value_threshold``. Source: keras/src/callbacks/model_checkpoint.py.
    """

    def __init__(
        self,
        filepath: str,
        monitor: str = "val_loss",
        mode: str = "min",
        save_best_only: bool = False,
        save_freq: int | None = None,
        initial_value_threshold: float | None = None,
    ) -> None:
        self.filepath = filepath
        self.monitor = monitor
        self.mode = mode
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self.epoch = 0
        self.batches = 0  # since the last file

    def on_epoch_begin(self, epoch: int) -> None:
        self.epoch = epoch

    def on_batch_end(self, batch: int, logs: Callable[[], dict[str, float]]) -> None:
        self.batches += 1
        if self.save_freq is not None and self.batches >= self.save_freq:
            self.batches = 0
            self.save({"batch": batch + 1}, logs())

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self.save_freq is None:
            self.save({}, logs)

    def save(self, place: dict[str, int], logs: dict[str, float]) -> None:
        """Write the file, if it is to be written."""
        path = Path(self.filepath.format(epoch=self.epoch + 1, **place, **logs))
        if self.save_best_only and self.monitor not in logs:
            warnings.warn(f"checkpoint: there is no {self.monitor} in the logs", stacklevel=2)
        elif self.save_best_only:
            value = logs[self.monitor]
            if not is_better(value, self.best, self.mode):
                return
            self.best = value
        path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(path, lambda aside: save_file(self.model.state_dict(), aside))
