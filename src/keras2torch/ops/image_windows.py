"""Windows of images in ``keras.ops.image``: patches, filters. Source: keras/src/ops/image.py."""

from __future__ import annotations

from math import prod

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.window import Window, padded, resized, torch_pad
from keras2torch.ops.calls import call, floats
from keras2torch.ops.images import batch
from keras2torch.registry import op


@op("ExtractPatches", any_order=True, calls=[
    call("image.extract_patches", (5, 6, 2), 2),
    call("image.extract_patches", (5, 6, 2), 3, strides=1),
    call("image.extract_patches", (5, 6, 2), 3, strides=2, padding="same"),
    call("image.extract_patches", (5, 6, 2), size=(2, 3), strides=1, dilation_rate=2),
    call("image.extract_patches_3d", (4, 5, 4, 2), 2),
    call("image.extract_patches_3d", (3, 4, 3, 2), size=(1, 2, 3), strides=(1, 2, 1),
         padding="same"),
])  # fmt: skip
def extract_patches(step: OpStep, images: Tensor) -> Tensor:
    """Windows, each as a row of channels."""
    given = step.config.raw("size")
    rank = 3 if isinstance(given, list) and len(given) == 3 else 2
    x = batch(step, images, rank)
    size = step.config.window("size", rank)
    step.config = step.config.without_none("strides")
    stride = step.config.window("strides", rank, list(size))
    window = Window(size, stride, step.config.window("dilation_rate", rank, 1))
    padding = step.config.choice("padding", ("valid", "same"), "valid")
    sizes = x.memory_shape[2:]
    channels, output = x.memory_shape[1], window.output(step, sizes, padding)
    if channels is None or None in output:
        raise step.unsupported("images of unknown size")
    pad, inner = padded(step, window, sizes, padding)
    if inner:
        around = [inner] * rank if isinstance(inner, int) else inner
        pad = f"F.pad({{1}}, {literal(torch_pad([(both, both) for both in around]))})"
    shape = resized(x, (x.shape[0], channels * prod(size), *output)).shape
    options = f"{literal(size)}, {literal(stride)}, {literal(window.dilation)}"
    text = f"{step.helper('extract_patches')}({pad}, {options})".replace("{1}", "{0}")
    return step.compute(text, x, like=x, shape=shape)


@op("SobelEdges", any_order=True, calls=[
    call("image.sobel_edges", (5, 6, 2)),
    call("image.sobel_edges", (2, 4, 5), data_format="channels_first"),
])  # fmt: skip
def sobel_edges(step: OpStep, images: Tensor) -> Tensor:
    """How steep the images are, downwards and to the right."""
    x = batch(step, images)
    order = None if x.order is None else (*x.order, 4)
    text = f"{step.helper('sobel_edges')}({{0}})"
    return step.compute(text, x, like=x, shape=(*x.shape, 2), order=order)


_SHADES = floats(7, 8, 2, low=0.0, high=1.0)


@op("SSIM", any_order=True, calls=[
    call("image.ssim", _SHADES, _SHADES, filter_size=5),
    call("image.ssim", floats(2, 6, 7), floats(2, 6, 7), filter_size=3, filter_sigma=0.8,
         max_val=6.0, k1=0.02, k2=0.05, data_format="channels_first"),
])  # fmt: skip
def ssim(step: OpStep, image1: Tensor, image2: Tensor) -> Tensor:
    """How alike the structure of two images is."""
    one, two = batch(step, image1), batch(step, image2)
    config = step.config
    size = config.int("filter_size", 11, low=1)
    if one.dtype != two.dtype or one.memory_shape[1] != two.memory_shape[1]:
        raise step.unsupported(f"images of shapes {one.shape} and {two.shape}")
    if any(side is None or side < size for side in one.memory_shape[2:]):
        raise step.unsupported(f"windows of {size} on images of shape {one.shape}")
    options = {
        "peak": config.float("max_val", 1.0),
        "size": size,
        "sigma": config.float("filter_sigma", 1.5),
        "k1": config.float("k1", 0.01),
        "k2": config.float("k2", 0.03),
    }
    usual = {"peak": 1.0, "size": 11, "sigma": 1.5, "k1": 0.01, "k2": 0.03}
    given = [f", {key}={literal(v)}" for key, v in options.items() if v != usual[key]]
    text = f"{step.helper('ssim')}({{0}}, {{1}}{''.join(given)})"
    return step.compute(text, one, two, like=one, shape=one.shape[:1], order=None)


@op("GaussianBlur", any_order=True, calls=[
    call("image.gaussian_blur", (5, 6, 2), kernel_size=(3, 3), sigma=(1.0, 1.5)),
])  # fmt: skip
def gaussian_blur(step: OpStep, images: Tensor) -> Tensor:
    """Each pixel the mean of those around, weighed by a bell curve."""
    x = batch(step, images)
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
