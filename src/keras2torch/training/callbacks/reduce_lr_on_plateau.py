"""Lowers the learning rate when nothing gets better."""

import warnings

from keras2torch.training.callbacks.callback import Callback, is_better
from keras2torch.training.schedules import rounded


class ReduceLROnPlateau(Callback):
    """Multiplies the learning rate by ``factor``, down to ``min_lr``, behind ``patience`` epochs in
    which ``monitor`` was no better than the best before; then waits for ``cooldown`` epochs.

    ``torch.optim.lr_scheduler.ReduceLROnPlateau`` counts both differently, and its threshold is
    relative. Source: keras/src/callbacks/reduce_lr_on_plateau.py.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self.monitor = monitor
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.min_delta = abs(min_delta)
        self.cooldown = cooldown
        self.min_lr = min_lr

    def on_train_begin(self) -> None:
        self.wait = 0
        self.cooling = 0
        self.best: float | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        rate = rounded(self.state.optimizer.param_groups[0]["lr"])
        logs["learning_rate"] = rate
        if self.monitor not in logs:
            warnings.warn(f"learning rate: there is no {self.monitor} in the logs", stacklevel=2)
            return
        value = logs[self.monitor]
        if self.cooling > 0:
            self.cooling -= 1
            self.wait = 0
        if is_better(value, self.best, self.mode, self.min_delta):
            self.best = value
            self.wait = 0
        elif self.cooling == 0:
            self.wait += 1
            if self.wait >= self.patience and rate > rounded(self.min_lr):
                self.reduce(rate)
                self.cooling = self.cooldown
                self.wait = 0

    def reduce(self, rate: float) -> None:
        for group in self.state.optimizer.param_groups:
            group["lr"] = rounded(max(rate * self.factor, self.min_lr))
