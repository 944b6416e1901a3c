"""Keras' Dense and EinsumDense by GPTQ or AWQ: numbers of few bits, from a calibration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from keras2torch.ir.program import Module
from keras2torch.ir.step import Source, Step
from keras2torch.ir.weights import Weight
from keras2torch.layers.quantization import Quantization, bias_of, indices, keep, unpacked
from keras2torch.readers.saved import Array


def linear(
    step: Step, quantization: Quantization, sizes: tuple[int, int], bias: tuple[int, ...] | None
) -> Module:
    """A linear map by GPTQ or AWQ. Keras keeps its bias first, and its matrix as PyTorch does.

    The numbers are unsigned; 128 less, and zero points 128 less, are the same matrix as int8.
    """
    inputs, outputs = sizes
    groups = 1 if quantization.group is None else -(-inputs // quantization.group)
    options: dict[str, Any] = {"bias": outputs} if bias else {}
    divided = ", divided=True" if quantization.mode == "awq" else ""
    numbers = Source(f"{step.helper('GroupedNumbers')}({outputs}, {inputs}, {groups}{divided})")
    module = step.module(step.helper("QuantizedLinear"), numbers, **options)
    bias_of(step, module, bias, (outputs,))
    if quantization.bits == 4:
        packed = step.weights.take("quantized_kernel", (-(-outputs // 2), inputs))
        weight = unpacked(packed, 0, outputs, signed=False)
    else:
        weight = step.weights.take("quantized_kernel", (outputs, inputs))
    scale = step.weights.take("kernel_scale", (outputs, groups))
    zero = step.weights.take("kernel_zero", (outputs, groups))
    found = {"numbers": _below_128(weight, np.int8), "scale": scale}
    found["zero"] = _below_128(zero, np.float32)
    if divided:
        found["divisor"] = step.weights.take("awq_scales", (inputs,))
    found["group"] = indices(step.weights.take("g_idx", (inputs,)), groups)
    step.config.ignore("kernel_initializer")
    return keep(module, "weight.", found)


def _below_128(weight: Weight, kind: type[np.generic]) -> Weight:
    def change(array: Array) -> Array:
        return (array.astype(np.int16) - 128).astype(kind)

    return replace(weight.then("128 less", weight.shape, change, moves=False), dtype=np.dtype(kind))
