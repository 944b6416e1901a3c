"""What Keras' optimizer has gathered, put into the optimizer of the port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from keras2torch.training.accumulation import GradientAccumulator
from keras2torch.training.moving_average import MovingAverage


def load_slots(
    optimizer: torch.optim.Optimizer, model: nn.Module, stored: Mapping[str, Tensor], updates: int
) -> None:
    """Go on from ``stored``, a port's ``optimizer.safetensors``, after so many ``updates``.

    ``<parameter>.<slot>`` becomes the parameter's state under the slot's name; the learning rate is
    Keras', which callbacks may have changed since ``compile()``.
    """
    parameters = dict(model.named_parameters())
    for key, tensor in stored.items():
        name, _, slot = key.rpartition(".")
        if name and slot not in ("average", "accumulated_gradient"):
            parameter = parameters[name]
            optimizer.state[parameter][slot] = tensor.to(parameter.device)
    for group in optimizer.param_groups:
        if "learning_rate" in stored:
            group["lr"] = stored["learning_rate"].item()
        if "mu_product" in stored:
            group["mu_product"] = stored["mu_product"].item()
        if "step" in group:
            group["step"] = updates
        else:  # torch's own optimizers count for each parameter
            for state in (optimizer.state[p] for p in group["params"] if p in optimizer.state):
                state["step"] = torch.tensor(float(updates))


def load_sums(
    accumulator: GradientAccumulator, model: nn.Module, stored: Mapping[str, Tensor]
) -> None:
    """The gradients that Keras had collected since its last update."""
    sums = values_for(accumulator.parameters, model, stored, "accumulated_gradient")
    count = int(stored["step"]) % accumulator.steps
    accumulator.load_state_dict({"count": count, "sums": sums})


def load_averages(average: MovingAverage, model: nn.Module, stored: Mapping[str, Tensor]) -> None:
    """The averages of the weights as Keras had them."""
    averages = values_for(average.parameters, model, stored, "average")
    average.load_state_dict({"steps": int(stored["step"]), "averages": averages})


def values_for(
    parameters: Iterable[Tensor], model: nn.Module, stored: Mapping[str, Tensor], slot: str
) -> list[Tensor]:
    """What is stored under this name of each parameter."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [stored[f"{names[id(parameter)]}.{slot}"] for parameter in parameters]
