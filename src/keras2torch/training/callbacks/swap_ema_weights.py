"""Validation with averaged weights."""

from keras2torch.training.callbacks.callback import Callback


class SwapEMAWeights(Callback):
    """Validates with the averages of the weights in their place; with ``swap_on_epoch``, what the
    other callbacks find at the end of an epoch are the averages as well.

    Source: keras/src/callbacks/swap_ema_weights.py.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self.swapped = False

    def swap(self, averaged: bool) -> None:
        """Have the averages in the model, or the weights."""
        if averaged != self.swapped:
            self.state.average.swap()
            self.swapped = averaged

    def on_epoch_begin(self, epoch: int) -> None:
        if self.swap_on_epoch:
            self.swap(False)

    def on_test_begin(self) -> None:
        self.swap(True)

    def on_test_end(self, logs: dict[str, float]) -> None:
        self.swap(False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if not self.swap_on_epoch:
            return
        self.swap(True)
        if epoch == self.state.epochs - 1:
            # The average is put into the weights in the end, and is there already.
            self.state.average.restart()
