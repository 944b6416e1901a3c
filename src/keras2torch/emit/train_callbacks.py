"""What is done between the steps of ``train.py``: the callbacks that its owner asked for."""

from __future__ import annotations

from collections.abc import Sequence

from keras2torch.recipes.call import Call
from keras2torch.recipes.callbacks.directions import direction
from keras2torch.recipes.callbacks.text import callback_of
from keras2torch.recipes.compiled import Training

EVERY_BATCH = ("CyclicLR", "TerminateOnNaN")
BATCHES = ("save_freq", "update_freq")  # options by which others look at batches as well
TESTING = ("SwapEMAWeights", "TensorBoard")
AVERAGING = ("BackupAndRestore", "SwapEMAWeights")  # they ask for the average of the weights


class Callbacks:
    """The callbacks of one ``train.py``, as texts such as ``EarlyStopping(patience=3)``."""

    def __init__(self, texts: Sequence[str], training: Training) -> None:
        optimizer = training.optimizer
        self.calls: list[Call] = [
            callback_of(
                text,
                {metric.name: direction(metric.keras) for metric in training.metrics},
                scheduled=isinstance(optimizer.learning_rate, Call),
                averaged=optimizer.averaging is not None,
                backend=training.backend,
            )
            for text in texts
        ]

    @property
    def made(self) -> list[str]:
        """What makes each of them."""
        return [call.source() for call in self.calls]

    @property
    def helpers(self) -> set[str]:
        """The definitions of ``training/`` that they need."""
        own = {"Callback"} if self.calls else set()
        return own.union(*(call.helpers() for call in self.calls))

    @property
    def look_at_batches(self) -> bool:
        """Whether one of them does something behind a batch."""
        return any(
            call.function in EVERY_BATCH or not call.options.keys().isdisjoint(BATCHES)
            for call in self.calls
        )

    @property
    def look_at_tests(self) -> bool:
        """Whether one of them does something around the validation."""
        return any(call.function in TESTING for call in self.calls)

    @property
    def ask_for_average(self) -> bool:
        """Whether one of them wants to know the average of the weights."""
        return any(call.function in AVERAGING for call in self.calls)
