"""Images sampled at other places, as TensorFlow does it."""

import torch
from torch import Tensor


def warp(
    images: Tensor, matrices: Tensor, interpolation: str, fill_mode: str, fill_value: float
) -> Tensor:
    """Every output pixel (x, y) is read at a projective transform of its place.

    That is ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with k = c0 x + c1 y + 1.

    images: (batch, channels, height, width); matrices: (batch, 8), a0, a1, a2, b0, b1, b2, c0, c1.
    Source: tf.raw_ops.ImageProjectiveTransformV3, which computes the places in float32.
    """
    height, width = images.shape[-2:]
    rows = torch.arange(height, dtype=torch.float, device=images.device)[:, None]
    columns = torch.arange(width, dtype=torch.float, device=images.device)
    a0, a1, a2, b0, b1, b2, c0, c1 = matrices.to(torch.float)[:, :, None, None].unbind(1)
    k = c0 * columns + c1 * rows + 1
    x = fold_place((a0 * columns + a1 * rows + a2) / k, width, fill_mode)
    y = fold_place((b0 * columns + b1 * rows + b2) / k, height, fill_mode)
    if interpolation == "nearest":
        return read_pixels(images, round_half_away(y), round_half_away(x), fill_value)
    top, left = y.floor(), x.floor()
    below = (y - top)[:, None].to(images.dtype)
    right = (x - left)[:, None].to(images.dtype)
    upper = (1 - right) * read_pixels(images, top, left, fill_value)
    upper = upper + right * read_pixels(images, top, left + 1, fill_value)
    lower = (1 - right) * read_pixels(images, top + 1, left, fill_value)
    lower = lower + right * read_pixels(images, top + 1, left + 1, fill_value)
    return (1 - below) * upper + below * lower


def fold_place(place: Tensor, size: int, fill_mode: str) -> Tensor:
    """Places outside of 0 to size - 1, brought inside; with "constant" they stay outside.

    "reflect" is d c b a | a b c d | d c b a, "wrap" a b c d | a b c d | a b c d.
    """
    if fill_mode == "constant":
        # Where k is 0 there is no place at all: that is outside too.
        return torch.nan_to_num(place, nan=-2.0, posinf=-2.0, neginf=-2.0)
    if size == 1:
        return torch.zeros_like(place)
    if fill_mode == "reflect":
        low = 2 * size * (-place / (2 * size)).trunc() + place
        low = torch.where(low < -size, low + 2 * size, -low - 1)
        high = place - 2 * size * (place / (2 * size)).trunc()
        high = torch.where(high >= size, 2 * size - high - 1, high)
    else:
        low = place + size * ((-place / (size - 1)).trunc() + 1)
        high = place - size * (place / (size - 1)).trunc()
    if fill_mode != "nearest":
        place = torch.where(place < 0, low, torch.where(place > size - 1, high, place))
    return place.clamp(0, size - 1)


def round_half_away(x: Tensor) -> Tensor:
    """Whole numbers, halves away from 0."""
    return (x.sign() * (x.double().abs() + 0.5).floor()).to(x.dtype)


def read_pixels(images: Tensor, y: Tensor, x: Tensor, fill_value: float = 0.0) -> Tensor:
    """The images' values at whole places, ``fill_value`` outside.

    images: (batch, channels, height, width); y, x: (batch, rows, columns).
    Returns (batch, channels, rows, columns).
    """
    channels, height, width = images.shape[1:]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    index = y.clamp(0, height - 1).long() * width + x.clamp(0, width - 1).long()
    index = index.flatten(1)[:, None].expand(-1, channels, -1)
    pixels = images.flatten(2).gather(2, index).reshape(-1, channels, *y.shape[1:])
    return torch.where(inside[:, None], pixels, fill_value)
