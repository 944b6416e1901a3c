"""Images read at other places in ``keras.ops.image``. Source: keras/src/ops/image.py."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import (
    Array,
    Drawn,
    OpCall,
    by_jax,
    call,
    on_tensorflow,
    without_gradients,
)
from keras2torch.ops.images import batch
from keras2torch.ops.promotion import kind
from keras2torch.registry import op

_TURN = [0.75, -0.25, 0.5, 0.25, 1.125, -0.5, 0.0, 0.0]
_TURNS = Array([_TURN, [1.0, 0.0, -1.5, 0.0, 1.0, 0.75, 0.0, 0.0], _TURN])


def _affine(*arguments: Any, **options: Any) -> OpCall:
    """TensorFlow computes in float32 only, and its gradient is that of the inverse transform."""
    return without_gradients(by_jax(call("image.affine_transform", *arguments, **options)))


@op("AffineTransform", any_order=True, calls=[
    _affine((5, 6, 2), _TURNS), _affine((5, 6, 2), _TURNS, interpolation="nearest", fill_value=2.0),
    _affine((5, 6, 2), _TURNS, fill_mode="nearest"),
    _affine((2, 5, 6), _TURNS, fill_mode="reflect", data_format="channels_first"),
    # Keras on JAX wraps in another way; what is only copied is exact on TensorFlow too.
    without_gradients(on_tensorflow(call("image.affine_transform", (5, 6, 2), _TURNS,
                                         interpolation="nearest", fill_mode="wrap"))),
])  # fmt: skip
def affine_transform(step: OpStep, images: Tensor, transform: Any) -> Tensor:
    """Each pixel read at a projective transform of its place."""
    x = batch(step, images)
    config = step.config
    method = config.choice("interpolation", ("nearest", "bilinear"), "bilinear")
    modes = ("constant", "nearest", "reflect", "wrap")
    mode = config.choice("fill_mode", modes, "constant")
    value = config.float("fill_value", 0.0)
    matrix = step.constant(transform) if isinstance(transform, Constant) else transform
    if not isinstance(matrix, Tensor) or matrix.rank not in (1, 2) or matrix.shape[-1] != 8:
        raise step.unsupported("a transform that is not 8 numbers")
    each = "{1}" if matrix.rank == 2 and matrix.shape[0] != 1 else "{1}.expand(len({0}), -1)"
    options = f"{literal(method)}, {literal(mode)}, {literal(value)}"
    text = f"{step.helper('warp')}({{0}}, {each}, {options})"
    return step.compute(text, x, matrix, like=x)


_GRID = Drawn((2, 3, 4), low=-1.5, high=6.5, batched=False)
_PLANE = Drawn((5, 6), batched=False)


@op("MapCoordinates", calls=[
    call("image.map_coordinates", _PLANE, _GRID, order=1, fill_value=0.5),
    call("image.map_coordinates", _PLANE, _GRID, order=1, fill_mode="nearest"),
    call("image.map_coordinates", _PLANE, _GRID, order=1, fill_mode="wrap"),
    call("image.map_coordinates", _PLANE, _GRID, order=0),
])  # fmt: skip
def map_coordinates(step: OpStep, inputs: Any, coordinates: Any) -> Tensor:
    """A tensor read between its elements."""
    x, places = (step.constant(v) if isinstance(v, Constant) else v for v in (inputs, coordinates))
    if not isinstance(x, Tensor) or not isinstance(places, Tensor):
        raise step.unsupported("a call on anything but two tensors")
    order = step.config.int("order", low=0)
    # Keras' backends differ in the modes that mirror.
    mode = step.config.choice("fill_mode", ("constant", "nearest", "wrap"), "constant")
    value = step.config.float("fill_value", 0.0)
    whole = kind(x.dtype) == kind(places.dtype) == 2 and x.dtype == places.dtype
    if not whole or order > 1 or not 0 < x.rank <= 6 or places.shape[0] != x.rank:
        raise step.unsupported(f"order {order} on {x.dtype} of shape {x.shape}")
    options = {"order": (order, 1), "fill_mode": (mode, "constant"), "fill_value": (value, 0.0)}
    given = [f", {key}={literal(v)}" for key, (v, usual) in options.items() if v != usual]
    text = f"{step.helper('map_coordinates')}({{0}}, {{1}}{''.join(given)})"
    return step.compute(text, x, places, like=x, shape=places.shape[1:])
