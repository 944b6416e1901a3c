"""Arithmetic of two operands in ``keras.ops``. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import Array, booleans, call, floats, ints, special
from keras2torch.ops.operands import dtype_of, items_of, together
from keras2torch.ops.promotion import kind
from keras2torch.ops.table import binary
from keras2torch.registry import op

TENSOR = "torch.tensor({})"  # of a number, for functions that take tensors only

binary("Add", "{0} + {1}",
       call("add", (3, 2), (3, 2)), call("add", (3, 2), (2,)), call("add", 2, (3,)),
       call("add", ints(3), 2), call("add", ints(3), 0.5), call("add", ints(3), (3,)),
       call("add", booleans(3), 2),
       call("add", ints(3, dtype="int8"), ints(3, dtype="uint8", low=0)),
       call("add", (3, 2), Array([0.5, -1.5])),
       call("add", (2, 3, 2), Array([[0.5], [1.0], [2.0]])),
       call("add", (3,), Array([1, 2, 3], "int32")), call("add", (3, 2), 1e-3))  # fmt: skip
binary("Subtract", "{0} - {1}",
       call("subtract", (3, 2), (3, 2)), call("subtract", 1, (3,)), call("subtract", (3,), 0.1),
       call("subtract", ints(3), ints(3, dtype="int64")))  # fmt: skip
binary("Multiply", "{0} * {1}",
       call("multiply", (3, 2), (3, 2)), call("multiply", 2, (3,)), call("multiply", -2, (3,)),
       call("multiply", ints(3, low=-99, high=99, dtype="int8"), 3),
       call("multiply", (2, 3, 2), (1, 3, 1)), call("multiply", booleans(3), (3,)))  # fmt: skip
for _name, _function in (("Divide", "divide"), ("TrueDivide", "true_divide")):
    binary(_name, "{0} / {1}",
           call(_function, (3, 2), (3, 2)), call(_function, (3,), 3), call(_function, 1, (3,)),
           call(_function, ints(3), 2), call(_function, ints(3), ints(3, low=1)),
           extra=("float",), floating=True)  # fmt: skip
binary("Mod", "{0} % {1}",
       call("mod", (3, 2), (3, 2)), call("mod", ints(9), 3), call("mod", ints(9), -3),
       call("mod", (9,), 0.7), call("mod", 5, ints(9, low=1)))  # fmt: skip
binary("Fmod", "torch.fmod({0}, {1})",
       call("fmod", (3, 2), (3, 2)), call("fmod", ints(9), 3), number=TENSOR)  # fmt: skip
binary("Arctan2", "torch.atan2({0}, {1})",
       call("arctan2", (3, 2), (3, 2)), call("arctan2", (3,), 2.0),
       call("arctan2", ints(3), ints(3)),
       extra=("float",), floating=True, number=TENSOR)  # fmt: skip
binary("Logaddexp", "torch.logaddexp({0}, {1})",
       call("logaddexp", (3, 2), (3, 2)), call("logaddexp", ints(3), ints(3)),
       call("logaddexp", (3,), 0.5), extra=("float",), number=TENSOR)  # fmt: skip
binary("Logaddexp2", "torch.logaddexp2({0}, {1})",
       call("logaddexp2", (3, 2), (3, 2)), extra=("float",), number=TENSOR)  # fmt: skip
binary("Fmax", "torch.fmax({0}, {1})", call("fmax", special(9), (9,)), call("fmax", ints(3), 1),
       number=TENSOR)  # fmt: skip
binary("Fmin", "torch.fmin({0}, {1})", call("fmin", special(9), (9,)), call("fmin", (3,), 0.5),
       number=TENSOR)  # fmt: skip
binary("Nextafter", "torch.nextafter({0}, {1})", call("nextafter", (3,), (3,)),
       extra=("float",), number=TENSOR)  # fmt: skip
binary("Gcd", "torch.gcd({0}, {1})", call("gcd", ints(9), ints(9)), call("gcd", ints(9), 6),
       number=TENSOR)  # fmt: skip
binary("Lcm", "torch.lcm({0}, {1})", call("lcm", ints(9), ints(9)), call("lcm", ints(9), 6),
       number=TENSOR)  # fmt: skip


@op("Power", any_order=True, calls=[
    call("power", (3, 2), 2), call("power", floats(3, low=0.1), (3,)),
    call("power", floats(3, low=0.1), -0.5), call("power", 2, (3,)), call("power", ints(3), 3),
    call("power", floats(3, low=0.1), ints(3, low=-2, high=2)), call("power", ints(3, low=1), 1.5),
    call("power", -2, ints(3, low=0)),
])  # fmt: skip
def power(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """A number to the power of another."""
    both = together(step, (x1, x2))
    if kind(both.dtype) < 2 and type(x2) is int and x2 < 0:
        raise step.unsupported("a negative power of integers")
    return step.compute(
        both.filled("{0} ** {1}"), *both.tensors, like=both.like, shape=both.shape, dtype=both.dtype
    )


@op("FloorDivide", any_order=True, calls=[
    call("floor_divide", (3, 2), (3, 2)), call("floor_divide", (3,), 0.7),
    call("floor_divide", ints(9), 2), call("floor_divide", ints(9), -2),
    call("floor_divide", 7, ints(9, low=1)),
])  # fmt: skip
def floor_divide(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The quotient rounded down, which of floats is not quite what ``//`` makes."""
    both = together(step, (x1, x2))
    expression = "torch.floor({0} / {1})" if kind(both.dtype) == 2 else "{0} // {1}"
    return step.compute(
        both.filled(expression), *both.tensors, like=both.like, shape=both.shape, dtype=both.dtype
    )


@op("Maximum", any_order=True, calls=[
    call("maximum", (3, 2), (3, 2)), call("maximum", (3,), 0.0), call("maximum", 0.5, (3,)),
    call("maximum", ints(3), 1), call("maximum", (3, 2), Array([0.5, -1.5])),
])  # fmt: skip
def maximum(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The larger of two."""
    return _extreme(step, x1, x2, "maximum", "min")


@op("Minimum", any_order=True, calls=[
    call("minimum", (3, 2), (2,)), call("minimum", (3,), 0.0), call("minimum", ints(3), 1),
    call("minimum", ints(3), 0.5),
])  # fmt: skip
def minimum(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The smaller of two."""
    return _extreme(step, x1, x2, "minimum", "max")


def _extreme(step: OpStep, x1: Any, x2: Any, function: str, bound: str) -> Tensor:
    both = together(step, (x1, x2))
    numbers = [item for item in both.items if not isinstance(item, Tensor)]
    expression = f"torch.{function}({{0}}, {{1}})"
    if numbers:
        expression = f"{{0}}.clamp({bound}={literal(numbers[0])})"
    return step.compute(
        expression, *both.tensors, like=both.like, shape=both.shape, dtype=both.dtype
    )


@op("DivideNoNan", any_order=True, calls=[
    call("divide_no_nan", (3, 2), (3, 2)), call("divide_no_nan", ints(9), ints(9, low=0, high=2)),
    call("divide_no_nan", (3,), 2), call("divide_no_nan", 2.0, (3,)),
])  # fmt: skip
def divide_no_nan(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """A quotient; 0 where the divisor is 0."""
    both = together(step, (x1, x2), "float")
    step.helper("divide_no_nan")
    return step.compute(
        both.filled("divide_no_nan({0}, {1})", TENSOR),
        *both.tensors,
        like=both.like,
        shape=both.shape,
        dtype=both.dtype,
    )


@op("Hypot", any_order=True, calls=[call("hypot", (3, 2), (3, 2)), call("hypot", ints(3), ints(3))])
def hypot(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The length of a hypotenuse."""
    return _wide(step, x1, x2, "torch.hypot({0}, {1})")


@op("Heaviside", any_order=True, calls=[
    call("heaviside", (3, 2), (3, 2)), call("heaviside", ints(9, low=-1, high=1), (9,)),
])  # fmt: skip
def heaviside(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """0 below 0, 1 above, the second number at 0."""
    step.helper("heaviside")
    return _wide(step, x1, x2, "heaviside({0}, {1})")


def _wide(step: OpStep, x1: Any, x2: Any, expression: str) -> Tensor:
    """Of floats; 64-bit integers become float64."""
    items = items_of(step, (x1, x2))
    wide = any(dtype_of(item) == "int64" for item in items) and all(
        kind(dtype_of(item)) < 2 for item in items
    )
    both = together(step, (x1, x2), "float64" if wide else "float")
    return step.compute(
        both.filled(expression, TENSOR),
        *both.tensors,
        like=both.like,
        shape=both.shape,
        dtype=both.dtype,
    )


@op("Ldexp", any_order=True, calls=[
    call("ldexp", (3, 2), ints(3, 2)), call("ldexp", ints(3), 2), call("ldexp", (3,), 3),
])  # fmt: skip
def ldexp(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """A number times a power of 2."""
    if kind(dtype_of(items_of(step, (x2, x1))[0])) != 1:
        raise step.unsupported("an exponent that is no integer")
    if isinstance(x1, Tensor):
        x1 = step.floating(x1)
    both = together(step, (x1, x2), "float")
    return step.compute(
        both.filled("{0} * 2.0 ** {1}"),
        *both.tensors,
        like=both.like,
        shape=both.shape,
        dtype=both.dtype,
    )


@op(
    "Outer",
    calls=[call("outer", (3,), (2,)), call("outer", (2, 2), ints(3)), call("outer", (3,), 2)],
)
def outer(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """Every element of one, the batch included, times every element of the other."""
    both = [step.keras_order(x) if isinstance(x, Tensor) else x for x in items_of(step, (x1, x2))]
    rows, columns = (_line(step, x, place) for place, x in enumerate(both))
    pair = together(step, (rows, columns))
    shape = tuple(_size(x) for x in both)
    return step.compute(
        pair.filled("{0} * {1}"), *pair.tensors, like=pair.like, shape=shape, dtype=pair.dtype
    )


def _line(step: OpStep, x: Any, place: int) -> Any:
    """All elements as a column (place 0) or a row."""
    if not isinstance(x, Tensor):
        return x
    sizes = "-1, 1" if place == 0 else "1, -1"
    shape = (_size(x), 1) if place == 0 else (1, _size(x))
    return step.compute(f"{{0}}.reshape({sizes})", x, like=x, shape=shape)


def _size(x: Any) -> int | None:
    size = 1
    for axis in x.shape if isinstance(x, Tensor) else ():
        if axis is None:
            return None
        size *= axis
    return size
