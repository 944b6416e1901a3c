"""Keras' Resizing, and how images are interpolated."""

from __future__ import annotations

from collections.abc import Callable

from keras2torch.ir.config import WINDOW_LIMIT
from keras2torch.ir.graph import Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers.window import resized, spatial
from keras2torch.registry import Integers, example, layer

INTERPOLATIONS = ("area", "bicubic", "bilinear", "lanczos3", "lanczos5", "nearest")
LIMITS = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767)}


@layer(
    "Resizing",
    any_order=True,
    examples=[
        example({"height": 6, "width": 10}, (3, 5, 2)),
        example({"height": 2, "width": 3, "interpolation": "nearest"}, (5, 4, 2)),
        example({"height": 6, "width": 7, "interpolation": "bicubic"}, (4, 5, 2)),
        example(
            {"height": 8, "width": 3, "interpolation": "bicubic", "antialias": True}, (4, 7, 2)
        ),
        example({"height": 3, "width": 9, "interpolation": "lanczos3"}, (6, 5, 2)),
        example(
            {"height": 3, "width": 4, "interpolation": "lanczos5", "antialias": True}, (8, None, 2)
        ),
        example({"height": 3, "width": 4, "antialias": True}, (7, 4, 2)),
        example({"height": 4, "width": 4, "crop_to_aspect_ratio": True}, (5, 8, 2)),
        example({"height": 6, "width": 3, "crop_to_aspect_ratio": True}, (None, None, 2)),
        example({"height": 4, "width": 4, "pad_to_aspect_ratio": True}, (3, 8, 2)),
        example(
            {
                "height": 3,
                "width": 6,
                "pad_to_aspect_ratio": True,
                "fill_value": 2.5,
                "data_format": "channels_first",
            },
            (2, 5, None),
        ),
        example({"height": 5, "width": 4, "interpolation": "lanczos3"}, Integers((3, 4, 2), 256)),
        example({"height": 5, "width": 4, "interpolation": "nearest"}, Integers((3, 4, 2), 256)),
        example({"height": 3, "width": 9}, Integers((4, 5, 2), 256)),
        example({"height": 3, "width": 4, "antialias": True}, Integers((7, 5, 2), 256)),
    ],
)
def resizing(step: Step, x: Tensor) -> Tensor:
    """Images of another size; whole numbers are rounded."""
    if x.rank == 3:
        return of_one_image(step, x, resizing)
    step.config.ignore("factor", "bounding_box_format")  # of images, which have no boxes here
    return resized_images(step, x, (_size(step, "height"), _size(step, "width")))


def resized_images(step: Step, x: Tensor, size: tuple[int, ...]) -> Tensor:
    """A batch of images of another size, by the options of the layer and of the operation."""
    config = step.config
    method = config.choice("interpolation", INTERPOLATIONS, "bilinear")
    antialias = config.bool("antialias", False)
    crop = config.bool("crop_to_aspect_ratio", False)
    pad = config.bool("pad_to_aspect_ratio", False)
    config.require("fill_mode", "constant", "constant")
    value = config.float("fill_value", 0.0)
    if crop and pad:
        raise config.wrong("pad_to_aspect_ratio", "false beside crop_to_aspect_ratio", pad)
    given = x.dtype
    x = spatial(step, x, 2)
    if crop:
        x = step.compute(f"{step.helper('aspect_crop')}({{0}}, {size})", x, like=x)
    elif pad:
        fill = f", {literal(value)}" if value else ""
        x = step.compute(f"{step.helper('aspect_pad')}({{0}}, {size}{fill})", x, like=x)
    x = interpolated(step, x, size, method, antialias)
    return rounded(step, x, given, method)


def _in_float32(method: str, antialias: bool) -> tuple[str, str] | None:
    """The helper, and its arguments, that rounds whole numbers' halves as TensorFlow does; none
    where halves are no concern, since the weights are no simple fractions."""
    if method in ("bilinear", "bicubic") and antialias:
        return "resize_antialiased_in_float32", f", {literal(method)}"
    if method in ("bilinear", "area"):
        return f"resize_{method}_in_float32", ""
    return None


def rounded(step: Step, x: Tensor, dtype: str, method: str) -> Tensor:
    """Whole numbers again where the image had some, within their limits."""
    if dtype not in INTEGER_DTYPES:
        return x
    if dtype == "bool":
        raise step.unsupported("an input of dtype bool")
    expression = "{0}" if method == "nearest" else "{0}.round()"
    if dtype in LIMITS:
        expression += ".clamp({}, {})".format(*LIMITS[dtype])
    return step.compute(f"{expression}.to(torch.{dtype})", x, like=x, dtype=dtype)


def of_one_image(step: Step, x: Tensor, mapping: Callable[[Step, Tensor], Tensor]) -> Tensor:
    """A tensor of three axes is one image to Keras, its first axis none of samples."""
    x = step.keras_order(x)
    y = mapping(step, step.compute("{0}.unsqueeze(0)", x, like=x, shape=(1, *x.shape)))
    y = step.keras_order(y)
    return step.compute("{0}.squeeze(0)", y, like=y, shape=y.shape[1:])


def interpolated(
    step: Step,
    x: Tensor,
    size: Shape,
    method: str,
    antialias: bool,
    factors: tuple[int, ...] = (),
) -> Tensor:
    """Channels-first images in another size; where that is not known, by these factors.

    Whole numbers become floats, to be rounded."""
    shape = resized(x, (*x.memory_shape[:2], *size)).shape
    wanted = ", ".join(
        f"{factors[place]} * {{0}}.shape[{place + 2}]" if length is None else str(length)
        for place, length in enumerate(size)
    )
    smooth = ", antialias=True" if antialias else ""
    whole = _in_float32(method, antialias) if x.dtype in INTEGER_DTYPES else None
    if x.dtype in INTEGER_DTYPES and whole is None:
        x = step.cast(x, "float64")
    if whole is not None:
        call = f"{step.helper(whole[0])}({{0}}, ({wanted}){whole[1]})"
    elif method == "nearest":
        # PyTorch's "nearest" takes a pixel's corner for its middle.
        call = f'F.interpolate({{0}}, size=({wanted}), mode="nearest-exact")'
    elif method == "bilinear" or (method == "bicubic" and antialias):
        call = f'F.interpolate({{0}}, size=({wanted}), mode="{method}"{smooth})'
    elif method.startswith("lanczos"):
        radius = f"radius={method.removeprefix('lanczos')}{smooth}"
        call = f"{step.helper('resize_lanczos')}({{0}}, ({wanted}), {radius})"
    else:
        call = f"{step.helper(f'resize_{method}')}({{0}}, ({wanted}))"
    return step.compute(call, x, like=x, shape=shape)


def _size(step: Step, key: str) -> int:
    size = step.config.int(key, low=1)
    if size >= WINDOW_LIMIT:
        raise step.config.wrong(key, f"below {WINDOW_LIMIT}", size)
    return size
