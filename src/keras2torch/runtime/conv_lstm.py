"""Keras' convolutional LSTMs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from keras2torch.runtime.keras_rnn import KerasLSTM


class ConvLSTM(KerasLSTM):
    """Keras' ConvLSTM1D, 2D and 3D: an LSTM over images, whose products are convolutions.

    ``stride``, ``padding`` (as ``F.pad`` takes it) and ``dilation`` are those of the input's
    convolution; the state's keeps its size. Called as KerasLSTM is, on
    x: (batch, time, channels, *sizes), state: (batch, hidden_size, *sizes) each,
    mask: (batch, time) or (batch, time, *sizes).
    Source: keras/src/layers/rnn/conv_lstm.py.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...] | int = 1,
        padding: tuple[int, ...] | None = None,
        dilation: tuple[int, ...] | int = 1,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, kernel_size=kernel_size, **options)
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.same = [p for k in reversed(kernel_size) for p in ((k - 1) // 2, k // 2)]
        self.convolution: Callable[..., Tensor] = (F.conv1d, F.conv2d, F.conv3d)[
            len(kernel_size) - 1
        ]

    def input_sums(self, x: Tensor, drop: Tensor | None) -> Tensor:
        """The inputs' part of the gates, (batch, time, gates * units, *sizes)."""
        if drop is not None:
            drop = drop.expand(-1, *x.shape).flatten(1, 2)
        images = x.flatten(0, 1)  # all steps at once
        options = {"stride": self.stride, "dilation": self.dilation}
        sums = self._convolved(images, self.weight_ih, self.padding, drop, **options)
        if self.bias_ih is not None:
            sums = sums + self.bias_ih.reshape(-1, *[1] * (sums.dim() - 2))
        return torch.unflatten(sums, 0, x.shape[:2])

    def state_sums(self, h: Tensor, drop: Tensor | None) -> Tensor:
        """The state's part of the gates, (batch, gates * units, *sizes)."""
        return self._convolved(h, self.weight_hh, self.same, drop)

    def _convolved(
        self, x: Tensor, weight: Tensor, padding: Any, drop: Tensor | None, **options: Any
    ) -> Tensor:
        """The convolution for all gates, ``x`` with a dropout mask for each."""
        inputs = [x] if drop is None else [x * mask for mask in drop]
        if padding is not None:
            inputs = [F.pad(part, padding) for part in inputs]
        parts = zip(inputs, weight.chunk(len(inputs)), strict=True)
        return torch.cat([self.convolution(*part, **options) for part in parts], dim=1)
