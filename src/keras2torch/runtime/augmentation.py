"""What Keras' random image layers share."""

import torch
from torch import Tensor, nn


class Augmentation(nn.Module):
    """An image layer of Keras that acts while training only.

    ``draw`` makes the random factors of one call, from the distributions that Keras draws from;
    ``transform`` is the same function of images and factors as Keras'.

    Shape: (batch, channels, height, width), or (channels, height, width) for a single image.
    Source: keras/src/layers/preprocessing/image_preprocessing/base_image_preprocessing_layer.py.
    """

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        return ()

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        return images

    def apply_to(self, x: Tensor) -> Tensor:
        images = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        if x.dim() == 3:
            return self.transform(images[None], self.draw(images[None])).squeeze(0)
        return self.transform(images, self.draw(images))

    def forward(self, x: Tensor) -> Tensor:
        return self.apply_to(x) if self.training else x


class NotInTraining(nn.Module):
    """Passes on a tensor that Keras changes in training only, in a way that is not ported."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            raise NotImplementedError("Keras changes this input along with the images in training")
        return x


def uniform(images: Tensor, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    """Random numbers from ``low`` to ``high``, of the images' dtype and on their device."""
    return low + (high - low) * torch.rand(shape, dtype=images.dtype, device=images.device)


def chance(images: Tensor, low: float, high: float) -> Tensor:
    """Which images something happens to: with a probability that is drawn from this range.

    Shape: (batch, 1, 1, 1), booleans.
    """
    shape = (len(images), 1, 1, 1)
    probability = uniform(images, shape, low, high)
    return uniform(images, shape, 0.0, 1.0) < probability


def rescale_range(x: Tensor, old: tuple[float, float], new: tuple[float, float]) -> Tensor:
    """Values in the range ``old``, stretched to the range ``new``."""
    if old == new:
        return x
    return (x - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]
