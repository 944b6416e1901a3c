"""``keras.ops`` on each element of one tensor. Source: keras/src/ops/numpy.py, math.py."""

from __future__ import annotations

import math

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import booleans, call, floats, ints, special
from keras2torch.ops.operands import cast, dtype_option
from keras2torch.ops.table import (
    counted,
    elementwise,
    floating,
    is_integer,
    only_floating,
    same,
    truth,
    wide,
)
from keras2torch.readers.strict_json import NonFinite
from keras2torch.registry import op

# Signs and parts
elementwise("Fabs", "torch.abs({0})", only_floating, call("fabs", (3,)), call("fabs", ints(3)))
elementwise("Negative", "-{0}", same, call("negative", (3, 2)), call("negative", ints(3)))
elementwise("Signbit", "torch.signbit({0})", truth, call("signbit", (3,)))
elementwise("Conj", "{0}", same, call("conj", (3,)))
elementwise("Conjugate", "{0}", same, call("conjugate", (3,)))
elementwise("Copy", "{0}", same, call("copy", (3, 2)))
elementwise("StopGradient", "{0}.detach()", same, call("stop_gradient", (3, 2)))

# Powers, exponentials and logarithms
elementwise("Square", "{0}.square()", counted, call("square", (3, 2)), call("square", ints(3)),
            call("square", booleans(3)))  # fmt: skip
elementwise("Sqrt", "torch.sqrt({0})", floating, call("sqrt", floats(3, low=0.1)),
            call("sqrt", ints(3, low=1)))  # fmt: skip
elementwise("Rsqrt", "torch.rsqrt({0})", floating, call("rsqrt", floats(3, low=0.1)))
elementwise("Cbrt", "torch.sign({0}) * torch.abs({0}) ** (1 / 3)", wide, call("cbrt", (3,)),
            call("cbrt", ints(3)))  # fmt: skip
elementwise("Reciprocal", "torch.reciprocal({0})", floating, call("reciprocal", (3,)))
elementwise("Exp", "torch.exp({0})", floating, call("exp", (3, 2)), call("exp", ints(3)))
elementwise("Exp2", "torch.exp2({0})", floating, call("exp2", (3,)), call("exp2", ints(3)))
elementwise("Expm1", "torch.expm1({0})", floating, call("expm1", (3,)))
elementwise("Log", "torch.log({0})", floating, call("log", floats(3, 2, low=0.1)),
            call("log", ints(3, low=1)))  # fmt: skip
elementwise("Log10", "torch.log10({0})", floating, call("log10", floats(3, low=0.1)))
elementwise("Log1p", "torch.log1p({0})", floating, call("log1p", floats(3, low=-0.9)))
elementwise("Log2", "torch.log2({0})", floating, call("log2", floats(3, low=0.1)))

# Trigonometry
elementwise("Sin", "torch.sin({0})", floating, call("sin", (3, 2)), call("sin", ints(3)))
elementwise("Cos", "torch.cos({0})", floating, call("cos", (3, 2)), call("cos", booleans(3)))
elementwise("Tan", "torch.tan({0})", floating, call("tan", (3,)))
elementwise("Sinh", "torch.sinh({0})", floating, call("sinh", (3,)))
elementwise("Cosh", "torch.cosh({0})", floating, call("cosh", (3,)))
elementwise("Tanh", "torch.tanh({0})", floating, call("tanh", (3,)), call("tanh", ints(3)))
elementwise("Arcsin", "torch.asin({0})", floating, call("arcsin", floats(3, low=-0.9, high=0.9)))
elementwise("Arccos", "torch.acos({0})", floating, call("arccos", floats(3, low=-0.9, high=0.9)))
elementwise("Arctan", "torch.atan({0})", floating, call("arctan", (3,)), call("arctan", ints(3)))
elementwise("Arcsinh", "torch.asinh({0})", floating, call("arcsinh", (3,)))
elementwise("Arccosh", "torch.acosh({0})", floating, call("arccosh", floats(3, low=1.1)))
elementwise("Arctanh", "torch.atanh({0})", floating, call("arctanh", floats(3, low=-0.9, high=0.9)))
elementwise("Deg2rad", "torch.deg2rad({0})", wide, call("deg2rad", (3,)), call("deg2rad", ints(3)))
elementwise("Rad2deg", "torch.rad2deg({0})", wide, call("rad2deg", (3,)), call("rad2deg", ints(3)))
elementwise("Sinc", "torch.sinc({0})", floating, call("sinc", (3,)))

# Rounding
elementwise("Ceil", "torch.ceil({0})", only_floating, call("ceil", (3, 2)), call("ceil", ints(3)))
elementwise(
    "Floor", "torch.floor({0})", only_floating, call("floor", (3, 2)), call("floor", ints(3))
)

# Special functions
elementwise("Erf", "torch.erf({0})", floating, call("erf", (3,)))
elementwise("Erfc", "torch.erfc({0})", floating, call("erfc", (3,)))
elementwise("Erfinv", "torch.erfinv({0})", floating, call("erfinv", floats(3, low=-0.9, high=0.9)))
elementwise("I0", "torch.i0({0})", wide, call("i0", (3,)), call("i0", ints(3)))

# Questions
elementwise("Isfinite", "torch.isfinite({0})", truth, call("isfinite", special(9)))
elementwise("Isinf", "torch.isinf({0})", truth, call("isinf", special(9)), call("isinf", ints(3)))
elementwise("Isnan", "torch.isnan({0})", truth, call("isnan", special(9)), call("isnan", ints(3)))
elementwise("Isneginf", "torch.isneginf({0})", truth, call("isneginf", special(9)))
elementwise("Isposinf", "torch.isposinf({0})", truth, call("isposinf", special(9)))
elementwise("Isreal", "torch.isreal({0})", truth, call("isreal", (3,)), call("isreal", ints(3)))


@op("Array", "ConvertToTensor", any_order=True, calls=[
    call("array", (3, 2)), call("array", ints(3), dtype="float32"), call("convert_to_tensor", (3,)),
])  # fmt: skip
def array(step: OpStep, x: Tensor) -> Tensor:
    """The tensor itself, maybe of another dtype."""
    for key in ("sparse", "ragged"):
        step.config.require(key, None, None)
    return cast(step, x, dtype_option(step) or x.dtype)


@op("Cast", any_order=True, calls=[
    call("cast", (3, 2), "int32"), call("cast", ints(3), "float32"), call("cast", (3,), "bool"),
    call("cast", booleans(3), "float32"), call("cast", ints(3), "int64"),
    call("cast", (3,), "float16"),
    call("cast", (3,), "float64"),
])  # fmt: skip
def cast_(step: OpStep, x: Tensor) -> Tensor:
    """The same numbers of another dtype; floats lose what is behind the point."""
    return cast(step, x, dtype_option(step) or x.dtype)


@op("Absolute", "Abs", any_order=True, calls=[
    call("absolute", (3, 2)), call("abs", ints(3)), call("abs", booleans(3)),
])  # fmt: skip
def absolute(step: OpStep, x: Tensor) -> Tensor:
    """The magnitude."""
    return x if x.dtype == "bool" else step.compute("torch.abs({0})", x, like=x)


@op("Sign", any_order=True, calls=[call("sign", (3,)), call("sign", ints(3))])
def sign(step: OpStep, x: Tensor) -> Tensor:
    """-1, 0 or 1; PyTorch makes 0 of NaN, which stays NaN here."""
    if is_integer(x):
        return step.compute("torch.sign({0})", x, like=x)
    return step.compute("torch.where({0}.isnan(), {0}, {0}.sign())", x, like=x)


@op("Real", any_order=True, calls=[call("real", (3,)), call("real", ints(3))])
def real(step: OpStep, x: Tensor) -> Tensor:
    """The real part."""
    if x.dtype != "complex64":
        return x
    return step.compute("{0}.real", x, like=x, dtype="float32")


@op("Imag", any_order=True, calls=[call("imag", (3,))])
def imag(step: OpStep, x: Tensor) -> Tensor:
    """The imaginary part; 0 for real numbers."""
    if x.dtype != "complex64":
        return step.compute("torch.zeros_like({0})", x, like=x)
    return step.compute("{0}.imag", x, like=x, dtype="float32")


@op("Angle", any_order=True, calls=[call("angle", (3,)), call("angle", ints(3))])
def angle(step: OpStep, x: Tensor) -> Tensor:
    """The angle in the complex plane."""
    x = step.floating(x)
    return step.compute("torch.angle({0})", x, like=x, dtype="float32")


@op("Trunc", any_order=True, calls=[call("trunc", (3,)), call("trunc", ints(3))])
def trunc(step: OpStep, x: Tensor) -> Tensor:
    """Rounded towards 0."""
    return x if is_integer(x) else step.compute("torch.trunc({0})", x, like=x)


@op("Round", any_order=True, calls=[
    call("round", (3, 2)), call("round", ints(3)), call("round", (3,), decimals=2),
    call("round", (3,), decimals=-1), call("round", ints(3), decimals=1),
])  # fmt: skip
def round_(step: OpStep, x: Tensor) -> Tensor:
    """To the nearest, halves to the even one; ``decimals`` by scaling, as Keras does."""
    decimals = step.config.int("decimals", 0)
    if abs(decimals) > 300:
        raise step.unsupported(f"decimals={decimals}")
    if is_integer(x):
        if decimals < 0:  # each backend of Keras has its own result
            raise step.unsupported("decimals below 0 of integers")
        return x
    if decimals == 0:
        return step.compute("torch.round({0})", x, like=x)
    factor = literal(math.pow(10, decimals))
    return step.compute(f"torch.round({{0}} * {factor}) / {factor}", x, like=x)


@op("Clip", any_order=True, calls=[
    call("clip", (3, 2), -0.5, 1.0), call("clip", ints(5), -2, 3), call("clip", (3,), 0, 1),
    call("clip", (3,), 0.0, float("inf")), call("clip", booleans(3), 0, 2),
])  # fmt: skip
def clip(step: OpStep, x: Tensor) -> Tensor:
    """Not below one number nor above another."""
    bounds = [step.config.raw(key) for key in ("x_min", "x_max")]
    bounds = [bound.value if isinstance(bound, NonFinite) else bound for bound in bounds]
    if any(bound is not None and type(bound) not in (int, float) for bound in bounds):
        raise step.config.wrong("x_min, x_max", "numbers", bounds)
    if x.dtype == "bool":
        x = cast(step, x, "int32")
    if None in bounds or (is_integer(x) and float in map(type, bounds)):
        raise step.unsupported(f"bounds {bounds} of {x.dtype}")
    low, high = bounds
    if low == 0 and high == float("inf"):
        return step.compute("{0}.clamp(min=0)", x, like=x)
    return step.compute(f"{{0}}.clamp({literal(low)}, {literal(high)})", x, like=x)


@op("NanToNum", any_order=True, calls=[
    call("nan_to_num", special(9)), call("nan_to_num", ints(3)),
    call("nan_to_num", special(9), nan=1.5, posinf=7.0, neginf=-7.0),
])  # fmt: skip
def nan_to_num(step: OpStep, x: Tensor) -> Tensor:
    """Numbers for NaN and infinities: of infinities, the largest there are."""
    options: list[float | None] = [step.config.float("nan", 0.0)]
    options += [step.config.float_or_none(key) for key in ("posinf", "neginf")]
    if is_integer(x):
        return x
    texts = zip(("nan", "posinf", "neginf"), options, strict=True)
    given = [f"{key}={literal(value)}" for key, value in texts if value not in (None, 0.0)]
    return step.compute(f"torch.nan_to_num({', '.join(['{0}', *given])})", x, like=x)
