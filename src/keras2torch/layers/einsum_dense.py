from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

from keras2torch.activations import activate
from keras2torch.errors import ConfigError
from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import calibrated, float8, quantization
from keras2torch.layers.quantization import Quantization
from keras2torch.registry import Integers, example, layer

EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


def _config(equation: str, shape: Any, bias_axes: str | None = None, **more: Any) -> dict[str, Any]:
    return {"equation": equation, "output_shape": shape, "bias_axes": bias_axes, **more}


@layer(
    "EinsumDense",
    quantized=True,
    examples=[
        example(_config("ab,bc->ac", 5, "c", activation="relu"), (4,)),
        example(_config("abc,cd->abd", [None, 5], "d"), (None, 4)),
        example(_config("abc,cde->abde", [None, 2, 3], "de"), (5, 4)),
        example(_config("abcd,cde->abe", [None, 5], "e"), (3, 2, 4)),
        example(_config("abc,cde->abde", [None, 2, 3], "e"), (5, 4)),
        example(_config("abc,bcde->abde", [5, 2, 3], "bd"), (5, 4)),
        example(_config("abc,bd->adc", [3, 4], "d", activation="softmax"), (5, 4)),
        example(_config("...x,xy->...y", 5, "y"), (2, 3, 4)),
        example(_config("...ab,bcd->...acd", [3, 2, 5], "ad"), (3, 4)),
        example(_config("ab...,bc->ac...", 5, "c"), (4, 3, 2)),
        example(_config("ab,bc->ac", 5, None, kernel_initializer="he_normal"), Integers((4,), 9)),
    ],
)
def einsum_dense(step: Step, x: Tensor) -> Tensor:
    """``nn.Linear`` where the equation is a linear map of the last axes, else ``torch.einsum``."""
    step.config.ignore("gptq_unpacked_column_size")  # follows from the equation
    adapters = quantization.merged_adapters(step)
    quantized = quantization.quantization_of(step, {"int8": True})
    einsum = _einsum(step, x)
    if quantized is not None:
        return _quantized(step, step.floating(x), einsum, quantized)
    kernel = step.weights.take("kernel", einsum.kernel)
    bias_shape = einsum.bias
    bias = None if bias_shape is None else step.weights.take("bias", bias_shape)
    linear = _linear_sizes(einsum)
    if linear is not None:
        inputs, outputs = (prod(sizes) for sizes in linear)
        options: dict[str, Any] = {} if bias else {"bias": False}
        module = step.module("nn.Linear", inputs, outputs, **options)
        if len(einsum.kernel) > 2:
            kernel = kernel.reshape(inputs, outputs)
        kernel = kernel.permute(1, 0)
        if bias and len(linear[1]) > 1:
            bias = bias.reshape(outputs)
    else:
        shapes = (einsum.kernel,) if bias_shape is None else (einsum.kernel, bias_shape)
        module = step.module(step.helper("EinsumDense"), einsum.equation, *shapes)
    step.parameter(module, "weight", kernel, "kernel_initializer", einsum.fans, frozen=adapters)
    if bias:
        optional = linear is None
        step.parameter(module, "bias", bias, "bias_initializer", optional=optional)
    else:
        step.config.ignore("bias_initializer")
    x = step.floating(x, module)
    y = _call(step, module, x, einsum, linear)
    return activate(step, y, step.config.raw("activation", None))


def _call(
    step: Step,
    module: Module,
    x: Tensor,
    einsum: Einsum,
    linear: tuple[tuple[int, ...], tuple[int, ...]] | None,
) -> Tensor:
    """The module's output; a linear map takes and gives its axes as one."""
    if linear is None:
        return step.compute("{0}({1})", module, x, like=x, shape=einsum.output)
    summed, new = linear
    given = "{1}" if len(summed) == 1 else f"{{1}}.flatten(-{len(summed)})"
    flat = (*x.shape[: x.rank - len(summed)], prod(new))
    y = step.compute(f"{{0}}({given})", module, x, like=x, shape=flat)
    if len(new) == 1:
        return y
    return step.compute(f"torch.unflatten({{0}}, -1, {new})", y, like=y, shape=einsum.output)


def _quantized(step: Step, x: Tensor, einsum: Einsum, quantized: Quantization) -> Tensor:
    """The same with a weight of whole numbers, whose scales Keras stores like the output."""
    inputs, kernel, outputs = einsum.letters
    sizes = dict(zip(kernel, einsum.kernel, strict=True))
    rest = len(einsum.output) - len(outputs)
    left = rest if einsum.equation.startswith("...") else 0
    scale = (*[1] * left, *(sizes.get(letter, 1) for letter in outputs), *[1] * (rest - left))
    linear = _linear_sizes(einsum)
    if linear is not None:
        flat = (prod(linear[0]), prod(linear[1]))
    if quantized.mode in ("gptq", "awq"):
        if linear is None or len(einsum.kernel) > 2:
            raise step.unsupported(f"{quantized.mode} with equation {einsum.equation!r}")
        module = calibrated.linear(step, quantized, flat, einsum.bias)
    elif quantized.mode == "float8" and linear is not None:
        module = float8.linear(step, flat, einsum.kernel, einsum.bias)
    elif quantized.mode == "float8":
        module = float8.einsum(step, einsum.equation, einsum.kernel, einsum.bias)
    elif linear is not None:
        module = quantization.linear(step, quantized, flat, einsum.kernel, einsum.bias, scale)
    else:
        left = x.rank - len(inputs) if einsum.equation.startswith("...") else 0
        summed = [left + n for n, letter in enumerate(inputs) if letter not in outputs]
        module = quantization.einsum(
            step, quantized, einsum.equation, einsum.letters, sizes, einsum.bias, scale, summed
        )
    y = _call(step, module, x, einsum, linear)
    return activate(step, y, step.config.raw("activation", None))


@dataclass(frozen=True)
class Einsum:
    """An equation with the shapes that follow from it; ``fans`` are the kernel's."""

    equation: str
    letters: tuple[str, str, str]
    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None
    output: Shape
    fans: tuple[int, int]


def _einsum(step: Step, x: Tensor) -> Einsum:
    """Reads the equation as Keras does: sizes come from the option output_shape, then the input."""
    equation = step.config.text("equation")
    parts = EQUATION.fullmatch(equation)
    ellipses = [bool(parts[group]) for group in (1, 3, 5, 7)] if parts else [True] * 4
    if parts is None or ellipses[:2] != ellipses[2:] or all(ellipses):
        raise step.unsupported(f"equation {equation!r}")
    letters = (parts[2], parts[4], parts[6])
    inputs, kernel, outputs = letters
    if any(len(set(part)) < len(part) for part in letters):
        raise step.unsupported(f"equation {equation!r} with a letter twice")
    left, right = ellipses[:2]
    elided = x.rank - len(inputs)
    if elided < 0 or (elided > 0 and not (left or right)):
        raise ConfigError(f"{step.where}: equation {equation!r} does not fit shape {x.shape}")
    input_at = elided if left else 0
    sizes: dict[str, int | None] = {
        letter: x.shape[input_at + place] for place, letter in enumerate(inputs)
    }
    output = _output_shape(step, x, elided, left)
    if len(output) != len(outputs) + elided:
        raise ConfigError(f"{step.where}: equation {equation!r} does not fit its output_shape")
    for place, letter in enumerate(outputs, elided if left else 0):
        size = output[place] if output[place] is not None else sizes.get(letter)
        output[place] = sizes[letter] = size
    known = {letter: size for letter, size in sizes.items() if size is not None}
    if any(letter not in known for letter in kernel):
        raise step.unsupported(f"equation {equation!r} with a kernel of unknown size")
    fans = (
        prod(known[letter] for letter in kernel if letter not in outputs),
        prod(known[letter] for letter in kernel if letter in outputs),
    )
    return Einsum(
        equation,
        letters,
        tuple(known[letter] for letter in kernel),
        _bias_shape(step, outputs, known, 0 if left else elided),
        tuple(output),
        fans,
    )


def _output_shape(step: Step, x: Tensor, elided: int, left: bool) -> list[int | None]:
    given = step.config.raw("output_shape")
    given = [given] if type(given) is int else given
    if not isinstance(given, list) or any(
        size is not None and (type(size) is not int or size < 1) for size in given
    ):
        raise step.config.wrong("output_shape", "whole numbers", given)
    if left:
        # The elided axes stand in front, the batch among them.
        return [*x.shape[: max(elided, 1)], *given]
    return [x.shape[0], *given, *x.shape[x.rank - elided :]]


def _bias_shape(
    step: Step, outputs: str, sizes: dict[str, int], behind: int
) -> tuple[int, ...] | None:
    """From the first of the bias axes on; other axes are of size 1, elided ones ``behind`` too."""
    axes = step.config.raw("bias_axes", None)
    if axes is None:
        return None
    if not isinstance(axes, str) or not axes or any(letter not in outputs for letter in axes):
        raise step.config.wrong("bias_axes", "letters of the output", axes)
    first = min(outputs.index(letter) for letter in axes)
    if any(letter not in sizes for letter in axes):
        raise step.unsupported("a bias of unknown size")
    own = [sizes[letter] if letter in axes else 1 for letter in outputs[first:]]
    return (*own, *[1] * behind)


def _linear_sizes(einsum: Einsum) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The sizes of the summed and of the new axes where both stand last and in the kernel's
    order, and the bias has all the new ones; none otherwise."""
    inputs, kernel, outputs = einsum.letters
    new = "".join(letter for letter in kernel if letter not in inputs)
    summed = kernel[: len(kernel) - len(new)]
    rest = inputs[: len(inputs) - len(summed)]
    if not new or not summed or kernel != summed + new:
        return None
    if inputs != rest + summed or outputs != rest + new or einsum.equation.endswith("..."):
        return None
    sizes = (einsum.kernel[: len(summed)], einsum.kernel[len(summed) :])
    return sizes if einsum.bias in (None, sizes[1]) else None
