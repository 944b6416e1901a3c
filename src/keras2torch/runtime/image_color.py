"""Keras' random layers that change the colours of images. They act in training only."""

import torch
from torch import Tensor

from keras2torch.runtime.augmentation import Augmentation, chance, rescale_range, uniform


class RandomBrightness(Augmentation):
    """Adds a share of the value range to each image.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_brightness.py.
    """

    def __init__(self, factor: tuple[float, float], value_range: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        low, high = self.value_range
        return (uniform(images, (len(images), 1, 1, 1), *self.factor) * (high - low),)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        return (images + drawn[0]).clamp(*self.value_range)


class RandomContrast(Augmentation):
    """Multiplies each image's distance from its channels' means, by 1 - low to 1 + high.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_contrast.py.
    """

    def __init__(self, factor: tuple[float, float], value_range: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        low, high = self.factor
        return (uniform(images, (len(images), 1, 1, 1), 1.0 - low, 1.0 + high),)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        mean = images.mean(dim=(-2, -1), keepdim=True)
        return ((images - mean) * drawn[0] + mean).clamp(*self.value_range)


class RandomColorDegeneration(Augmentation):
    """Mixes each image with its grey version.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_color_degeneration.py.
    """

    def __init__(self, factor: tuple[float, float], value_range: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        return (uniform(images, (len(images), 1, 1, 1), *self.factor),)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        return (images + drawn[0] * (grayscale(images) - images)).clamp(*self.value_range)


class RandomGrayscale(Augmentation):
    """Makes images grey, each with probability ``factor``.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_grayscale.py.
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        return (uniform(images, (len(images), 1, 1, 1), 0.0, 1.0) < self.factor,)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        return torch.where(drawn[0], grayscale(images), images)


class RandomInvert(Augmentation):
    """Subtracts images from the largest value, each with a probability from this range.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_invert.py.
    """

    def __init__(self, factor: tuple[float, float], value_range: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        return (chance(images, *self.factor),)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        return torch.where(drawn[0], self.value_range[1] - images, images)


class RandomHue(Augmentation):
    """Turns the hue of each image by up to half of ``factor``, either way.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_hue.py.
    """

    def __init__(self, factor: tuple[float, float], value_range: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        shape = (len(images), 1, 1)
        sign = 1.0 - 2.0 * (uniform(images, shape, 0.0, 1.0) > 0.5).to(images.dtype)
        return (sign * uniform(images, shape, *self.factor) * 0.5,)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        hue, saturation, value = rgb_to_hsv(rescale_range(images, self.value_range, (0.0, 1.0)))
        hue = hue + drawn[0]
        hue = torch.where(hue > 1, hue - 1, hue)
        hue = torch.where(hue < 0, hue + 1, hue)
        turned = hsv_to_rgb(hue, saturation, value).clamp(0, 1)
        return rescale_range(turned, (0.0, 1.0), self.value_range)


class RandomSaturation(Augmentation):
    """Multiplies the saturation of each image by f / (1 - f), with f from this range.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_saturation.py.
    """

    def __init__(self, factor: tuple[float, float], value_range: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        factor = uniform(images, (len(images), 1, 1), *self.factor)
        return (factor / (1 - factor + 1e-7),)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        hue, saturation, value = rgb_to_hsv(images)
        return hsv_to_rgb(hue, (saturation * drawn[0]).clamp(*self.value_range), value)


def grayscale(images: Tensor) -> Tensor:
    """(batch, 3, height, width) to (batch, 1, height, width); grey images stay as they are."""
    if images.shape[1] == 1:
        return images
    weights = images.new_tensor([0.2989, 0.5870, 0.1140])
    return torch.einsum("nchw,c->nhw", images, weights).unsqueeze(1)


def rgb_to_hsv(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation (both from 0 to 1) and value, each without the channels.

    Source: tf.image.rgb_to_hsv.
    """
    red, green, blue = images.unbind(1)
    value = images.amax(1)
    span = value - images.amin(1)
    zero = torch.zeros_like(value)
    saturation = torch.where(value > 0, span / torch.where(value > 0, value, 1.0), zero)
    unit = 1 / (6 * torch.where(span > 0, span, 1.0))
    hue = unit * (red - green) + 4 / 6
    hue = torch.where(green == value, unit * (blue - red) + 2 / 6, hue)
    hue = torch.where(red == value, unit * (green - blue), hue)
    hue = torch.where(span > 0, hue, zero)
    return torch.where(hue < 0, hue + 1, hue), saturation, value


def hsv_to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """(batch, 3, height, width). Source: tf.image.hsv_to_rgb."""
    span = saturation * value
    red = ((hue * 6 - 3).abs() - 1).clamp(0, 1)
    green = (2 - (hue * 6 - 2).abs()).clamp(0, 1)
    blue = (2 - (hue * 6 - 4).abs()).clamp(0, 1)
    return torch.stack([red * span, green * span, blue * span], dim=1) + (value - span).unsqueeze(1)
