"""Keras' ContrastLimitedAdaptiveHistogramEqualization."""

import torch
from torch import Tensor, nn

from keras2torch.runtime.augmentation import rescale_range


class ContrastLimitedAdaptiveHistogramEqualization(nn.Module):
    """Equalizes the histogram around each pixel, interpolated between the tiles of a grid.

    It acts in training and in inference, and counts in float32 whatever the images are.
    Shape: (batch, channels, height, width), or (channels, height, width) for a single image.
    Source: keras/src/layers/preprocessing/image_preprocessing/clahe.py.
    """

    def __init__(
        self,
        value_range: tuple[float, float],
        clip_limit: float,
        tile_grid_size: tuple[int, int],
    ) -> None:
        super().__init__()
        self.value_range = value_range
        self.clip_limit = clip_limit
        self.tile_grid_size = tile_grid_size

    def forward(self, x: Tensor) -> Tensor:
        bytes_range = (0.0, 255.0)
        images = x if x.dim() == 4 else x[None]
        if self.value_range != bytes_range:
            images = rescale_range(images.to(torch.float), self.value_range, bytes_range)
        y = self.equalized(images)
        if self.value_range != bytes_range:
            y = rescale_range(y.to(torch.float), bytes_range, self.value_range)
        return y.to(x.dtype).reshape(x.shape)

    def equalized(self, images: Tensor) -> Tensor:
        """Values from 0 to 255 to values from 0 to 255."""
        height, width = images.shape[-2:]
        rows, columns = self.tile_grid_size
        tall, wide = -(-height // rows), -(-width // columns)  # of one tile
        below, right = tall * rows - height, wide * columns - width
        x = torch.cat([images, images.flip(-2)[..., :below, :]], dim=-2)
        x = torch.cat([x, x.flip(-1)[..., :right]], dim=-1).clamp(0, 255).long()
        tables = self.tables(x.reshape(*x.shape[:2], rows, tall, columns, wide))
        y0, y1, down = self.neighbours(tall, rows, x)
        x0, x1, across = self.neighbours(wide, columns, x)
        upper = look_up(tables, y0, x0, x) * (1 - across) + look_up(tables, y0, x1, x) * across
        lower = look_up(tables, y1, x0, x) * (1 - across) + look_up(tables, y1, x1, x) * across
        down = down[:, None]
        return (upper * (1 - down) + lower * down)[..., :height, :width]

    def tables(self, tiles: Tensor) -> Tensor:
        """For each tile the new value of every byte.

        tiles: (batch, channels, rows, tall, columns, wide), whole numbers.
        Returns (batch, channels, rows, columns, 256).
        """
        tiles = tiles.transpose(3, 4).flatten(4)
        pixels = tiles.shape[-1]
        one = torch.ones((), device=tiles.device, dtype=torch.float)
        counts = one.new_zeros((*tiles.shape[:-1], 256))
        counts = counts.scatter_add(-1, tiles, one.expand(tiles.shape))
        if self.clip_limit > 0:
            clipped = counts.clamp(max=self.clip_limit * pixels / 256.0)
            counts = clipped + (counts - clipped).sum(-1, keepdim=True) / 256.0
        total = counts.cumsum(-1)
        first = total[..., :1]
        rest = pixels - first
        return ((total - first) * 255.0 / torch.where(rest == 0, 1.0, rest)).clamp(0, 255)

    def neighbours(self, side: int, count: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For each place along one side of the image the tiles before and behind, and how far it is
        from the middle of the one to that of the other."""
        place = torch.arange(side * count, dtype=torch.float, device=x.device)
        place = (place - side / 2.0) / side + 1.0
        before = place.floor()
        tiles = before.long().sub(1)
        return tiles.clamp(0, count - 1), tiles.add(1).clamp(0, count - 1), place - before


def look_up(tables: Tensor, row: Tensor, column: Tensor, x: Tensor) -> Tensor:
    """The new values of the bytes ``x`` by the tables of these tiles.

    tables: (batch, channels, rows, columns, 256); row: (height,); column: (width,).
    """
    index = ((row[:, None] * tables.shape[3] + column) * 256 + x).flatten(2)
    return tables.flatten(2).gather(2, index).reshape(x.shape)
