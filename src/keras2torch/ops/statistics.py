"""Medians, quantiles, and reductions that leave out NaN. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import Drawn, call, ints, on_tensorflow, without_gradients
from keras2torch.ops.operands import array_of, axes_option
from keras2torch.ops.reductions import argmax, argmin, prod, running, sum_
from keras2torch.ops.table import is_integer, only_floating, reduced, reduction
from keras2torch.registry import Lower, op

# PyTorch's gradient of a NaN that is left out is NaN here and there, Keras' is 0.
_HOLES = Drawn((4, 5), holes=True)


@op("Median", any_order=True, calls=[
    call("median", (5, 2), axis=1), call("median", (4, 2), axis=1, keepdims=True),
    call("median", (3, 2)),
    call("median", ints(4), axis=-1), call("median", (3, 2), axis=(1, 2)),
])  # fmt: skip
def median(step: OpStep, x: Tensor) -> Tensor:
    """The middle, or the mean of the two in the middle."""
    return _quantile(step, x, 0.5, "quantile")


@op("Quantile", any_order=True, calls=[
    on_tensorflow(call("quantile", (5, 2), 0.3, axis=1)),
    on_tensorflow(call("quantile", (4, 2), 0.7, axis=1, keepdims=True)),
    on_tensorflow(call("quantile", (3, 2), 0.25)),
])  # fmt: skip
def quantile(step: OpStep, x: Tensor, q: Any) -> Tensor:
    """What a share of the elements is below."""
    return _quantile(step, x, _share(step, q, 1), "quantile")


@op("Percentile", any_order=True, calls=[on_tensorflow(call("percentile", (5, 2), 30, axis=1))])
def percentile(step: OpStep, x: Tensor, q: Any) -> Tensor:
    """What so many of a hundred elements are below."""
    return _quantile(step, x, _share(step, q, 100), "quantile")


def _share(step: OpStep, q: Any, whole: int) -> float:
    value = array_of(step, q).tolist() if isinstance(q, Constant) else q
    if type(value) not in (int, float) or not 0 <= value <= whole:
        raise step.unsupported("anything but one share")
    return float(value) / whole


def _quantile(step: OpStep, x: Tensor, share: float, function: str) -> Tensor:
    step.config.require("method", "linear", "linear")  # of others each backend has its own
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    x = step.floating(step.keras_order(x))
    if axes is not None and len(axes) > 1:
        if sorted(axes) != list(range(x.rank - len(axes), x.rank)) or keepdims:
            raise step.unsupported(f"axes {axes}")
        first = x.rank - len(axes)
        shape = (*x.shape[:first], None)
        x = step.compute(f"{{0}}.flatten({first})", x, like=x, shape=shape)
        axes = (first,)
    if axes is None and keepdims:
        raise step.unsupported("keepdims over all axes")
    text = f"torch.{function}({{0}}, {literal(share)}, {{dims}})"
    return reduced(step, x, text, axes, keepdims, x.dtype)


reduction("Nanmean", "torch.nanmean({0}, {dims})", only_floating, call("nanmean", (3, 2), axis=1),
          call("nanmean", (3, 2)))  # fmt: skip


def _extreme(name: str, function: str, filler: str) -> None:
    """The largest or smallest of what is a number; NaN where nothing is."""

    def lower(step: OpStep, x: Tensor) -> Tensor:
        axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
        if is_integer(x):
            return reduced(step, x, f"{{0}}.{function}({{dims}})", axes, keepdims, x.dtype)
        nothing = reduced(step, x, "{0}.isnan().all({dims})", axes, keepdims, "bool")
        x = step.compute(f"torch.where({{0}}.isnan(), {filler}, {{0}})", x, like=x)
        found = reduced(step, x, f"{{0}}.{function}({{dims}})", axes, keepdims, x.dtype)
        return step.compute("torch.where({0}, torch.nan, {1})", nothing, found, like=found)

    op(name, any_order=True, calls=[
        call(name.lower(), _HOLES, axis=1), call(name.lower(), (3, 2)),
        call(name.lower(), (4, 2), axis=-1, keepdims=True), call(name.lower(), ints(4), axis=1),
    ])(lower)  # fmt: skip


_extreme("Nanmax", "amax", "-torch.inf")
_extreme("Nanmin", "amin", "torch.inf")


def _place(name: str, function: str, filler: str, of_integers: Lower) -> None:
    """Where the largest or smallest of what is a number stands; -1 where nothing is."""

    def lower(step: OpStep, x: Tensor) -> Tensor:
        if is_integer(x):
            place: Tensor = of_integers(step, x)
            return place
        axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
        if axes is None:
            x = step.keras_order(x)  # a place among all is counted in Keras' order
        if (axes is None and keepdims) or (axes is not None and len(axes) > 1):
            raise step.unsupported(f"axes {axes}")
        nothing = reduced(step, x, "{0}.isnan().all({dims})", axes, keepdims, "bool")
        x = step.compute(f"torch.where({{0}}.isnan(), {filler}, {{0}})", x, like=x)
        found = reduced(step, x, f"{{0}}.{function}({{dims}}).int()", axes, keepdims, "int32")
        return step.compute("torch.where({0}, -1, {1})", nothing, found, like=found)

    op(name, any_order=True, calls=[
        call(name.lower(), _HOLES, axis=1), call(name.lower(), (3, 2)),
        call(name.lower(), (4, 2), axis=-1, keepdims=True), call(name.lower(), ints(4), axis=1),
    ])(lower)  # fmt: skip


_place("Nanargmax", "argmax", "-torch.inf", argmax)
_place("Nanargmin", "argmin", "torch.inf", argmin)


@op("Nansum", any_order=True, calls=[
    call("nansum", _HOLES, axis=1), call("nansum", (3, 2)), call("nansum", ints(3, 2), axis=1),
])  # fmt: skip
def nansum(step: OpStep, x: Tensor) -> Tensor:
    """The sum of what is a number."""
    if is_integer(x):
        result: Tensor = sum_(step, x)
        return result
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    return reduced(step, x, "torch.nansum({0}, {dims})", axes, keepdims, x.dtype)


@op("Nancumsum", any_order=True, calls=[
    call("nancumsum", _HOLES, axis=1), call("nancumsum", ints(4), axis=1),
])  # fmt: skip
def nancumsum(step: OpStep, x: Tensor) -> Tensor:
    """The sum so far of what is a number."""
    return running(step, _finite(step, x, "0.0"), "cumsum")


@op("Nancumprod", any_order=True, calls=[call("nancumprod", (4, 2), axis=1)])
def nancumprod(step: OpStep, x: Tensor) -> Tensor:
    """The product so far of what is a number."""
    return running(step, _finite(step, x, "1.0"), "cumprod")


def _finite(step: OpStep, x: Tensor, filler: str) -> Tensor:
    """Keras makes finite numbers of infinities too."""
    if is_integer(x):
        return x
    return step.compute(f"torch.nan_to_num({{0}}, nan={filler})", x, like=x)


@op("Nanprod", any_order=True, calls=[call("nanprod", _HOLES, axis=1), call("nanprod", (3, 2))])
def nanprod(step: OpStep, x: Tensor) -> Tensor:
    """The product of what is a number."""
    if not is_integer(x):
        x = step.compute("torch.where({0}.isnan(), 1.0, {0})", x, like=x)
    result: Tensor = prod(step, x)
    return result


@op("Nanvar", any_order=True, calls=[
    without_gradients(call("nanvar", _HOLES, axis=1)), call("nanvar", (3, 2)),
])  # fmt: skip
def nanvar(step: OpStep, x: Tensor) -> Tensor:
    """The variance of what is a number."""
    return _variance(step, x)


@op("Nanstd", any_order=True, calls=[
    without_gradients(call("nanstd", _HOLES, axis=1)), call("nanstd", (3, 2)),
])  # fmt: skip
def nanstd(step: OpStep, x: Tensor) -> Tensor:
    """The standard deviation of what is a number."""
    y = _variance(step, x)
    return step.compute("torch.sqrt({0})", y, like=y)


def _variance(step: OpStep, x: Tensor) -> Tensor:
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    x = step.keras_order(step.floating(x))
    whole = tuple(range(x.rank)) if axes is None else axes
    mean = reduced(step, x, "torch.nanmean({0}, {dims})", whole, True, x.dtype)
    square = step.compute("({0} - {1}).square()", x, mean, like=x)
    return reduced(step, square, "torch.nanmean({0}, {dims})", axes, keepdims, x.dtype)


@op("Nanmedian", calls=[call("nanmedian", (4, 2), axis=1)])
def nanmedian(step: OpStep, x: Tensor) -> Tensor:
    """The middle of what is a number."""
    return _quantile(step, x, 0.5, "nanquantile")


@op("Nanquantile", calls=[call("nanquantile", (5, 2), 0.3, axis=1)])
def nanquantile(step: OpStep, x: Tensor, q: Any) -> Tensor:
    """What a share of those that are numbers is below."""
    return _quantile(step, x, _share(step, q, 1), "nanquantile")


@op("Nanpercentile", calls=[call("nanpercentile", (5, 2), 30, axis=1)])
def nanpercentile(step: OpStep, x: Tensor, q: Any) -> Tensor:
    """What so many of a hundred that are numbers are below."""
    return _quantile(step, x, _share(step, q, 100), "nanquantile")
