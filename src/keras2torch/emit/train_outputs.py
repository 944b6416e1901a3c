"""An output of the model in ``train.py``: its loss, its metrics, its targets and weights."""

from __future__ import annotations

import re
from dataclasses import dataclass

from keras2torch.ir.literals import literal
from keras2torch.recipes.compiled import OutputLoss, OutputMetric
from keras2torch.recipes.losses.call import reduced


@dataclass(frozen=True)
class TrainedOutput:
    """An output with a loss or metrics, and the expressions of what belongs to it.

    ``raw`` is what the model's method returns, ``activated`` Keras' output, ``mask`` the mask
    that it carries, or "".
    """

    key: str
    raw: str
    activated: str
    targets: str
    weights: str
    mask: str
    loss: OutputLoss | None
    metrics: tuple[OutputMetric, ...]

    @property
    def said(self) -> str:
        return literal(self.key)

    @property
    def values(self) -> str:
        """The loss of each sample or position."""
        assert self.loss is not None
        outputs = self.raw if self.loss.of_logits else self.activated
        outputs = f"{outputs}.to(torch.float32)" if self.loss.cast else outputs
        return self.loss.function.source(outputs, self.targets)

    @property
    def reduced(self) -> str:
        """One number of the values."""
        return self._reduced[0]

    @property
    def helpers(self) -> set[str]:
        """The definitions of ``training/`` that loss and metrics need."""
        calls = [metric.call for metric in self.metrics]
        found = set[str]().union(*(call.helpers() for call in calls))
        return (
            found if self.loss is None else found | self.loss.function.helpers() | self._reduced[1]
        )

    @property
    def _reduced(self) -> tuple[str, set[str]]:
        assert self.loss is not None
        masks = [self.mask] if self.mask else []
        if self.loss.mask is not None:
            masks.append(re.sub(r"\btargets\b", self.targets, self.loss.mask))
        return reduced(self.loss.reduction, self.weights, masks)

    @property
    def factor(self) -> str:
        """The weight of the loss in the sum of all."""
        weight = None if self.loss is None else self.loss.weight
        return "" if weight is None or weight == 1 else f"{literal(weight)} * "

    @property
    def share(self) -> str:
        """The loss in the sum of all."""
        return f"{self.factor}losses[{self.said}]"

    @property
    def loss_said(self) -> str:
        """The name of the loss in the logs."""
        return literal(f"{self.key}_loss")

    def updates(self) -> list[str]:
        """The statements that tell the metrics of a batch."""
        several = sum(not metric.of_logits for metric in self.metrics) > 1
        lines = []
        activated = self.activated
        if several and activated != self.raw:
            name = "probabilities" if self.raw == "outputs" else f"{self.raw}_probabilities"
            if name.isidentifier():
                lines.append(f"{name} = {activated}")
                activated = name
        for metric in self.metrics:
            outputs = self.raw if metric.of_logits else activated
            given = [outputs, self.targets, *([self.weights] if metric.weighted else [])]
            if self.mask and metric.call.takes_mask:
                given.append(f"mask={self.mask}")
            lines.append(f"metrics[{literal(metric.name)}].update({', '.join(given)})")
        return lines
