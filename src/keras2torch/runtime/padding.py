"""TensorFlow's padding where it depends on a size that only the input tells."""

from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def pad_same(
    x: Tensor, window: tuple[int, ...], stride: tuple[int, ...], value: float = 0.0
) -> Tensor:
    """Pad as TensorFlow's "SAME" does, so that ceil(size / stride) windows fit.

    An odd total has one more behind than in front.
    x: (batch, channels, *sizes); window and stride: one number per size.
    """
    pads: list[int] = []
    for size, extent, step in zip(x.shape[2:], window, stride, strict=True):
        total = max(extent - step + -size % step, 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.pad(x, pads, value=value)
