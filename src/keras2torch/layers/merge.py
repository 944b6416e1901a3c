from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import merging
from keras2torch.registry import Example, Integers, example, layer

WIDEST = 200  # operands of one expression; Python's own parser ends at some hundreds


def _examples(count: int = 3) -> list[Example]:
    """``count`` is the number of inputs that the layer takes."""
    return [
        example({}, [(4,)] * count),
        example({}, [(5, 1), (1, 4), (5, 4)][-count:]),
        example({}, [(2, 3, 4), (4,), (3, 4)][:count]),
        example({}, [(4,), (None, 4)]),
        example({}, [(4,), Integers((4,), 9)]),
    ]


@layer("Add", masks="own", any_order=True, examples=[*_examples(), example({}, [(4,)])])
def add(step: Step, inputs: Any) -> Tensor:
    """The sum."""
    return _merged(step, inputs, " + ")


@layer("Subtract", masks="own", any_order=True, examples=_examples(2))
def subtract(step: Step, inputs: Any) -> Tensor:
    """The difference of two inputs."""
    tensors = merging.inputs_of(step, inputs)
    if len(tensors) != 2:
        raise step.unsupported(f"a call on {len(tensors)} inputs")
    return _merged(step, tensors, " - ")


@layer("Average", masks="own", any_order=True, examples=[*_examples(), example({}, [(4,)])])
def average(step: Step, inputs: Any) -> Tensor:
    """The mean of the inputs."""
    tensors = merging.inputs_of(step, inputs)
    total = _merged(step, tensors, " + ")
    return step.compute(f"{{0}} / {len(tensors)}", total, like=total, dtype="float32")


@layer("Multiply", masks="own", any_order=True, examples=[*_examples(), example({}, [(4,)])])
def multiply(step: Step, inputs: Any) -> Tensor:
    """The product. A masked step counts as 1, and is 0 where it is masked in every input."""
    tensors = merging.of_one_rank(step, merging.inputs_of(step, inputs))
    if all(x.mask is None for x in tensors):
        return _merged(step, tensors, " * ")
    tensors = [step.keras_order(x) for x in tensors]
    factors = [
        x
        if x.mask is None
        else step.compute("torch.where({0}.unsqueeze(-1), {1}, 1)", x.mask, x, like=x)
        for x in tensors
    ]
    product = _merged(step, factors, " * ")
    if product.mask is None:
        return product
    return step.compute(
        "torch.where({0}.unsqueeze(-1), {1}, 0)", product.mask, product, like=product
    )


@layer("Maximum", masks="own", any_order=True, examples=[*_examples(), example({}, [(4,)])])
def maximum(step: Step, inputs: Any) -> Tensor:
    """The largest of the inputs, element by element. Where two are equal PyTorch shares the
    gradient between them, and TensorFlow gives it to the first."""
    return _chosen(step, inputs, "torch.maximum({0}, {1})")


@layer("Minimum", masks="own", any_order=True, examples=[*_examples(), example({}, [(4,)])])
def minimum(step: Step, inputs: Any) -> Tensor:
    """The smallest of the inputs, element by element. Where two are equal PyTorch shares the
    gradient between them, and TensorFlow gives it to the first."""
    return _chosen(step, inputs, "torch.minimum({0}, {1})")


def _merged(step: Step, inputs: Any, operator: str) -> Tensor:
    """All inputs in one expression; a single one is returned as it is."""
    given = merging.inputs_of(step, inputs)
    if len(given) > WIDEST:
        raise step.unsupported(f"a call on more than {WIDEST} inputs")
    tensors = merging.of_one_rank(step, given)
    if len(tensors) == 1:
        return tensors[0]
    dtype = merging.common_dtype(tensors)
    if dtype == "bool":
        raise step.unsupported("arithmetic with booleans")
    if operator == " - ":  # PyTorch subtracts no booleans
        tensors = [step.cast(x, dtype) if x.dtype == "bool" else x for x in tensors]
    mask = merging.either_mask(step, given)
    expression = operator.join(f"{{{place}}}" for place in range(len(tensors)))
    shape = merging.broadcast(step, [x.shape for x in tensors])
    return step.compute(expression, *tensors, like=tensors[0], shape=shape, dtype=dtype, mask=mask)


def _chosen(step: Step, inputs: Any, expression: str) -> Tensor:
    """Pair by pair. Where one of a pair is masked, the other is taken (``Merge._apply_merge_op_
    and_or_mask``)."""
    given = merging.inputs_of(step, inputs)
    tensors = merging.of_one_rank(step, given)
    if any(x.mask is not None for x in tensors):
        tensors = [step.keras_order(x) for x in tensors]
    result = tensors[0]
    for x in tensors[1:]:
        shape = merging.broadcast(step, [result.shape, x.shape])
        dtype = merging.common_dtype([result, x])
        mask = merging.either_mask(step, [result, x])
        where = "torch.where({0}.unsqueeze(-1), {1}, {2})"
        if x.mask is not None:
            x = step.compute(where, x.mask, x, result, like=x, shape=shape)
        if result.mask is not None:
            result = step.compute(where, result.mask, result, x, like=result, shape=shape)
        result = step.compute(
            expression, result, x, like=result, shape=shape, dtype=dtype, mask=mask
        )
    return replace(result, mask=merging.either_mask(step, given))
