"""Windows of images as rows of channels."""

from torch import Tensor


def extract_patches(
    images: Tensor, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Tensor:
    """Every window of the images, or of volumes; of its elements the channel runs fastest.

    images: (batch, channels, *spatial); returns (batch, channels * elements, *places).
    Keras: keras/src/ops/image.py, ExtractPatches.
    """
    rank = len(size)
    for axis, (s, step, d) in enumerate(zip(size, stride, dilation, strict=True), start=2):
        images = images.unfold(axis, d * (s - 1) + 1, step)[..., ::d]
    places, elements = range(2, 2 + rank), range(2 + rank, 2 + 2 * rank)
    return images.permute(0, *elements, 1, *places).flatten(1, 1 + rank)
