"""Keras' activations as PyTorch expressions: one table.

Source: keras/src/activations/activations.py. ``{0}`` is the operand, written once; ``{dim}`` the
dimension of Keras' last axis, for those that work along it. Some of PyTorch's own are not exact:
``F.softplus`` is the identity above 20, ``F.hardsigmoid`` has a gradient of 1/6 in float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
    "glu": "F.glu({0}, dim={dim})",
    "softplus": "-F.logsigmoid(-{0})",
    "squareplus": "squareplus({0})",
    "softsign": "F.softsign({0})",
    "sigmoid": "torch.sigmoid({0})",
    "log_sigmoid": "F.logsigmoid({0})",
    "keras2_hard_sigmoid": "keras2_hard_sigmoid({0})",  # what Keras 2 called hard_sigmoid
    "hard_sigmoid": "F.relu6({0} + 3) / 6",
    "sparse_sigmoid": "(F.hardtanh({0}) + 1) / 2",
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
    "sparse_plus": "sparse_plus({0})",
    "softmax": "torch.softmax({0}, dim={dim})",
    "log_softmax": "torch.log_softmax({0}, dim={dim})",
    "sparsemax": "sparsemax({0}, dim={dim})",
}
HELPERS = (
    "keras2_hard_sigmoid",
    "squareplus",
    "sparse_plus",
    "sparsemax",
)  # of runtime/activations.py
# Layers that Keras takes for an activation and that have no weights.
LAYERS = ("Activation", "ELU", "LeakyReLU", "ReLU", "Softmax")


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
    if isinstance(value, dict) and value.get("class_name") in LAYERS:
        return _by_layer(step, x, value)
    name = name_of(value, step.where)
    if name == "linear":
        return x
    if name in HELPERS:
        step.helper(name)
    shape = x.shape
    if name == "glu":
        x = step.keras_order(x) if x.flat else x
        shape = (*shape[:-1], _half(step, shape[-1]))
    dim = x.dim(-1)
    expression = EXPRESSIONS[name].replace("{dim}", str(-1 if dim == x.rank - 1 else dim))
    return step.compute(expression, x, like=x, shape=shape)


def _half(step: Step, size: int | None) -> int:
    if size is None or size % 2:
        raise step.unsupported(f"activation 'glu' of a last axis of size {size}")
    return size // 2


def _by_layer(step: Step, x: Tensor, value: Mapping[str, Any]) -> Tensor:
    """An activation that is a layer itself. Of a mask it is told nothing."""
    from keras2torch import registry

    if value.get("registered_name") is not None:
        raise step.unsupported("an activation that is a custom layer")
    part = step.part("activation", "activation", value)
    mapping = registry.find(str(value["class_name"]), False, part.where)
    result: Tensor = mapping.outputs(part, [replace(x, mask=None)], {})
    return replace(result, mask=x.mask)
