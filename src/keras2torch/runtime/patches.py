"""Windows of images as rows of channels."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def extract_patches(
    images: Tensor, size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> Tensor:
    """Every window of the images; of its elements the channel runs fastest.

    images: (batch, channels, height, width); returns (batch, channels * size, rows, columns).
    Keras: keras/src/ops/image.py, ExtractPatches.
    """
    channels = images.shape[1]
    extent = [d * (s - 1) + 1 for s, d in zip(size, dilation, strict=True)]
    rows = (images.shape[2] - extent[0]) // stride[0] + 1
    windows = F.unfold(images, size, dilation=dilation, stride=stride)
    windows = torch.unflatten(windows, 1, (channels, -1)).transpose(1, 2).flatten(1, 2)
    return torch.unflatten(windows, 2, (rows, -1))
