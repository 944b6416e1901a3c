"""TensorFlow's resizing of images in float64, where ``tf.image.resize`` computes in float32.

The formulas are those of resize_bilinear_op.cc, resize_bicubic_op.cc, resize_area_op.cc and
scale_and_translate_op.cc (tensorflow/core/kernels/image).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def resize(images: Any, size: Any, method: str, antialias: bool) -> Any:
    """Float64 ``images`` (batch, height, width, channels), or one without batch, as TensorFlow
    tensors."""
    import tensorflow as tf

    def along(axis: int, new: int) -> Any:
        if images.shape[axis] is not None:
            return tf.constant(weights(images.shape[axis], new, method, antialias))
        found = tf.numpy_function(
            lambda old: weights(int(old), new, method, antialias),
            [tf.shape(images)[axis]],
            tf.float64,
        )
        return tf.ensure_shape(found, (new, None))

    rows, columns = along(-3, int(size[0])), along(-2, int(size[1]))
    return tf.einsum("...hwc,yh,xw->...yxc", images, rows, columns)


def weights(old: int, new: int, method: str, antialias: bool) -> Array:
    """What each of ``old`` pixels counts for each of ``new`` ones, (new, old)."""
    pixel = np.arange(old, dtype=np.float64)
    scale = old / new
    if method == "area":
        start = np.arange(new)[:, None] * scale
        covered = np.minimum(start + scale, pixel + 1) - np.maximum(start, pixel)
        share: Array = np.maximum(covered, 0.0) / scale
        return share
    place = (np.arange(new) + 0.5) * scale - 0.5
    if method == "bicubic" and not antialias:
        # Places are float32 there, and weights come from a table of 1024 per pixel.
        single = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * np.float32(scale)
        single -= np.float32(0.5)
        part = np.rint((single - np.floor(single)) * np.float32(1024))
        place = np.floor(single).astype(np.float64) + part.astype(np.float64) / 1024
    stretch = max(scale, 1.0) if antialias else 1.0
    kernel = _kernel(method, np.abs(pixel - place[:, None]) / stretch)
    total: Array = kernel / kernel.sum(axis=1, keepdims=True)
    return total


def _kernel(method: str, x: Array) -> Array:
    """The kernel at these distances from the middle of a new pixel."""
    if method == "bilinear":
        return np.maximum(1 - x, 0.0)
    if method == "bicubic":
        near = (1.5 * x - 2.5) * x**2 + 1
        far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return np.where(x < 1, near, np.where(x < 2, far, 0.0))
    radius = int(method.removeprefix("lanczos"))
    inner = np.sinc(x) * np.sinc(x / radius)
    return np.where(x > radius, 0.0, np.where(x <= 1e-3, 1.0, inner))
