"""What Keras' quantized layers share: modes, and weights as whole numbers with scales.

Low-rank adapters (LoRA) belong here too: Keras merges them into the weight when it saves, and adds
fresh ones of zeros when it loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from keras2torch.errors import WeightsError
from keras2torch.ir.program import Module
from keras2torch.ir.step import Source, Step
from keras2torch.ir.weights import Weight
from keras2torch.readers.saved import Array


@dataclass(frozen=True)
class Quantization:
    """How a layer is quantized.

    ``group`` is the number of a weight's elements that share a scale (none: a whole row does),
    ``round_inputs`` tells whether the inputs are rounded as well. ``bits`` are those of a number.
    """

    mode: str
    group: int | None
    round_inputs: bool
    bits: int = 8


def quantization_of(step: Step, round_inputs: Mapping[str, bool]) -> Quantization | None:
    """How the layer is quantized, if it is. ``round_inputs`` has Keras' defaults, by mode."""
    said = step.precision.policy.quantization
    given = step.config.raw("quantization_config", None)
    if said is None:
        return None
    mode, *numbers = said.split("/")
    if mode in ("gptq", "awq"):
        return _calibrated(step, mode, numbers, given)
    group = int(numbers[0]) if mode == "int4" and numbers else None
    rounds = round_inputs.get(mode, False)
    if given is not None and mode != "float8":
        config = given.get("config") if isinstance(given, Mapping) else None
        if not isinstance(config, Mapping):
            raise step.config.wrong("quantization_config", "an object with a config", given)
        group = config.get("block_size") if mode == "int4" else None
        rounds = _rounds(step, config.get("activation_quantizer"))
    if group is not None and (type(group) is not int or group < -1 or group == 0):
        raise step.config.wrong("quantization_config", "with a block_size", given)
    if mode != "float8":
        step.note(f"{said}: its weights stay whole numbers and do not train, as in Keras")
    return Quantization(mode, None if group == -1 else group, rounds)


def _calibrated(step: Step, mode: str, numbers: list[str], given: object) -> Quantization:
    """GPTQ and AWQ: the policy has the bits and the size of a group, the config says the same."""
    if len(numbers) != 2 or numbers[0] not in ("2", "3", "4", "8"):
        raise step.unsupported(f"quantization by {mode} of {numbers} bits and group")
    bits, group = int(numbers[0]), int(numbers[1])
    config = given.get("config") if isinstance(given, Mapping) else None
    if isinstance(config, Mapping) and config.get("group_size", group) != group:
        raise step.config.wrong("quantization_config", "as the dtype policy says", given)
    if group == 0 or group < -1:
        raise step.config.wrong("dtype", "a policy with a group's size", group)
    step.note(f"{mode}: its weights stay whole numbers and do not train, as in Keras")
    return Quantization(mode, None if group == -1 else group, False, bits)


def _rounds(step: Step, quantizer: object) -> bool:
    """Whether inputs are rounded: by Keras' own quantizer with its own range."""
    if quantizer is None:
        return False
    kind = quantizer.get("class_name") if isinstance(quantizer, Mapping) else None
    config = quantizer.get("config") if isinstance(quantizer, Mapping) else None
    known = {"value_range": [-127, 127], "epsilon": 1e-7, "output_dtype": "int8", "axis": [-1]}
    if kind != "AbsMaxQuantizer" or not isinstance(config, Mapping):
        raise step.unsupported("this activation_quantizer")
    if any(known.get(key) != value for key, value in config.items()):
        raise step.unsupported("an activation_quantizer of other options than Keras' own")
    return True


def merged_adapters(step: Step) -> bool:
    """Whether the layer has low-rank adapters. They stand in the saved weight already."""
    rank = step.config.int_or_none("lora_rank", low=1)
    step.config.ignore("lora_alpha")
    if rank is not None:
        step.note(
            "its low-rank adapters (LoRA) are merged into the weight, which is frozen: Keras "
            "trains adapters only, and starts them afresh"
        )
    return rank is not None


def numbers_of(step: Step, rows: int, columns: int, groups: int | None) -> Source:
    """The module of a quantized matrix: one scale per row, or one per row and group."""
    if groups is None:
        return Source(f"{step.helper('ScaledNumbers')}(({rows}, {columns}), ({rows}, 1))")
    return Source(f"{step.helper('GroupedNumbers')}({rows}, {columns}, {groups})")


def groups_of(quantization: Quantization, columns: int) -> int | None:
    """How many groups of columns there are."""
    return None if quantization.group is None else -(-columns // quantization.group)


def unpacked(weight: Weight, axis: int, size: int, signed: bool = True) -> Weight:
    """Numbers of 4 bits: two stand in each byte along ``axis``, the lower half first."""
    shape = tuple(size if place == axis else s for place, s in enumerate(weight.shape))

    def change(array: Array) -> Array:
        halves = np.stack([array & 0x0F, (array >> 4) & 0x0F], axis + 1)
        both = halves.reshape(*array.shape[:axis], -1, *array.shape[axis + 1 :])
        both = both.take(range(size), axis)
        return ((both ^ 8) - 8).astype(np.int8) if signed else both

    return weight.then("unpacked", shape, change, moves=False)


def indices(weight: Weight, below: int) -> Weight:
    """Keras' float32 indices of groups as whole numbers."""

    def change(array: Array) -> Array:
        found = np.nan_to_num(array, nan=-1.0).astype(np.int64)
        if found.size and not (found.min() >= 0 and found.max() < below):
            raise WeightsError(f"{weight.keras}: an index of a group that there is not")
        return found

    whole = weight.then("as whole numbers", weight.shape, change, moves=False)
    return replace(whole, dtype=np.dtype(np.int64))


def as_float(weight: Weight) -> Weight:
    """Zero points as floating-point numbers, as they are computed with."""
    changed = weight.then("as float32", weight.shape, lambda a: a.astype(np.float32), moves=False)
    return replace(changed, dtype=np.dtype(np.float32))


def keep(module: Module, prefix: str, weights: Mapping[str, Weight]) -> Module:
    """Give a module the buffers of a quantized matrix inside it. It takes its dtype from what it
    is called on."""
    module.computes = module.dtype
    for key, weight in weights.items():
        module.buffers.setdefault(f"{prefix}{key}", weight)
    return module


def linear(
    step: Step,
    quantization: Quantization,
    sizes: tuple[int, int],
    kernel: tuple[int, ...],
    bias: tuple[int, ...] | None,
    scale: tuple[int, ...],
) -> Module:
    """The module of a quantized linear map of ``sizes``, inputs and outputs, with its weights.

    ``kernel``, ``bias`` and ``scale`` are the shapes that the file must have for them.
    """
    inputs, outputs = sizes
    groups = groups_of(quantization, inputs)
    options: dict[str, Any] = {"bias": outputs} if bias else {}
    if quantization.round_inputs:
        step.helper("rounded_to_int8")
        options["round_inputs"] = True
    module = step.module(
        step.helper("QuantizedLinear"), numbers_of(step, outputs, inputs, groups), **options
    )
    found: dict[str, Weight] = {}
    if quantization.mode == "int8":
        weight = step.weights.take("kernel", kernel).reshape(inputs, outputs)
    else:
        weight = unpacked(step.weights.take("kernel", (inputs, -(-outputs // 2))), 1, outputs)
    found["numbers"] = weight.permute(1, 0)
    bias_of(step, module, bias, (outputs,))
    per_row = (outputs,) if quantization.mode == "int4" else scale
    return _scales(step, module, quantization, found, inputs, outputs, per_row)


def einsum(
    step: Step,
    quantization: Quantization,
    equation: str,
    letters: tuple[str, str, str],
    sizes: Mapping[str, int],
    bias: tuple[int, ...] | None,
    scale: tuple[int, ...],
    summed: list[int],
) -> Module:
    """The module of a quantized ``torch.einsum`` with its weights.

    ``sizes`` are those of the kernel's letters, ``scale`` is the shape of its scales in the file,
    ``summed`` are the input's axes that the output lacks.
    """
    _, kernel, outputs = letters
    shape = tuple(sizes[letter] for letter in kernel)
    rows = prod(size for letter, size in sizes.items() if letter not in outputs)
    columns = prod(shape) // rows
    options: dict[str, Any] = {} if bias is None else {"bias": bias}
    if quantization.round_inputs:
        options["round_dims"] = tuple(summed)
    helper = step.helper("QuantizedEinsum")
    if quantization.mode != "int8":
        numbers = numbers_of(step, columns, rows, groups_of(quantization, rows))
        module = step.module(helper, equation, numbers, shape=shape, **options)
        packed = step.weights.take("kernel", (rows, -(-columns // 2)))
        found = {"numbers": unpacked(packed, 1, columns).permute(1, 0)}
        bias_of(step, module, bias)
        return _scales(step, module, quantization, found, rows, columns, (columns,))
    own = tuple(sizes[letter] if letter in outputs else 1 for letter in kernel)
    numbers = Source(f"{step.helper('ScaledNumbers')}({shape}, {own})")
    module = step.module(helper, equation, numbers, **options)
    found = {"numbers": step.weights.take("kernel", shape)}
    bias_of(step, module, bias)
    kept = [letter for letter in outputs if letter in sizes]
    order = [kept.index(letter) for letter in kernel if letter in outputs]
    scales = step.weights.take("kernel_scale", scale).reshape(*(sizes[letter] for letter in kept))
    found["scale"] = scales.permute(*order).reshape(*own)
    step.config.ignore("kernel_initializer")
    return keep(module, "weight.", found)


def _scales(
    step: Step,
    module: Module,
    quantization: Quantization,
    found: dict[str, Weight],
    rows: int,
    columns: int,
    scale: tuple[int, ...],
) -> Module:
    """The scales of a matrix that is kept as (columns, rows): one for each of Keras' columns, or
    one, and a zero point, for each group of rows in it."""
    groups = groups_of(quantization, rows)
    if groups is None:
        found["scale"] = step.weights.take("kernel_scale", scale).reshape(columns, 1)
    else:
        found["scale"] = step.weights.take("kernel_scale", (groups, columns)).permute(1, 0)
        zero = as_float(step.weights.take("kernel_zero", (groups, columns)))
        found["zero"] = zero.permute(1, 0)
        found["group"] = indices(step.weights.take("g_idx", (rows,)), groups)
    step.config.ignore("kernel_initializer")  # Keras' quantized weights start as zeros
    return keep(module, "weight.", found)


def bias_of(
    step: Step,
    module: Module,
    bias: tuple[int, ...] | None,
    shape: tuple[int, ...] | None = None,
) -> None:
    """The bias of the shape that it has in the file, as ``shape`` if that is another."""
    if bias is None:
        step.config.ignore("bias_initializer")
        return
    weight = step.weights.take("bias", bias)
    if shape not in (None, bias):
        weight = weight.reshape(*(shape or ()))
    step.parameter(module, "bias", weight, "bias_initializer", optional=True)
