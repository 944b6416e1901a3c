"""Comparisons, logic and bits in ``keras.ops``. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops import masks
from keras2torch.ops.calls import Array, booleans, call, ints, special
from keras2torch.ops.operands import array_of, axes_option, cast, items_of, together
from keras2torch.ops.promotion import kind
from keras2torch.ops.table import binary, elementwise, reduced, same
from keras2torch.registry import op

TENSOR = "torch.tensor({})"

binary("Equal", "{0} == {1}", call("equal", ints(9), ints(9)), call("equal", ints(9), 2),
       call("equal", (3,), (3,)), call("equal", special(9), special(9)), result="bool")  # fmt: skip
binary("NotEqual", "{0} != {1}", call("not_equal", ints(9), ints(9)), call("not_equal", (3,), 0),
       call("not_equal", booleans(3), booleans(3)), result="bool")  # fmt: skip
binary("Greater", "{0} > {1}", call("greater", (3, 2), (3, 2)), call("greater", (3,), 0),
       call("greater", ints(9), 0.5), result="bool")  # fmt: skip
binary("GreaterEqual", "{0} >= {1}", call("greater_equal", ints(9), ints(9)),
       call("greater_equal", 1.0, (3,)), result="bool")  # fmt: skip
binary("Less", "{0} < {1}", call("less", (3, 2), (2,)), call("less", ints(9), 0),
       call("less", (3, 2), Array([0.5, -0.5])), result="bool")  # fmt: skip
binary("LessEqual", "{0} <= {1}", call("less_equal", ints(9), ints(9)),
       call("less_equal", (3,), 0.5), result="bool")  # fmt: skip

binary("BitwiseAnd", "{0} & {1}", call("bitwise_and", ints(9), ints(9)))
binary("BitwiseOr", "{0} | {1}", call("bitwise_or", ints(9), ints(9)))
binary("BitwiseXor", "{0} ^ {1}", call("bitwise_xor", ints(9), ints(9)))
for _name, _function in (("BitwiseLeftShift", "bitwise_left_shift"), ("LeftShift", "left_shift")):
    binary(_name, "{0} << {1}", call(_function, ints(9), ints(9, low=0)),
           call(_function, ints(9), 2))  # fmt: skip
for _name, _function in (("BitwiseRightShift", "bitwise_right_shift"),
                         ("RightShift", "right_shift")):  # fmt: skip
    binary(_name, "{0} >> {1}", call(_function, ints(9), ints(9, low=0)),
           call(_function, ints(9), 2))  # fmt: skip
elementwise("BitwiseInvert", "~{0}", same, call("bitwise_invert", ints(9)))
elementwise("BitwiseNot", "~{0}", same, call("bitwise_not", ints(9)))


@op("LogicalNot", any_order=True, calls=[
    call("logical_not", booleans(3, 2)), call("logical_not", ints(9)), call("logical_not", (3,)),
])  # fmt: skip
def logical_not(step: OpStep, x: Tensor) -> Tensor:
    """Whether something is false."""
    expression = "~{0}" if x.dtype == "bool" else "torch.logical_not({0})"
    return step.compute(expression, x, like=x, dtype="bool")


@op("LogicalAnd", calls=[
    call("logical_and", booleans(3, 2), booleans(3, 2)), call("logical_and", ints(9), (9,)),
    call("logical_and", booleans(3), True),
])  # fmt: skip
def logical_and(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """Where both are true."""
    return _combined(step, x1, x2, "&", "and")


@op("LogicalXor", calls=[
    call("logical_xor", booleans(3, 2), booleans(3, 2)), call("logical_xor", ints(9), (9,)),
])  # fmt: skip
def logical_xor(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """Where one is true and the other is not."""
    return _combined(step, x1, x2, "^", "xor")


@op("LogicalOr", calls=[
    call("logical_or", booleans(3, 2), booleans(2)), call("logical_or", ints(9), False),
])  # fmt: skip
def logical_or(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """Where either is true: the mask of merged inputs, or one spread over the features."""
    if isinstance(x1, Tensor) and isinstance(x2, Tensor) and x1.rank == x2.rank:
        column, zeros = masks.made_by(step, x1.value), masks.made_by(step, x2.value)
        made = (column.expression, zeros.expression) if column and zeros else None
        if made == (masks.COLUMN, masks.ZEROS) and column and zeros:
            operands = (column.operands[0], zeros.operands[0])
            return step.compute(masks.SPREAD, *operands, like=x2, hint="mask")
    return _combined(step, x1, x2, "|", "or")


def _combined(step: OpStep, x1: Any, x2: Any, operator: str, name: str) -> Tensor:
    """Two truths; of booleans by the operator, of numbers by PyTorch's function."""
    items = items_of(step, (x1, x2))
    if all(isinstance(x, Tensor) and x.dtype == "bool" for x in items):
        both = together(step, items)
        expression = f"{{0}} {operator} {{1}}"
    else:
        both = together(step, [cast(step, x, "bool") if isinstance(x, Tensor) else bool(x)
                               for x in items])  # fmt: skip
        expression = both.filled(f"torch.logical_{name}({{0}}, {{1}})", TENSOR)
    hint = "mask" if both.like.value.hint == "mask" else step.name
    return step.compute(
        expression, *both.tensors, like=both.like, shape=both.shape, dtype="bool", hint=hint
    )


@op("Isclose", any_order=True, calls=[
    call("isclose", (3,), (3,)), call("isclose", (3,), (3,), rtol=0.5, atol=0.5),
    call("isclose", special(9), special(9), equal_nan=True), call("isclose", ints(9), ints(9)),
])  # fmt: skip
def isclose(step: OpStep, x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8) -> Tensor:
    """Where two numbers are nearly the same."""
    equal_nan = step.config.bool("equal_nan", False)
    if {type(rtol), type(atol)} - {int, float}:
        raise step.unsupported("tolerances that are no numbers")
    both = together(step, (x1, x2))
    expression = f"({{0}} - {{1}}).abs() <= {literal(atol)} + {literal(rtol)} * {{1}}.abs()"
    if kind(both.dtype) < 2:
        expression = "{0} == {1}"
    elif equal_nan:
        expression = f"({expression}) | ({{0}}.isnan() & {{1}}.isnan())"
    return step.compute(
        both.filled(expression, TENSOR),
        *both.tensors,
        like=both.like,
        shape=both.shape,
        dtype="bool",
    )


@op(
    "AllClose",
    calls=[call("allclose", (3,), (3,)), call("allclose", (3,), (3,), rtol=9.0, atol=9.0)],
)
def allclose(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """Whether all numbers are nearly the same."""
    rtol, atol = step.config.float("rtol", 1e-5), step.config.float("atol", 1e-8)
    step.config.require("equal_nan", False, False)
    both = together(step, (x1, x2))
    if kind(both.dtype) < 2:
        raise step.unsupported("integers")
    expression = f"(({{0}} - {{1}}).abs() <= {literal(atol)} + {literal(rtol)} * {{1}}.abs()).all()"
    like = both.like
    return step.compute(
        both.filled(expression, TENSOR),
        *both.tensors,
        like=like,
        shape=(),
        order=None,
        dtype="bool",
    )


@op("Any", any_order=True, calls=[
    call("any", booleans(3, 2)), call("any", booleans(3, 2), axis=1),
    call("any", ints(3, 2), axis=-1),
    call("any", booleans(3, 2), axis=(1, 2), keepdims=True),
])  # fmt: skip
def any_(step: OpStep, x: Tensor) -> Tensor:
    """Whether anything is true: also the masks of Masking and Concatenate."""
    return _whether(step, x, "any")


@op("All", any_order=True, calls=[
    call("all", booleans(3, 2)), call("all", booleans(3, 2), axis=1, keepdims=True),
    call("all", (3, 2), axis=-1),
])  # fmt: skip
def all_(step: OpStep, x: Tensor) -> Tensor:
    """Whether everything is true."""
    return _whether(step, x, "all")


def _whether(step: OpStep, x: Tensor, function: str) -> Tensor:
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    if function == "any" and axes == (x.rank - 1,) and not keepdims and x.dtype == "bool":
        found = masks.gathered(step, x)
        if found is not None:
            return found
    return reduced(step, x, f"{{0}}.{function}({{dims}})", axes, keepdims, "bool")


@op("IsIn", any_order=True, calls=[
    call("isin", ints(9), [1, 2]), call("isin", ints(9), ints(3, low=0), invert=True),
    call("isin", ints(9), Array([1, 2], "int32"), assume_unique=True),
])  # fmt: skip
def isin(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """Which elements are among those of another tensor."""
    step.config.ignore("assume_unique")  # a promise that changes no result
    invert = ", invert=True" if step.config.bool("invert", False) else ""
    if not isinstance(x1, Tensor):
        raise step.unsupported("a call on what is no tensor")
    if isinstance(x2, Tensor):
        x2 = step.keras_order(x2)
        if x1.dtype != x2.dtype:
            raise step.unsupported(f"{x1.dtype} among {x2.dtype}")
        return step.compute(f"torch.isin({{0}}, {{1}}{invert})", x1, x2, like=x1, dtype="bool")
    values = array_of(step, x2).ravel().tolist()
    if kind(x1.dtype) != 1 or any(type(value) is not int for value in values):
        raise step.unsupported(f"{x1.dtype} among {values[:4]}")
    text = f"torch.isin({{0}}, torch.tensor({literal(values)}, device={{0}}.device){invert})"
    return step.compute(text, x1, like=x1, dtype="bool")
