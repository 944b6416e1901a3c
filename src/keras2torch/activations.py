"""Keras' activations as PyTorch expressions: one table.

Source: keras/src/activations/activations.py. ``{0}`` is the operand; ``{dim}`` the dimension of
Keras' last axis, for those that normalise over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras2torch.errors import UnsupportedError, quoted

if TYPE_CHECKING:
    from keras2torch.ir.program import Tensor
    from keras2torch.ir.step import Step

EXPRESSIONS: Mapping[str, str] = {
    "linear": "{0}",
    "relu": "torch.relu({0})",
    "relu6": "F.relu6({0})",
    "leaky_relu": "F.leaky_relu({0}, 0.2)",
    "elu": "F.elu({0})",
    "selu": "F.selu({0})",
    "celu": "F.celu({0})",
    "gelu": "F.gelu({0})",
    "softplus": "F.softplus({0}, threshold=float('inf'))",
    "softsign": "F.softsign({0})",
    "sigmoid": "torch.sigmoid({0})",
    "log_sigmoid": "F.logsigmoid({0})",
    "hard_sigmoid": "F.hardsigmoid({0})",
    "hard_tanh": "F.hardtanh({0})",
    "hard_shrink": "F.hardshrink({0})",
    "soft_shrink": "F.softshrink({0})",
    "tanh_shrink": "F.tanhshrink({0})",
    "tanh": "torch.tanh({0})",
    "exponential": "torch.exp({0})",
    "silu": "F.silu({0})",
    "swish": "F.silu({0})",
    "mish": "F.mish({0})",
    "hard_silu": "F.hardswish({0})",
    "hard_swish": "F.hardswish({0})",
    "softmax": "torch.softmax({0}, dim={dim})",
    "log_softmax": "torch.log_softmax({0}, dim={dim})",
}


def name_of(value: object, where: str) -> str:
    """The activation's name, whichever way the config spells it.

    Raises:
        UnsupportedError: one that is not in the table.
    """
    if value is None:
        return "linear"
    if isinstance(value, dict) and value.get("class_name") == "function":
        value = value.get("config")
    if not isinstance(value, str) or value not in EXPRESSIONS:
        shown = value.get("class_name") if isinstance(value, dict) else value
        raise UnsupportedError(f"{where}: activation {quoted(shown)} has no port yet")
    return value


def activate(step: Step, x: Tensor, value: Any) -> Tensor:
    """The activation of ``x`` in one statement; none for ``linear``."""
    name = name_of(value, step.where)
    if name == "linear":
        return x
    dim = x.dim(-1)
    expression = EXPRESSIONS[name].replace("{dim}", str(-1 if dim == x.rank - 1 else dim))
    return step.compute(expression, x, like=x)
