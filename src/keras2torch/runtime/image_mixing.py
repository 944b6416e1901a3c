"""Keras' random layers that paste into images. They act in training only."""

import torch
from torch import Tensor

from keras2torch.runtime.augmentation import Augmentation, chance, uniform


class MixUp(Augmentation):
    """Mixes each image, and its label, with another one of the batch.

    labels: (batch, classes), or none.
    Source: keras/src/layers/preprocessing/image_preprocessing/mix_up.py.
    """

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        alpha = images.new_full((len(images), 1, 1, 1), self.alpha)
        weight = torch.distributions.Beta(alpha, alpha).sample()
        return weight, torch.randperm(len(images), device=images.device)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        weight, order = drawn
        return weight * images + (1 - weight) * images[order]

    def mixed_labels(self, labels: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        weight, order = drawn[0].flatten(1), drawn[1]
        return weight * labels + (1 - weight) * labels[order]

    def forward(  # type: ignore[override]
        self, x: Tensor, labels: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        if labels is None:
            return super().forward(x)
        if not self.training:
            return x, labels
        images = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        drawn = self.draw(images)
        return self.transform(images, drawn), self.mixed_labels(labels, drawn)


class CutMix(Augmentation):
    """Pastes a rectangle of another image of the batch into each; labels are mixed by area.

    labels: (batch, classes), or none.
    Source: keras/src/layers/preprocessing/image_preprocessing/cut_mix.py.
    """

    def __init__(self, factor: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        alpha = uniform(images, (1,), *self.factor) + 1e-6
        weight = torch.distributions.Beta(alpha, alpha).sample((len(images),))
        share = (1 - weight).sqrt()
        box = random_boxes(images, share.expand(-1, 2))
        return box, torch.randperm(len(images), device=images.device)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        box, order = drawn
        return torch.where(inside_boxes(images, box), images[order], images)

    def mixed_labels(self, images: Tensor, labels: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        box, order = drawn
        left, right, top, bottom = box.unbind(1)
        area = (right - left) * (bottom - top) / (images.shape[-1] * images.shape[-2])
        return (1 - area[:, None]) * labels + area[:, None] * labels[order]

    def forward(  # type: ignore[override]
        self, x: Tensor, labels: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        if x.dim() == 3:  # a single image has no other
            return x if labels is None else (x, labels)
        if labels is None:
            return super().forward(x)
        if not self.training:
            return x, labels
        images = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        drawn = self.draw(images)
        return self.transform(images, drawn), self.mixed_labels(images, labels, drawn)


class RandomErasing(Augmentation):
    """Fills a rectangle of images, each with a probability from ``factor``.

    ``scale`` is the range of the squared share of each side; ``fill_value`` a number, one per
    channel, or None for normal noise.
    Source: keras/src/layers/preprocessing/image_preprocessing/random_erasing.py.
    """

    def __init__(
        self,
        factor: tuple[float, float],
        scale: tuple[float, float],
        fill_value: float | tuple[float, ...] | None,
        value_range: tuple[float, float],
    ) -> None:
        super().__init__()
        self.factor = factor
        self.scale = scale
        self.fill_value = fill_value
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        share = uniform(images, (len(images), 2), *self.scale).sqrt()
        return chance(images, *self.factor), random_boxes(images, share), self.fill(images)

    def fill(self, images: Tensor) -> Tensor:
        if self.fill_value is None:
            fill = torch.randn_like(images) * self.value_range[1]
        else:
            fill = images.new_tensor(self.fill_value).reshape(-1, 1, 1)
        return fill.clamp(*self.value_range)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        chosen, box, fill = drawn
        return torch.where(chosen & inside_boxes(images, box), fill, images)


def random_boxes(images: Tensor, share: Tensor) -> Tensor:
    """Rectangles anywhere in the images: left, right, top and bottom.

    share: (batch, 2), of the width and of the height. Returns (batch, 4).
    """
    sides = images.new_tensor([images.shape[-1], images.shape[-2]])
    lengths = share * sides
    start = uniform(images, (len(images), 2), 0.0, 1.0) * (sides - lengths)
    return torch.stack([start, start + lengths], dim=2).flatten(1)


def inside_boxes(images: Tensor, boxes: Tensor) -> Tensor:
    """Which pixels lie in the image's rectangle: (batch, 1, height, width), booleans."""
    left, right, top, bottom = boxes[:, :, None, None, None].unbind(1)
    x = torch.arange(images.shape[-1], device=images.device)
    y = torch.arange(images.shape[-2], device=images.device)[:, None]
    return (x >= left) & (x < right) & (y >= top) & (y < bottom)
