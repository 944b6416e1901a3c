"""What convolutions and poolings share: where a window slides over the input, and its padding.

Keras pads `same` as TensorFlow: the output has ceil(size / stride) steps, and an odd total of
padding has one more behind than in front (keras/src/backend/common/backend_utils.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keras2torch.activations import activate
from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step


@dataclass(frozen=True)
class Window:
    """A window's size, stride and dilation along every spatial axis."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """The steps from the window's first to its last element, both counted."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.size, self.dilation, strict=True))

    def same_paddings(self, sizes: Shape) -> list[list[tuple[int, int]]]:
        """Per axis, every (before, after) that `same` may need: one where the size is known, or
        where it does not matter."""
        found = []
        for size, extent, stride in zip(sizes, self.extent, self.stride, strict=True):
            # Of an unknown size any rest may be missing; most of them need no padding.
            missing = (
                [-size % stride]
                if size is not None
                else [0, *range(max(0, stride - extent), stride)]
            )
            totals = {max(extent - stride + rest, 0) for rest in missing}
            found.append([(total // 2, total - total // 2) for total in sorted(totals)])
        return found

    def output(self, step: Step, sizes: Shape, padding: str) -> Shape:
        """The sizes of the output along the spatial axes."""
        found: list[int | None] = []
        for size, extent, stride in zip(sizes, self.extent, self.stride, strict=True):
            if size is not None:
                lost = extent - 1 if padding == "valid" else 0
                size = -((lost - size) // stride)
                if size < 1:
                    raise step.unsupported(f"a window of {self.size} over {sizes}, which is empty")
            found.append(size)
        return tuple(found)


def spatial(step: Step, x: Tensor, rank: int) -> Tensor:
    """The input as PyTorch wants it: (batch, channels, ``rank`` spatial axes) in memory."""
    if x.rank != rank + 2:
        raise step.unsupported(f"an input of shape {x.shape}")
    formats = ("channels_last", "channels_first")
    if step.config.choice("data_format", formats, "channels_last") == "channels_last":
        return step.channels_first(x)
    return step.keras_order(x)


def padded(
    step: Step, window: Window, sizes: Shape, padding: str
) -> tuple[str, int | tuple[int, ...]]:
    """The padded input as an expression of ``{1}``, and the padding that the module adds itself.

    PyTorch's own padding="same" is not used: it warns about even kernels and refuses strides.
    """
    if padding == "valid":
        return "{1}", 0
    if padding == "causal":
        return f"F.pad({{1}}, ({window.extent[0] - 1}, 0))", 0
    choices = window.same_paddings(sizes)
    if any(len(choice) > 1 for choice in choices):
        pad_same = step.helper("pad_same")
        return f"{pad_same}({{1}}, {window.extent}, {window.stride})", 0
    pairs = [choice[0] for choice in choices]
    if all(before == after for before, after in pairs):
        return "{1}", short([before for before, _ in pairs])
    return f"F.pad({{1}}, {torch_pad(pairs)})", 0


def completed(step: Step, conv: Module, y: Tensor) -> Tensor:
    """``y``, which ``conv`` computed, after the bias was loaded and the activation applied."""
    filters = y.memory_shape[1] or 0
    if step.config.bool("use_bias", True):
        step.parameter(conv, "bias", step.weights.take("bias", (filters,)), "bias_initializer")
        if y.order is None and y.shape[-1] in (filters, None) and filters > 1:
            # keras/src/backend/tensorflow/numpy.py, add: takes the last axis for the channels.
            step.note(
                f"on TensorFlow, Keras adds the bias to the last axis where that has {filters} "
                "elements too; here it is added to the channels, as by Keras on JAX"
            )
    else:
        step.config.ignore("bias_initializer")
    return activate(step, y, step.config.raw("activation", None))


def resized(x: Tensor, memory_shape: Shape) -> Tensor:
    """The tensor with another shape, given as it lies in memory."""
    axes = x.order or tuple(range(x.rank))
    return replace(x, shape=tuple(memory_shape[axes.index(axis)] for axis in range(x.rank)))


def torch_pad(paddings: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The argument of ``F.pad`` for (before, after) per spatial axis: the last axis first."""
    return tuple(amount for pair in reversed(paddings) for amount in pair)


def short(values: Sequence[int]) -> int | tuple[int, ...]:
    """One number where all are equal, as PyTorch's modules take it."""
    return values[0] if len(set(values)) == 1 else tuple(values)
