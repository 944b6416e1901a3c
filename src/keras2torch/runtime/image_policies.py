"""Keras' layers that draw which augmentations to use. They act in training only."""

import torch
from torch import Tensor

from keras2torch.runtime.augmentation import Augmentation


class RandAugment(Augmentation):
    """Applies ``count`` of its layers in a row, the same to all images of a batch.

    A layer that is drawn twice draws its own factors once.
    Source: keras/src/layers/preprocessing/image_preprocessing/rand_augment.py.
    """

    def __init__(self, layers: list[Augmentation], count: int) -> None:
        super().__init__()
        self.layers = layers
        self.count = count

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        return (torch.randint(len(self.layers), (self.count,)),)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        factors: dict[int, tuple[Tensor, ...]] = {}
        for place in drawn[0].tolist():
            layer = self.layers[place]
            if place not in factors:
                factors[place] = layer.draw(images)
            images = layer.transform(images, factors[place])
        return images


class AugMix(Augmentation):
    """Mixes images with several versions of themselves, each made by a chain of layers.

    Each step of a chain is one of the layers or nothing, the same to all images of a batch.
    Source: keras/src/layers/preprocessing/image_preprocessing/aug_mix.py.
    """

    def __init__(
        self,
        layers: list[Augmentation],
        chains: int,
        depth: int,
        alpha: float,
        value_range: tuple[float, float],
    ) -> None:
        super().__init__()
        self.layers = layers
        self.chains = chains
        self.depth = depth
        self.alpha = alpha
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        alpha = images.new_full((self.chains,), self.alpha)
        weights = torch.distributions.Dirichlet(alpha).sample()
        share = torch.distributions.Beta(alpha[0], alpha[0]).sample()
        return weights, share, torch.randint(len(self.layers) + 1, (self.chains, self.depth))

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        weights, share, chains = drawn
        mixed = torch.zeros_like(images)
        for weight, chain in zip(weights, chains.tolist(), strict=True):
            x = images
            for place in chain:
                if place < len(self.layers):
                    x = self.layers[place].transform(x, self.layers[place].draw(x))
            mixed = mixed + weight * x
        return (share * images + (1 - share) * mixed).clamp(*self.value_range)
