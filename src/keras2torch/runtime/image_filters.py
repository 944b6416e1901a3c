"""Keras' random layers that blur and sharpen images. They act in training only."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from keras2torch.runtime.augmentation import Augmentation, chance, uniform


class RandomSharpness(Augmentation):
    """Mixes each image with a smoothed version: 0 is smooth, 1/2 the image, 1 sharp.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_sharpness.py.
    """

    def __init__(self, factor: tuple[float, float], value_range: tuple[float, float]) -> None:
        super().__init__()
        self.factor = factor
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        return (uniform(images, (len(images), 1, 1, 1), *self.factor),)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        kernel = images.new_full((3, 3), 1 / 13)
        kernel[1, 1] = 5 / 13
        smooth = filtered(images, kernel)
        return (images + (1 - 2 * drawn[0]) * (smooth - images)).clamp(*self.value_range)


class RandomGaussianBlur(Augmentation):
    """Blurs images, each with a probability from ``factor``; all by the same two widths.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_gaussian_blur.py.
    """

    def __init__(
        self,
        factor: tuple[float, float],
        kernel_size: tuple[int, int],
        sigma: tuple[float, float],
        value_range: tuple[float, float],
    ) -> None:
        super().__init__()
        self.factor = factor
        self.kernel_size = kernel_size
        self.sigma = sigma
        self.value_range = value_range

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        return chance(images, *self.factor), uniform(images, (2,), *self.sigma) + 1e-6

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        chosen, sigma = drawn
        blurred = filtered(images, gaussian_kernel(self.kernel_size, sigma))
        return torch.where(chosen, blurred, images).clamp(*self.value_range)


def gaussian_kernel(size: tuple[int, int], sigma: Tensor) -> Tensor:
    """Weights of the bell curves of both widths, of shape ``size``.

    As in Keras, the first size and width go along the rows of a matrix that is then reshaped.
    """
    x = torch.arange(size[0], dtype=sigma.dtype, device=sigma.device) - (size[0] - 1) / 2
    y = torch.arange(size[1], dtype=sigma.dtype, device=sigma.device) - (size[1] - 1) / 2
    x = torch.exp(-0.5 * (x / sigma[0]) ** 2)
    y = torch.exp(-0.5 * (y / sigma[1]) ** 2)
    return torch.outer(y / y.sum(), x / x.sum()).reshape(size)


def filtered(images: Tensor, kernel: Tensor) -> Tensor:
    """Each channel convolved with one kernel of odd size, zeros around the images."""
    channels = images.shape[1]
    weight = kernel.to(images.dtype).expand(channels, 1, -1, -1)
    padding = (kernel.shape[0] // 2, kernel.shape[1] // 2)
    return F.conv2d(images, weight, padding=padding, groups=channels)


def sobel_edges(images: Tensor) -> Tensor:
    """Sobel's differences, downwards and to the right, borders mirrored.

    images: (batch, channels, height, width); returns (batch, channels, height, width, 2).
    Keras: keras/src/ops/image.py, SobelEdges.
    """
    x = F.pad(images, (1, 1, 1, 1), mode="reflect")
    down = x[:, :, 2:] - x[:, :, :-2]
    right = x[..., 2:] - x[..., :-2]
    down = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    right = right[:, :, :-2] + 2 * right[:, :, 1:-1] + right[:, :, 2:]
    return torch.stack([down, right], dim=-1)


def ssim(
    x: Tensor,
    y: Tensor,
    *,
    peak: float = 1.0,
    size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Tensor:
    """The structural similarity of two batches of images, whose largest value is ``peak``.

    x, y: (batch, channels, height, width); returns (batch,), 1 where they are equal.
    Keras: keras/src/ops/image.py, SSIM.
    """
    steps = torch.arange(size, dtype=x.dtype, device=x.device) - (size - 1) / 2
    bell = torch.exp(-steps.square() / (2 * sigma**2))
    bell = bell / bell.sum()
    channels = x.shape[1]
    weight = torch.outer(bell, bell).expand(channels, 1, -1, -1)

    def around(images: Tensor) -> Tensor:
        return F.conv2d(images, weight, groups=channels)

    mean_x, mean_y = around(x), around(y)
    spread = around(x.square()) - mean_x.square() + around(y.square()) - mean_y.square()
    common = around(x * y) - mean_x * mean_y
    light, contrast = (k1 * peak) ** 2, (k2 * peak) ** 2
    above = (2 * mean_x * mean_y + light) * (2 * common + contrast)
    below = (mean_x.square() + mean_y.square() + light) * (spread + contrast)
    return (above / below).mean(dim=(1, 2, 3))
