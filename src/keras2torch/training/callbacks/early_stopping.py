"""Stops when nothing gets better."""

import warnings

from torch import Tensor

from keras2torch.training.callbacks.callback import Callback, is_better


class EarlyStopping(Callback):
    """Stops behind ``patience`` epochs in which ``monitor`` was no better than the best before.

    Better means below ("min") or above ("max") by more than ``min_delta``. With a ``baseline`` the
    patience runs on until that is beaten as well. Epochs before ``start_from_epoch`` don't count.
    ``restore_best_weights`` ends every training with the weights of its best epoch, whether or not
    it was stopped. Source: keras/src/callbacks/early_stopping.py.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "min",
        min_delta: float = 0.0,
        patience: int = 0,
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.patience = patience
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self) -> None:
        self.wait = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: dict[str, Tensor] | None = None

    def keep(self, epoch: int) -> None:
        """Remember this epoch as the best."""
        self.best_epoch = epoch
        if self.restore_best_weights:
            state = self.model.state_dict()
            self.best_weights = {name: tensor.clone() for name, tensor in state.items()}

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self.monitor not in logs:
            warnings.warn(f"early stopping: there is no {self.monitor} in the logs", stacklevel=2)
            return
        if epoch < self.start_from_epoch:
            return
        value = logs[self.monitor]
        if self.restore_best_weights and self.best_weights is None:
            self.keep(epoch)  # a first epoch without a number is better than none
        self.wait += 1
        if is_better(value, self.best, self.mode, self.min_delta):
            self.best = value
            self.keep(epoch)
            if self.baseline is None or is_better(value, self.baseline, self.mode, self.min_delta):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.state.stop = True

    def on_train_end(self) -> None:
        if self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)
