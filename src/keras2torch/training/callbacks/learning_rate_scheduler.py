"""A learning rate by epoch."""

from collections.abc import Callable

from keras2torch.training.callbacks.callback import Callback
from keras2torch.training.schedules import rounded


class LearningRateScheduler(Callback):
    """Sets the learning rate to ``schedule(epoch)`` before each epoch, which are counted from 0.

    Source: keras/src/callbacks/learning_rate_scheduler.py.
    """

    def __init__(self, schedule: Callable[[int], float]) -> None:
        self.schedule = schedule

    def on_epoch_begin(self, epoch: int) -> None:
        for group in self.state.optimizer.param_groups:
            group["lr"] = rounded(self.schedule(epoch))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        logs["learning_rate"] = self.state.optimizer.param_groups[0]["lr"]
