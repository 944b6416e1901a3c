"""A training that goes on where it was interrupted."""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from keras2torch.training.callbacks.callback import Callback
from keras2torch.training.saving import write_aside


class BackupAndRestore(Callback):
    """Keeps the state behind every epoch, or every ``save_freq`` batches, and begins with it if it
    is there. An epoch that was interrupted begins anew. The folder goes when the training has
    ended, unless ``delete_checkpoint`` is off. Source: keras/src/callbacks/backup_and_restore.py.
    """

    def __init__(
        self, backup_dir: str, save_freq: int | None = None, delete_checkpoint: bool = True
    ) -> None:
        self.path = Path(backup_dir, "latest.pt")
        self.save_freq = save_freq
        self.delete_checkpoint = delete_checkpoint
        self.epoch = 0
        self.batches = 0  # since the last backup

    def on_train_begin(self) -> None:
        if not self.path.exists():
            return
        backup = torch.load(self.path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(backup["model"])
        self.state.optimizer.load_state_dict(backup["optimizer"])
        self.state.step, self.state.epoch = backup["step"], backup["epoch"]
        if self.state.average is not None:
            self.state.average.load_state_dict(backup["average"])

    def on_batch_end(self, batch: int, logs: Callable[[], dict[str, float]]) -> None:
        self.batches += 1
        if self.save_freq is not None and self.batches >= self.save_freq:
            self.batches = 0
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.epoch = epoch + 1
        if self.save_freq is None:
            self.save()

    def save(self) -> None:
        average = self.state.average
        backup = {
            "model": self.model.state_dict(),
            "optimizer": self.state.optimizer.state_dict(),
            "step": self.state.step,
            "epoch": self.epoch,
            "average": None if average is None else average.state_dict(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(self.path, lambda aside: torch.save(backup, aside))

    def on_train_end(self) -> None:
        if self.delete_checkpoint:
            shutil.rmtree(self.path.parent, ignore_errors=True)
