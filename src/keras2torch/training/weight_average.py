"""The average of a model's weights along ``fit``: torch's, of every batch or epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from keras2torch.training.batches import RowBatch
from keras2torch.training.plan import WeightAverage


class WeightAverager:
    """Averages a model's parameters when told that a batch or an epoch has ended."""

    def __init__(self, model: nn.Module, chosen: WeightAverage) -> None:
        average = None if chosen.decay is None else get_ema_multi_avg_fn(chosen.decay)  # type: ignore[no-untyped-call]
        self.chosen, self.model, self.swapped = chosen, model, False
        self.averaged = AveragedModel(model, multi_avg_fn=average)

    def after(self, what: str, model: nn.Module, epoch: int) -> None:
        """Take the weights in, if this is when it is done."""
        if what == self.chosen.per and epoch >= self.chosen.first_epoch:
            self.averaged.update_parameters(model)

    def put_into(self, model: nn.Module) -> bool:
        """Make the averages the model's weights; whether its statistics are out of date then."""
        if not int(self.averaged.n_averaged):
            return False
        statistics = self.chosen.decay is None and bool(normalisations(model))
        if self.swapped:  # they are there already
            return statistics
        with torch.no_grad():
            pairs = zip(model.parameters(), self.averaged.module.parameters(), strict=True)
            for own, averaged in pairs:
                own.copy_(averaged)
        return statistics

    def swap(self) -> None:
        """Have the averages in the model and its weights here, or the other way round."""
        if not int(self.averaged.n_averaged):
            return
        self.swapped = not self.swapped
        with torch.no_grad():
            pairs = zip(self.model.parameters(), self.averaged.module.parameters(), strict=True)
            for own, averaged in pairs:
                kept = own.clone()
                own.copy_(averaged)
                averaged.copy_(kept)

    def restart(self) -> None:
        """What is in the model now is the average: nothing is to be put into it."""

    def state_dict(self) -> dict[str, Any]:
        return {"swapped": self.swapped, "averaged": self.averaged.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.swapped = state["swapped"]
        self.averaged.load_state_dict(state["averaged"])


def normalisations(model: nn.Module) -> list[nn.Module]:
    """The modules that keep running statistics of their batches."""
    return [m for m in model.modules() if hasattr(m, "running_mean") and hasattr(m, "momentum")]


@torch.no_grad()
def renew_statistics(model: nn.Module, method: str, batches: Iterator[RowBatch]) -> None:
    """Batch normalisation's statistics anew: the plain mean over these batches."""
    modules: list[Any] = normalisations(model)
    before = [module.momentum for module in modules]
    training = model.training
    model.train()
    for count, batch in enumerate(batches):
        for module in modules:
            module.momentum = 1 / (count + 1)
        getattr(model, method)(*batch.inputs)
    for module, momentum in zip(modules, before, strict=True):
        module.momentum = momentum
    model.train(training)
