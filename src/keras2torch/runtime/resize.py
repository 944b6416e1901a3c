"""Resizing of images as TensorFlow does it, where ``F.interpolate`` doesn't."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def resize_bicubic(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Cubic interpolation with Keys' a = -0.5, weights outside the image left out.

    TensorFlow looks its weights up in a table of 1024 places per pixel; places are
    float32. x: (batch, channels, height, width).
    Source: tensorflow/core/kernels/image/resize_bicubic_op.cc.
    """
    weights = []
    for old, new in zip(x.shape[2:], size, strict=True):
        steps = torch.arange(new, dtype=torch.float32)
        place = (steps + 0.5) * torch.tensor(old / new, dtype=torch.float32) - 0.5
        first = place.floor()
        place = first.double() + ((place - first) * 1024).round().double() / 1024
        apart = (torch.arange(old) - place[:, None]).abs()
        near = (1.5 * apart - 2.5) * apart.square() + 1
        far = ((2.5 - 0.5 * apart) * apart - 4) * apart + 2
        weight = torch.where(apart < 1, near, torch.where(apart < 2, far, 0.0))
        weights.append((weight / weight.sum(1, keepdim=True)).to(x))
    return weights[0] @ x @ weights[1].T


def resize_lanczos(
    x: Tensor, size: tuple[int, int], *, radius: int, antialias: bool = False
) -> Tensor:
    """Interpolation with Lanczos' kernel, weights outside the image left out.

    x: (batch, channels, height, width).
    Source: tensorflow/core/kernels/image/scale_and_translate_op.cc.
    """
    weights = []
    for old, new in zip(x.shape[2:], size, strict=True):
        place = (torch.arange(new, dtype=torch.float64) + 0.5) * (old / new) - 0.5
        apart = (torch.arange(old) - place[:, None]).abs()
        if antialias:
            apart = apart / max(old / new, 1.0)
        weight = torch.sinc(apart) * torch.sinc(apart / radius)
        weight = torch.where(apart > radius, 0.0, torch.where(apart <= 1e-3, 1.0, weight))
        weights.append((weight / weight.sum(1, keepdim=True)).to(x))
    return weights[0] @ x @ weights[1].T


def resize_area(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Means over what each new pixel covers, parts of pixels included.

    x: (batch, channels, height, width).
    """
    weights = []
    for old, new in zip(x.shape[2:], size, strict=True):
        start = torch.arange(new, dtype=torch.float64)[:, None] * (old / new)
        pixel = torch.arange(old, dtype=torch.float64)
        ends = torch.minimum(start + old / new, pixel + 1) - torch.maximum(start, pixel)
        weights.append((ends.clamp(min=0) * (new / old)).to(x))
    return weights[0] @ x @ weights[1].T


def aspect_crop(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The largest part in the middle that is shaped like ``size``.

    x: (..., height, width). Source: resize in keras/src/backend/tensorflow/image.py.
    """
    height, width = x.shape[-2:]
    rows = max(min(height, math.floor(width * size[0] / size[1])), 1)
    columns = max(min(width, math.floor(height * size[1] / size[0])), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return x[..., top : top + rows, left : left + columns]


def aspect_pad(x: Tensor, size: tuple[int, int], value: float = 0.0) -> Tensor:
    """Borders on two sides, as wide, so that the whole is shaped like ``size``.

    x: (..., height, width). Source: resize in keras/src/backend/tensorflow/image.py.
    """
    height, width = x.shape[-2:]
    rows = max(height, math.floor(width * size[0] / size[1]))
    columns = max(width, math.floor(height * size[1] / size[0]))
    top, left = (rows - height) // 2, (columns - width) // 2
    return F.pad(x, (left, left, top, top), value=value)


def center_crop(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle of an image; a smaller image is cut to the shape of ``size`` and resized.

    x: (batch, channels, height, width).
    Source: keras/src/layers/preprocessing/image_preprocessing/center_crop.py.
    """
    height, width = x.shape[-2:]
    if height < size[0] or width < size[1]:
        return F.interpolate(aspect_crop(x, size), size=size, mode="bilinear")
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return x[..., top : top + size[0], left : left + size[1]]
