"""Keras' quantized embeddings: a scale, or several, for each row of the table."""

from __future__ import annotations

from dataclasses import replace

from keras2torch.ir.program import Module
from keras2torch.ir.step import Step
from keras2torch.ir.weights import Weight
from keras2torch.layers.quantization import (
    Quantization,
    as_float,
    groups_of,
    indices,
    keep,
    numbers_of,
    unpacked,
)


def table(step: Step, quantization: Quantization, count: int, size: int) -> Module:
    """The module of a quantized embedding with its weights: a scale, or several, for each row.

    Keras divides by float32 scales whatever the policy, and returns that.
    """
    if quantization.mode not in ("int8", "int4"):
        raise step.unsupported(f"quantization by {quantization.mode}")
    policy = replace(step.precision.policy, compute=step.precision.policy.variable)
    step.precision = replace(step.precision, policy=policy)
    groups = groups_of(quantization, size)
    numbers = numbers_of(step, count, size, groups)
    module = step.module(step.helper("QuantizedEmbedding"), numbers)
    found: dict[str, Weight] = {}
    if quantization.mode == "int8":
        found["numbers"] = step.weights.take("embeddings", (count, size))
    else:
        packed = step.weights.take("embeddings", (count, -(-size // 2)))
        found["numbers"] = unpacked(packed, 1, size)
    if groups is None:
        found["scale"] = step.weights.take("embeddings_scale", (count,)).reshape(count, 1)
    else:
        found["scale"] = step.weights.take("embeddings_scale", (count, groups))
        found["zero"] = as_float(step.weights.take("embeddings_zero", (count, groups)))
        found["group"] = indices(step.weights.take("g_idx", (size,)), groups)
    step.config.ignore("embeddings_initializer")
    return keep(module, "weight.", found)


def reverse_table(
    step: Step, quantization: Quantization, table: Module, count: int, size: int
) -> Module:
    """The table of its own that maps vectors back, whose groups are those of the first."""
    groups = groups_of(quantization, size)
    numbers = numbers_of(step, count, size, groups)
    module = step.module(step.helper("QuantizedLinear"), numbers, part="reverse")
    found: dict[str, Weight] = {}
    if quantization.mode == "int8":
        found["numbers"] = step.weights.take("reverse_embeddings", (size, count)).permute(1, 0)
    else:
        packed = step.weights.take("reverse_embeddings", (-(-size // 2), count))
        found["numbers"] = unpacked(packed, 0, size).permute(1, 0)
    if groups is None:
        scale = step.weights.take("reverse_embeddings_scale", (count,))
        found["scale"] = scale.reshape(count, 1)
    else:
        scale = step.weights.take("reverse_embeddings_scale", (groups, count))
        zero = as_float(step.weights.take("reverse_embeddings_zero", (groups, count)))
        found |= {"scale": scale.permute(1, 0), "zero": zero.permute(1, 0)}
        found["group"] = replace(table.buffers["weight.group"], keras=None)
    return keep(module, "weight.", found)
