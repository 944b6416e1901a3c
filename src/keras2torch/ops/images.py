"""Images in ``keras.ops.image``, in batches. Source: keras/src/ops/image.py."""

from __future__ import annotations

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.window import Window, padded, resized, spatial
from keras2torch.ops.calls import by_jax, call, floats, without_gradients
from keras2torch.ops.promotion import kind
from keras2torch.ops.shaping import LARGEST
from keras2torch.registry import op

_COLORS = floats(4, 5, 3, low=0.0, high=1.0)


def _images(step: OpStep, x: Tensor) -> Tensor:
    """Floats as (batch, channels, height, width) in memory."""
    step.config = step.config.without_none("data_format")
    if kind(x.dtype) != 2:
        raise step.unsupported(f"images of {x.dtype}")
    return spatial(step, x, 2)


def _colors(step: OpStep, x: Tensor) -> Tensor:
    x = _images(step, x)
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
    x = _images(step, images)
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
    x = _images(step, images)
    texts, sizes = [], []
    for (before, after), size in zip(_border(step, x, "cropping"), x.memory_shape[2:], strict=True):
        if size is None or before + after >= size:
            raise step.unsupported(f"cropping {before} and {after} of {size}")
        texts.append(f"{before or ''}:{size - after if after else ''}")
        sizes.append(size - before - after)
    shape = resized(x, (*x.memory_shape[:2], *sizes)).shape
    return step.compute(f"{{0}}[:, :, {', '.join(texts)}]", x, like=x, shape=shape)


@op("Resize", any_order=True, calls=[
    call("image.resize", (4, 5, 2), size=(8, 3), interpolation="nearest"),
    by_jax(call("image.resize", (4, 5, 2), size=(8, 10))),
])  # fmt: skip
def resize(step: OpStep, images: Tensor) -> Tensor:
    """Images of another size."""
    x = _images(step, images)
    size = step.config.window("size", 2)
    method = step.config.choice("interpolation", ("nearest", "bilinear"), "bilinear")
    for key in ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio"):
        step.config.require(key, False, False)
    step.config.ignore("fill_mode", "fill_value")  # of padding to an aspect ratio
    shape = resized(x, (*x.memory_shape[:2], *size)).shape
    mode = "nearest-exact" if method == "nearest" else "bilinear"
    text = f"F.interpolate({{0}}, size={literal(size)}, mode={literal(mode)})"
    return step.compute(text, x, like=x, shape=shape)


@op("ExtractPatches", any_order=True, calls=[
    call("image.extract_patches", (5, 6, 2), 2),
    call("image.extract_patches", (5, 6, 2), 3, strides=1),
    call("image.extract_patches", (5, 6, 2), 3, strides=2, padding="same"),
])  # fmt: skip
def extract_patches(step: OpStep, images: Tensor) -> Tensor:
    """Windows, each as a row of channels."""
    x = _images(step, images)
    size = step.config.window("size", 2)
    step.config = step.config.without_none("strides")
    stride = step.config.window("strides", 2, list(size))
    window = Window(size, stride, step.config.window("dilation_rate", 2, 1))
    padding = step.config.choice("padding", ("valid", "same"), "valid")
    sizes = x.memory_shape[2:]
    channels, output = x.memory_shape[1], window.output(step, sizes, padding)
    if channels is None or None in output:
        raise step.unsupported("images of unknown size")
    pad, inner = padded(step, window, sizes, padding)
    if inner:
        pad = f"F.pad({{1}}, {literal(_around(inner))})"
    shape = resized(x, (x.shape[0], channels * size[0] * size[1], *output)).shape
    where = f"{literal(size)}, {literal(stride)}, {literal(window.dilation)}"
    text = f"{step.helper('extract_patches')}({pad}, {where})".replace("{1}", "{0}")
    return step.compute(text, x, like=x, shape=shape)


def _around(padding: int | tuple[int, ...]) -> tuple[int, ...]:
    height, width = (padding, padding) if isinstance(padding, int) else padding
    return (width, width, height, height)


@op("GaussianBlur", any_order=True, calls=[
    call("image.gaussian_blur", (5, 6, 2), kernel_size=(3, 3), sigma=(1.0, 1.5)),
])  # fmt: skip
def gaussian_blur(step: OpStep, images: Tensor) -> Tensor:
    """Each pixel the mean of those around, weighed by a bell curve."""
    x = _images(step, images)
    size = step.config.window("kernel_size", 2, [3, 3])
    given = step.config.raw("sigma", [1.0, 1.0])
    sigma = [given, given] if type(given) in (int, float) else given
    if (
        not isinstance(sigma, list)
        or [type(s) in (int, float) and s > 0 for s in sigma] != [True] * 2
    ):
        raise step.config.wrong("sigma", "two positive numbers", given)
    if size[0] % 2 == 0 or size[1] % 2 == 0:
        raise step.unsupported(f"a kernel of even size {size}")
    kernel = f"{step.helper('gaussian_kernel')}({literal(size)}, torch.tensor({literal(sigma)}))"
    return step.compute(f"{step.helper('filtered')}({{0}}, {kernel})", x, like=x)
