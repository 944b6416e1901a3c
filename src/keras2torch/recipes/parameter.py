"""A parameter of the model as an expression of ``train.py``."""

from __future__ import annotations

from keras2torch.ir.literals import literal


def parameter_of(name: str) -> str:
    """The parameter with this name in the state dict: ``model.dense.weight``.

    By its name where PyTorch's modules don't declare it as a tensor: the biases of convolutions,
    all that recurrences have, and what stands in a list.
    """
    parts = name.split(".")
    if parts[-1] == "weight" and not any(part.isdecimal() for part in parts):
        return f"model.{name}"
    return f"model.get_parameter({literal(name)})"
