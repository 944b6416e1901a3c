"""Images of another size in ``keras.ops.image``. Source: keras/src/ops/image.py."""

from __future__ import annotations

from math import prod
from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.resizing import of_one_image, resized_images
from keras2torch.ops.calls import Array, Drawn, call, ints, on_tensorflow
from keras2torch.ops.operands import array_of, axes_option
from keras2torch.ops.promotion import kind
from keras2torch.ops.shaping import LARGEST
from keras2torch.registry import op


@op("Resize", any_order=True, calls=[
    call("image.resize", (4, 5, 2), size=(8, 3), interpolation="nearest"),
    call("image.resize", (4, 5, 2), size=(8, 10)),
    call("image.resize", (7, 4, 2), size=(3, 4), antialias=True),
    # Keras on JAX has no table of weights.
    on_tensorflow(call("image.resize", (4, 5, 2), size=(6, 7), interpolation="bicubic")),
    call("image.resize", (4, 7, 2), size=(8, 3), interpolation="bicubic", antialias=True),
    call("image.resize", (6, 5, 2), size=(3, 9), interpolation="lanczos3"),
    call("image.resize", (8, 5, 2), size=(3, 4), interpolation="lanczos5", antialias=True),
    call("image.resize", (5, 8, 2), size=(4, 4), crop_to_aspect_ratio=True),
    call("image.resize", (3, 8, 2), size=(4, 4), pad_to_aspect_ratio=True, fill_value=2.5),
    on_tensorflow(call("image.resize", (3, 8, 2), size=(2, 6), interpolation="area")),
    call("image.resize", ints(4, 5, 2, low=0, high=255), size=(7, 4), interpolation="lanczos3"),
    call("image.resize", ints(4, 5, 2, low=0, high=255, dtype="uint8"), size=(3, 9)),
    call("image.resize", Drawn((4, 5, 2), batched=False), size=(3, 9)),
])  # fmt: skip
def resize(step: OpStep, images: Tensor) -> Tensor:
    """As by the layer Resizing."""
    step.config = step.config.without_none("data_format")
    if images.rank == 3:
        return of_one_image(step, images, resize)
    return resized_images(step, images, step.config.window("size", 2))


_LINEAR = ("linear", "bilinear", "trilinear", "triangle")
_CUBIC = ("cubic", "bicubic", "tricubic")
_SCALE, _SHIFT = Array([1.6, 0.7]), Array([0.2, -0.3])


@op("ScaleAndTranslate", calls=[
    call("image.scale_and_translate", (5, 6, 2), output_shape=(3, 8, 4, 2), scale=_SCALE,
         translation=_SHIFT, spatial_dims=(1, 2), method="linear"),
    call("image.scale_and_translate", (5, 6, 2), output_shape=(3, 8, 4, 2), scale=_SCALE,
         translation=_SHIFT, spatial_dims=(1, 2), method="cubic"),
    call("image.scale_and_translate", (7, 2), output_shape=(3, 9, 2), scale=Array([0.5]),
         translation=Array([1.25]), spatial_dims=(1,), method="cubic", antialias=False),
])  # fmt: skip
def scale_and_translate(
    step: OpStep, images: Tensor, output_shape: Any, scale: Any, translation: Any
) -> Tensor:
    """Some axes stretched and moved."""
    axes = axes_option(step, images, "spatial_dims") or ()
    method = step.config.choice("method", (*_LINEAR, *_CUBIC))
    antialias = step.config.bool("antialias", True)
    given = []
    for value in (scale, translation):
        if not isinstance(value, Constant) or value.array.dtype != "float32":
            raise step.unsupported("a scale or a translation that is no array of float32")
        given.append(array_of(step, value).astype(float).tolist())
    shape = list(output_shape) if isinstance(output_shape, (list, tuple)) else []
    sizes = [size for size in shape if type(size) is int and 0 < size < LARGEST]
    if (
        len(sizes) != images.rank
        or prod(sizes) >= LARGEST
        or any(not isinstance(v, list) or len(v) != len(axes) for v in given)
    ):
        raise step.unsupported(f"a shape {shape} of axes {axes}")
    if kind(images.dtype) != 2:
        raise step.unsupported(f"images of {images.dtype}")
    made = tuple(sizes[a] if a in axes else size for a, size in enumerate(images.shape))
    mode = "linear" if method in _LINEAR else "cubic"
    more = "" if antialias else ", antialias=False"
    text = f"{step.helper('scale_and_translate')}({{0}}, {literal(axes)}, "
    text += f"{literal([sizes[a] for a in axes])}, {literal(given[0])}, {literal(given[1])}"
    return step.compute(f"{text}, {literal(mode)}{more})", images, like=images, shape=made)
