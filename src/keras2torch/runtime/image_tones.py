"""Keras' image layers that map the values of images: contrast, histograms, bits."""

import torch
from torch import Tensor

from keras2torch.runtime.augmentation import Augmentation, rescale_range, uniform


class AutoContrast(Augmentation):
    """Stretches the values to the whole range, in training and in inference.

    ``dims`` are those that share one minimum and maximum.
    Source: keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py.
    """

    def __init__(self, value_range: tuple[float, float], dims: tuple[int, int] = (-2, -1)) -> None:
        super().__init__()
        self.value_range = value_range
        self.dims = dims

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        x = rescale_range(images, self.value_range, (0.0, 255.0))
        low = x.amin(self.dims, keepdim=True)
        # A number divided by a tensor would be a product with its reciprocal, and round otherwise.
        scale = x.new_tensor(255.0) / (x.amax(self.dims, keepdim=True) - low)
        y = rescale_range((x * scale - low * scale).clamp(0, 255), (0.0, 255.0), self.value_range)
        return torch.where(y.isnan(), images, y)  # without any contrast the scale is infinite

    def forward(self, x: Tensor) -> Tensor:
        return self.apply_to(x)


class Equalization(Augmentation):
    """Makes all values of a batch equally frequent, channel by channel; in training only.

    Source: keras/src/layers/preprocessing/image_preprocessing/equalization.py.
    """

    def __init__(self, value_range: tuple[float, float], bins: int = 256) -> None:
        super().__init__()
        self.value_range = value_range
        self.bins = bins

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        low, high = self.value_range
        scale = 255 / (high - low)
        x = images * scale - low * scale
        x = torch.stack([self.equalized(channel) for channel in x.unbind(1)], dim=1)
        return x * ((high - low) / 255) + low

    def equalized(self, x: Tensor) -> Tensor:
        """One channel of all images, from 0 to 255."""
        places = (x.to(torch.float) * (self.bins - 1) / 255).clamp(0, self.bins - 1).long()
        counts = torch.bincount(places.flatten(), minlength=self.bins)
        if counts.count_nonzero() <= 1:
            return x
        total = counts.cumsum(0)
        first = total[total > 0][0]
        # As many pixels as the first bin has are left out of the count.
        table = ((total - first) * 255).double() / (total[-1] - first)
        table = table.round().clamp(0, 255).to(x.dtype)
        return table[(x / 255.0 * (self.bins - 1)).clamp(0, self.bins - 1).long()]


class RandomPosterization(Augmentation):
    """Keeps the upper bits of each image's bytes; how many, is drawn.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_posterization.py.
    """

    def __init__(self, factor: tuple[int, int], value_range: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        low, high = self.factor
        shape = (len(images), 1, 1, 1)
        bits = torch.randint(low, max(high, low + 1), shape, device=images.device)
        return ((8 - bits).to(torch.uint8),)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        x = rescale_range(images, self.value_range, (0.0, 255.0)).to(torch.uint8)
        x = (x >> drawn[0]) << drawn[0]
        return rescale_range(x.to(images.dtype), (0.0, 255.0), self.value_range)


class Solarization(Augmentation):
    """Adds a number to each image and inverts what is not below a threshold.

    Source: keras/src/layers/preprocessing/image_preprocessing/solarization.py.
    """

    def __init__(
        self,
        addition_factor: tuple[float, float],
        threshold_factor: tuple[float, float],
        value_range: tuple[float, float],
    ) -> None:
        super().__init__()
        self.addition_factor = addition_factor
        self.threshold_factor = threshold_factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        # As in Keras, the lower bounds are bytes and the upper ones shares of 255.
        shape = (len(images), 1, 1, 1)
        low, high = self.addition_factor
        additions = uniform(images, shape, low, high * 255)
        low, high = self.threshold_factor
        return additions, uniform(images, shape, low, high * 255)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        additions, thresholds = drawn
        x = rescale_range(images, self.value_range, (0.0, 255.0))
        x = (x + additions).clamp(0, 255)
        x = torch.where(x < thresholds, x, 255 - x)
        return rescale_range(x, (0.0, 255.0), self.value_range)
