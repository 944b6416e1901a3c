"""Keras' Dense and EinsumDense in float8: weights as they are, with the scales to round them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch.ir.program import Module
from keras2torch.ir.step import Step
from keras2torch.layers.quantization import bias_of, keep

HISTORY = 1024  # Keras' default length of a scale's history


def linear(
    step: Step, sizes: tuple[int, int], kernel: tuple[int, ...], bias: tuple[int, ...] | None
) -> Module:
    """A linear map of ``sizes``, inputs and outputs; the shapes of its weights in the file."""
    inputs, outputs = sizes
    options: dict[str, Any] = {} if bias else {"bias": False}
    module = step.module(step.helper("Float8Linear"), inputs, outputs, **options)
    weight = step.weights.take("kernel", kernel)
    weight = weight if len(kernel) == 2 else weight.reshape(inputs, outputs)
    step.parameter(module, "weight", weight.permute(1, 0), "kernel_initializer")
    bias_of(step, module, bias, (outputs,))
    return _scaled(step, module)


def einsum(
    step: Step, equation: str, kernel: tuple[int, ...], bias: tuple[int, ...] | None
) -> Module:
    """Any other equation."""
    options: dict[str, Any] = {} if bias is None else {"bias": bias}
    module = step.module(step.helper("Float8Einsum"), equation, kernel, **options)
    step.parameter(module, "weight", step.weights.take("kernel", kernel), "kernel_initializer")
    bias_of(step, module, bias)
    return _scaled(step, module)


def _scaled(step: Step, module: Module) -> Module:
    found = {}
    policy = step.config.raw("dtype", None)
    config = policy.get("config") if isinstance(policy, Mapping) else None
    history = config.get("amax_history_length", HISTORY) if config else HISTORY
    if type(history) is not int or history < 1:
        raise step.config.wrong("dtype", "a policy with an amax_history_length", history)
    for key in ("inputs", "kernel", "outputs_grad"):
        found[key] = step.weights.take(f"{key}_scale", ())
        step.weights.take(f"{key}_amax_history", (history,))  # of training only
    step.note("float8: gradients are not rounded in the port, and its scales do not change")
    return keep(module, "", {"inputs_scale": found["inputs"], "weight_scale": found["kernel"]})
