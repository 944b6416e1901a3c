from __future__ import annotations

from typing import Any

from keras2torch.errors import ConfigError
from keras2torch.ir.program import Module, Tensor, Value
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "Softmax",
    any_order=True,
    masks="keeps",
    examples=[
        example({}, (4,)),
        example({"axis": 1}, (3, 4)),
        example({"axis": [1, 2]}, (3, 4)),
        example({"axis": [-1]}, (3, 4)),
        example({"axis": [1, -1]}, (2, 3, 4)),
        example({}, (4,), call={"mask": (4,)}),
        example({"axis": [1, 2]}, (3, 4), call={"mask": (3, 4)}),
    ],
)
def softmax(step: Step, x: Tensor) -> Tensor:
    """Normalised exponentials along one axis or several; masked elements become 0.

    Keras' mask is not one of time steps here: it is aligned with the input at its end.
    """
    axes = _axes(step, x)
    mask = x.mask
    if mask is not None:
        if not step.mask_is_explicit and x.rank != 2:
            raise step.unsupported("a mask of time steps, which Keras aligns with other axes,")
        x = step.keras_order(x)
        source = _numbers(step, mask)
        if source is not None:  # other layers ask of a mask whether it is 0
            mask = step.compute("{0} > 0.5", source, like=x, dtype="bool", hint="mask").value
        x = step.compute("torch.where({0}, {1}, -1e9)", mask, x, like=x)
    dims = sorted(-1 if x.order is None and axis == x.rank - 1 else x.dim(axis) for axis in axes)
    if len(dims) == 1:
        y = step.compute(f"torch.softmax({{0}}, dim={dims[0]})", x, like=x)
    else:
        dims = sorted(x.dim(axis) for axis in axes)
        total = step.compute(
            f"torch.logsumexp({{0}}, dim={tuple(dims)}, keepdim=True)", x, like=x, hint="total"
        )
        y = step.compute("torch.exp({0} - {1})", x, total, like=x)
    return y if mask is None else step.compute("torch.where({0}, {1}, 0)", mask, y, like=y)


def _axes(step: Step, x: Tensor) -> list[int]:
    """The axes counted from the front, each once."""
    given: Any = step.config.raw("axis", -1)
    given = [given] if type(given) is int else given
    if not isinstance(given, list) or not given or any(type(axis) is not int for axis in given):
        raise step.config.wrong("axis", "one or several whole numbers", given)
    if not all(-x.rank <= axis < x.rank for axis in given):
        raise ConfigError(f"{step.where}: an input of shape {x.shape} has no axes {given}")
    return sorted({axis % x.rank for axis in given})


def _numbers(step: Step, mask: Value) -> Value | Module | None:
    """What a mask was before ``Step.run`` made booleans of it; none if Keras' own are."""
    if any(mask is tensor.value for traced in step.model.traced for tensor in traced.outputs):
        return None
    made = next((s for s in step.model.statements if mask in s.targets), None)
    return made.operands[0] if made is not None and made.expression == "{0}.bool()" else None
