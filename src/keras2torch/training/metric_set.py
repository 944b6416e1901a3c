"""The metrics of a run by name: torchmetrics', or any with update, compute and reset."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.objective import like_outputs


class MetricSet:
    """Copies of metrics that are updated together; their state can be saved at any moment."""

    def __init__(self, metrics: Mapping[str, Any], device: torch.device) -> None:
        self.metrics = {name: copy.deepcopy(metric) for name, metric in metrics.items()}
        for metric in self.metrics.values():
            if _is_torchmetrics(metric):
                # Every process is shown all rows: there is nothing to bring together.
                metric.sync_on_compute = False
                metric.to(device)
            metric.reset()

    def __bool__(self) -> bool:
        return bool(self.metrics)

    def update(self, outputs: Any, targets: Any) -> None:
        """Count a batch of predictions in."""
        if isinstance(outputs, Tensor) and isinstance(targets, Tensor):
            same = outputs.shape == targets.shape
            targets = targets if same else like_outputs(outputs, targets).to(targets.dtype)
        for metric in self.metrics.values():
            metric.update(outputs, targets.long() if _of_classes(metric) else targets)

    def values(self) -> dict[str, float]:
        """Every metric's value so far."""
        return {name: float(metric.compute()) for name, metric in self.metrics.items()}

    def results(self) -> dict[str, float]:
        """Every metric's value, and a new start."""
        found = self.values()
        for metric in self.metrics.values():
            metric.reset()
        return found

    def state_dict(self) -> dict[str, Any]:
        """What they have counted, as plain data."""
        return {name: _state(metric) for name, metric in self.metrics.items()}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on from there."""
        for name, metric in self.metrics.items():
            for key, value in state[name].items():
                setattr(metric, key, _on(value, device))


def _is_torchmetrics(metric: Any) -> bool:
    return hasattr(metric, "metric_state")


def _of_classes(metric: Any) -> bool:
    """Whether it is one of torchmetrics' that want whole numbers for classes."""
    return _is_torchmetrics(metric) and ".classification" in type(metric).__module__


def _state(metric: Any) -> dict[str, Any]:
    if _is_torchmetrics(metric):
        return {**metric.metric_state, "_update_count": metric._update_count}
    return {k: v for k, v in vars(metric).items() if isinstance(v, Tensor | list | int | float)}


def _on(value: Any, device: torch.device) -> Any:
    if isinstance(value, list):
        return [_on(part, device) for part in value]
    return value.to(device) if isinstance(value, Tensor) else value
