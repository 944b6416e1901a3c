"""What Keras' ``fit(class_weight=...)`` makes of its argument.

Source: class_weight_to_sample_weights in keras/src/trainers/data_adapters/data_adapter_utils.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch
from torch import Tensor


def weights_of_classes(targets: Tensor, class_weight: Mapping[int, float]) -> Tensor:
    """A sample weight for each target: that of its class, 1 for classes without.

    targets: whole numbers (batch,) or (batch, 1), or one value per class (batch, classes), of
    which the largest is the class. Numbers with a fraction are rounded.
    """
    if targets.dim() > 2:
        raise ValueError("class weights need one target per sample: give sample weights")
    numbers = targets.double().reshape(len(targets), -1)
    classes = numbers.argmax(1) if numbers.shape[1] > 1 else numbers[:, 0].round()
    weights = torch.ones(len(targets), device=targets.device)
    for number, weight in class_weight.items():
        weights[classes == number] = weight
    return weights


def class_weight_of(text: str) -> dict[int, float]:
    """The weights by class that a text tells, such as ``{"0": 1.0, "1": 2.5}``."""
    return {int(n): float(weight) for n, weight in dict(json.loads(text)).items()}
