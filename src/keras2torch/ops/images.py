"""Images in ``keras.ops.image``, in batches. Source: keras/src/ops/image.py."""

from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.window import resized, spatial
from keras2torch.ops.calls import call, floats, without_gradients
from keras2torch.ops.promotion import kind
from keras2torch.ops.shaping import LARGEST
from keras2torch.registry import op

_COLORS = floats(4, 5, 3, low=0.0, high=1.0)


def batch(step: OpStep, x: Tensor, rank: int = 2) -> Tensor:
    """Floats as (batch, channels, height, width) in memory."""
    step.config = step.config.without_none("data_format")
    if kind(x.dtype) != 2:
        raise step.unsupported(f"images of {x.dtype}")
    return spatial(step, x, rank)


def _colors(step: OpStep, x: Tensor) -> Tensor:
    x = batch(step, x)
    if x.memory_shape[1] != 3:
        raise step.unsupported(f"{x.memory_shape[1]} channels")
    return x


@op("RGBToGrayscale", any_order=True, calls=[call("image.rgb_to_grayscale", _COLORS)])
def rgb_to_grayscale(step: OpStep, images: Tensor) -> Tensor:
    """One channel of three."""
    x = _colors(step, images)
    shape = resized(x, (x.shape[0], 1, *x.memory_shape[2:])).shape
    return step.compute(f"{step.helper('grayscale')}({{0}})", x, like=x, shape=shape)


@op("RGBToHSV", any_order=True, calls=[call("image.rgb_to_hsv", _COLORS)])
def rgb_to_hsv(step: OpStep, images: Tensor) -> Tensor:
    """Hue, saturation and value."""
    x = _colors(step, images)
    text = f"torch.stack({step.helper('rgb_to_hsv')}({{0}}), dim=1)"
    return step.compute(text, x, like=x)


@op("HSVToRGB", any_order=True, calls=[
    without_gradients(call("image.hsv_to_rgb", _COLORS)),  # TensorFlow has none
])  # fmt: skip
def hsv_to_rgb(step: OpStep, images: Tensor) -> Tensor:
    """Red, green and blue."""
    x = _colors(step, images)
    return step.compute(f"{step.helper('hsv_to_rgb')}(*{{0}}.unbind(1))", x, like=x)


def _border(step: OpStep, x: Tensor, kind: str) -> list[tuple[int, int]]:
    """How much to add or cut (top, bottom), (left, right); one may follow from a target size."""
    found = []
    sign = 1 if kind == "padding" else -1
    pairs = (("top", "bottom", "height"), ("left", "right", "width"))
    for (before, after, side), size in zip(pairs, x.memory_shape[2:], strict=True):
        amounts = [step.config.int_or_none(f"{name}_{kind}") for name in (before, after)]
        target = step.config.int_or_none(f"target_{side}")
        if None in amounts:
            if target is None or size is None or amounts == [None, None]:
                raise step.unsupported(f"a {side} that is not known")
            rest = sign * (target - size) - sum(a for a in amounts if a is not None)
            amounts = [rest if a is None else a for a in amounts]
        numbers = [a for a in amounts if a is not None and 0 <= a < LARGEST]
        if len(numbers) != 2:
            raise step.config.wrong(f"{before}_{kind}", "numbers from 0 on", amounts)
        found.append((numbers[0], numbers[1]))
    return found


@op("PadImages", any_order=True, calls=[
    call("image.pad_images", (3, 4, 2), 1, 2, 1, 0),
    call("image.pad_images", (3, 4, 2), top_padding=1, left_padding=0, target_height=6,
         target_width=7),
])  # fmt: skip
def pad_images(step: OpStep, images: Tensor) -> Tensor:
    """Zeros around."""
    x = batch(step, images)
    (top, bottom), (left, right) = _border(step, x, "padding")
    height, width = x.memory_shape[2:]
    sizes = [
        None if s is None else s + sum(p)
        for s, p in ((height, (top, bottom)), (width, (left, right)))
    ]
    shape = resized(x, (*x.memory_shape[:2], *sizes)).shape
    return step.compute(f"F.pad({{0}}, ({left}, {right}, {top}, {bottom}))", x, like=x, shape=shape)


@op("CropImages", any_order=True, calls=[
    call("image.crop_images", (5, 6, 2), 1, 2, 1, 0),
    call("image.crop_images", (5, 6, 2), top_cropping=1, left_cropping=0, target_height=2,
         target_width=3),
])  # fmt: skip
def crop_images(step: OpStep, images: Tensor) -> Tensor:
    """A part cut out."""
    x = batch(step, images)
    texts, sizes = [], []
    for (before, after), size in zip(_border(step, x, "cropping"), x.memory_shape[2:], strict=True):
        if size is None or before + after >= size:
            raise step.unsupported(f"cropping {before} and {after} of {size}")
        texts.append(f"{before or ''}:{size - after if after else ''}")
        sizes.append(size - before - after)
    shape = resized(x, (*x.memory_shape[:2], *sizes)).shape
    return step.compute(f"{{0}}[:, :, {', '.join(texts)}]", x, like=x, shape=shape)
