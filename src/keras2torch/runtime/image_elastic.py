"""Keras' RandomElasticTransform. It acts in training only."""

import torch
from torch import Tensor

from keras2torch.runtime.augmentation import Augmentation, chance, uniform
from keras2torch.runtime.image_filters import filtered, gaussian_kernel
from keras2torch.runtime.warping import read_pixels


class RandomElasticTransform(Augmentation):
    """Moves the pixels of images by smoothed noise; all images of a batch by the same strength.

    Each image is chosen with a probability from ``factor``. As in Keras, the noise is the same
    along the height and the width.
    Source: keras/src/layers/preprocessing/image_preprocessing/random_elastic_transform.py.
    """

    def __init__(
        self,
        factor: tuple[float, float],
        scale: tuple[float, float],
        value_range: tuple[float, float],
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__()
        self.factor = factor
        self.scale = scale
        self.value_range = value_range
        self.interpolation = interpolation
        self.fill_mode = fill_mode
        self.fill_value = fill_value

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        strength = uniform(images, (1,), *self.scale)
        return chance(images, *self.factor), strength, torch.randn_like(images[:, :1])

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        if self.factor[1] == 0 or self.scale[1] == 0:
            return images
        chosen, strength, noise = drawn
        height, width = images.shape[-2:]
        sigma = min(height, width) * 0.05 * strength
        size = 6 * int(sigma) + 1
        smooth = filtered(noise * sigma, gaussian_kernel((size, size), sigma.expand(2)))
        moves = (max(height, width) * 0.1 * strength * smooth).squeeze(1)
        x = torch.arange(width, device=images.device) + moves
        y = torch.arange(height, device=images.device)[:, None] + moves
        moved = torch.where(chosen, self.sampled(images, y, x), images)
        return moved.clamp(*self.value_range)

    def sampled(self, images: Tensor, y: Tensor, x: Tensor) -> Tensor:
        """The images' values at (y, x), each (batch, height, width)."""
        if self.interpolation == "nearest":
            return self.read(images, y.round(), x.round())
        top, left = y.floor(), x.floor()
        below, right = (y - top)[:, None], (x - left)[:, None]
        upper = (1 - right) * self.read(images, top, left)
        upper = upper + right * self.read(images, top, left + 1)
        lower = (1 - right) * self.read(images, top + 1, left)
        lower = lower + right * self.read(images, top + 1, left + 1)
        return (1 - below) * upper + below * lower

    def read(self, images: Tensor, y: Tensor, x: Tensor) -> Tensor:
        if self.fill_mode != "constant":
            height, width = images.shape[-2:]
            y = fold_index(y, height, self.fill_mode)
            x = fold_index(x, width, self.fill_mode)
        return read_pixels(images, y, x, self.fill_value)


def fold_index(index: Tensor, size: int, fill_mode: str) -> Tensor:
    """Whole places brought into 0 to size - 1. "reflect" repeats the last one, not the first.

    Source: map_coordinates in keras/src/backend/tensorflow/image.py.
    """
    if fill_mode == "nearest":
        return index.clamp(0, size - 1)
    if fill_mode == "wrap":
        return index % size
    index = index.abs() % (2 * size)
    return torch.where(index < size, index, 2 * size - index - 1)
