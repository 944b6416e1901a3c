"""Keras' random layers that move the pixels of images. They act in training only."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from keras2torch.runtime.augmentation import Augmentation, chance, uniform
from keras2torch.runtime.warping import warp


class RandomFlip(Augmentation):
    """Mirrors images, each with probability 1/2; both ways together, where both are asked for.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_flip.py.
    """

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.dims = {"horizontal": [-1], "vertical": [-2]}.get(mode, [-1, -2])

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        return (uniform(images, (len(images), 1, 1, 1), 0.0, 1.0) <= 0.5,)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        return torch.where(drawn[0], images.flip(self.dims), images)


class RandomCrop(Augmentation):
    """Cuts out one window for all images of a batch; images that are too small are resized.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_crop.py.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height = height
        self.width = width

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        height, width = images.shape[-2:]
        if height > self.height and width > self.width:
            top = torch.randint(height - self.height + 1, ())
            return top, torch.randint(width - self.width + 1, ())
        tall = max(min(height, width * self.height // self.width), 1)
        wide = max(min(width, height * self.width // self.height), 1)
        return torch.tensor((height - tall) // 2), torch.tensor((width - wide) // 2)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        top, left = int(drawn[0]), int(drawn[1])
        images = images[..., top : top + self.height, left : left + self.width]
        size = (self.height, self.width)
        if images.shape[-2:] == size:
            return images
        return F.interpolate(images, size, mode="bilinear", align_corners=False)


class RandomWarp(Augmentation):
    """Samples each image at an affine transform of its places.

    ``interpolation`` is "nearest" or "bilinear", ``fill_mode`` "constant", "nearest", "reflect" or
    "wrap"; ``fill_value`` is for "constant".
    """

    def __init__(
        self,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.fill_mode = fill_mode
        self.fill_value = fill_value

    def matrices(self, images: Tensor, drawn: tuple[Tensor, ...]) -> list[Tensor]:
        """a0, a1, a2, b0, b1, b2 of ``warp``, each (batch,)."""
        raise NotImplementedError

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        parts = self.matrices(images, drawn)
        zero = torch.zeros_like(parts[0])
        matrices = torch.stack([*parts, zero, zero], dim=1)
        return warp(images, matrices, self.interpolation, self.fill_mode, self.fill_value)


class RandomRotation(RandomWarp):
    """Turns each image by an angle from this range, in turns, around its centre.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_rotation.py.
    """

    def __init__(
        self,
        factor: tuple[float, float],
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value)
        self.factor = factor

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        low, high = self.factor
        return (uniform(images, (len(images),), 360.0 * low, 360.0 * high),)

    def matrices(self, images: Tensor, drawn: tuple[Tensor, ...]) -> list[Tensor]:
        angle = drawn[0] * (math.pi / 180)
        x, y = 0.5 * (images.shape[-1] - 1), 0.5 * (images.shape[-2] - 1)
        cos, sin = angle.cos(), angle.sin()
        return [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos]


class RandomTranslation(RandomWarp):
    """Moves each image by a share of its height and of its width.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_translation.py.
    """

    def __init__(
        self,
        height_factor: tuple[float, float],
        width_factor: tuple[float, float],
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value)
        self.height_factor = height_factor
        self.width_factor = width_factor

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        height, width = images.shape[-2:]
        y = uniform(images, (len(images),), *self.height_factor) * height
        return uniform(images, (len(images),), *self.width_factor) * width, y

    def matrices(self, images: Tensor, drawn: tuple[Tensor, ...]) -> list[Tensor]:
        x, y = drawn
        one, zero = torch.ones_like(x), torch.zeros_like(x)
        return [one, zero, -x, zero, one, -y]


class RandomZoom(RandomWarp):
    """Zooms each image out (above 0) or in; without ``width_factor`` both ways alike.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_zoom.py.
    """

    def __init__(
        self,
        height_factor: tuple[float, float],
        width_factor: tuple[float, float] | None = None,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value)
        self.height_factor = height_factor
        self.width_factor = width_factor

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        y = 1 + uniform(images, (len(images),), *self.height_factor)
        if self.width_factor is None:
            return y, y
        return 1 + uniform(images, (len(images),), *self.width_factor), y

    def matrices(self, images: Tensor, drawn: tuple[Tensor, ...]) -> list[Tensor]:
        x, y = drawn
        zero = torch.zeros_like(x)
        left = (images.shape[-1] - 1) / 2 * (1 - x)
        return [x, zero, left, zero, y, (images.shape[-2] - 1) / 2 * (1 - y)]


class RandomShear(RandomWarp):
    """Slants each image, either way with probability 1/2.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_shear.py.
    """

    def __init__(
        self,
        x_factor: tuple[float, float],
        y_factor: tuple[float, float],
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value)
        self.x_factor = x_factor
        self.y_factor = y_factor

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        sign = 1.0 - 2.0 * (uniform(images, (len(images),), 0.0, 1.0) > 0.5).to(images.dtype)
        x = uniform(images, (len(images),), *self.x_factor)
        return sign * x, sign * uniform(images, (len(images),), *self.y_factor)

    def matrices(self, images: Tensor, drawn: tuple[Tensor, ...]) -> list[Tensor]:
        x, y = drawn
        one, zero = torch.ones_like(x), torch.zeros_like(x)
        return [one, x, zero, y, one, zero]


class RandomPerspective(Augmentation):
    """Moves the corners of images, each by up to half of ``scale``, as share of its own place.

    Source: keras/src/layers/preprocessing/image_preprocessing/random_perspective.py.
    """

    def __init__(
        self,
        factor: tuple[float, float],
        scale: float,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
    ) -> None:
        super().__init__()
        self.factor = factor
        self.scale = scale
        self.interpolation = interpolation
        self.fill_value = fill_value

    def corners(self, images: Tensor) -> Tensor:
        """(batch, 4, 2): x and y of each corner."""
        right, bottom = images.shape[-1] - 1, images.shape[-2] - 1
        corners = images.new_tensor([[0, 0], [right, 0], [0, bottom], [right, bottom]])
        return corners.expand(len(images), -1, -1)

    def draw(self, images: Tensor) -> tuple[Tensor, ...]:
        chosen = chance(images, *self.factor)
        moves = uniform(images, (len(images), 4, 2), -0.5 * self.scale, 0.5 * self.scale)
        return chosen, self.corners(images) * (1 + moves)

    def transform(self, images: Tensor, drawn: tuple[Tensor, ...]) -> Tensor:
        chosen, moved = drawn
        matrices = homography(self.corners(images).to(torch.float), moved.to(torch.float))
        warped = warp(images, matrices, self.interpolation, "constant", self.fill_value)
        return torch.where(chosen, warped, images)


def homography(start: Tensor, end: Tensor) -> Tensor:
    """The projective transforms that take the points ``end`` to ``start``, as ``warp`` wants them.

    start, end: (batch, 4, 2). Returns (batch, 8).
    """
    (x, y), (u, v) = end.unbind(-1), start.unbind(-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    of_u = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=-1)
    of_v = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=-1)
    equations = torch.stack([of_u, of_v], dim=2).flatten(1, 2)
    solution: Tensor = torch.linalg.solve(equations, start.flatten(1).unsqueeze(-1))
    return solution.squeeze(-1)
