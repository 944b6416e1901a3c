from __future__ import annotations

from typing import Any

from keras2torch.ir.config import WINDOW_LIMIT
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
SMALL = {"frame_length": 12, "frame_step": 5}


@layer(
    "STFTSpectrogram",
    any_order=True,
    examples=[
        example({**SMALL, "fft_length": 16}, (40, 1)),
        example({**SMALL, "mode": "magnitude", "padding": "same"}, (41, 3)),
        example({"frame_length": 5, "mode": "psd", "expand_dims": True}, (None, 2)),
        example({**SMALL, "mode": "stft", "scaling": None, "window": "hamming"}, (40, 2)),
        example({**SMALL, "mode": "real", "trainable": False}, (40, 2)),
        example({**SMALL, "mode": "imag", "padding": "same", "scaling": "spectrum"}, (None, 2)),
        example({**SMALL, "mode": "angle", "expand_dims": True, "periodic": True}, (40, 2)),
        example({"frame_length": 9, "mode": "stft", "expand_dims": True, "window": None}, (40, 2)),
        example({**SMALL, "data_format": "channels_first"}, (2, 40), on_jax=True),
        example(
            {**SMALL, "data_format": "channels_first", "expand_dims": True, "mode": "stft"},
            (2, 40),
            on_jax=True,
        ),
    ],
)
def stft_spectrogram(step: Step, inputs: Tensor) -> Tensor:
    """A short-time Fourier transform by two convolutions whose kernels train."""
    config = step.config
    mode = config.choice("mode", MODES, "log")
    frame = config.int("frame_length", 256, low=1)
    stride = config.int_or_none("frame_step", low=1) or frame // 2
    fft = config.int_or_none("fft_length", low=1) or 1 << (frame - 1).bit_length()
    same = config.choice("padding", ("valid", "same"), "valid") == "same"
    config.ignore("window", "periodic", "scaling")  # how the kernels started
    if max(frame, fft) > WINDOW_LIMIT or stride < 1:
        raise step.unsupported(f"frame_length={frame} and fft_length={fft}")
    first = config.choice("data_format", ("channels_first", "channels_last")) == "channels_first"
    if inputs.rank != 3 or inputs.dtype not in ("float16", "float32", "float64"):
        raise step.unsupported(f"an input of shape {inputs.shape} and dtype {inputs.dtype}")
    x = step.keras_order(inputs) if first else step.channels_first(inputs)
    batch, channels, time = inputs.shape if first else [inputs.shape[i] for i in (0, 2, 1)]
    if channels is None:
        raise step.unsupported("an unknown number of channels")
    bins = fft // 2 + 1
    options: dict[str, Any] = {"same": True} if same else {}
    module = step.module(step.helper("STFTSpectrogram"), bins, frame, stride, mode=mode, **options)
    for part in ("real", "imag"):
        if mode not in ("real", "imag") or mode == part:
            kernel = step.weights.take(f"{part}_kernel", (frame, 1, bins))
            step.parameter(module, f"{part}.weight", kernel.permute(2, 1, 0))
    if time is not None:
        time = -(-time // stride) if same else (time - frame) // stride + 1
    rows = 2 * bins if mode == "stft" else bins
    if config.bool("expand_dims", False):
        # In memory (batch, channels, bins, time)
        order = (0, 1, 3, 2) if first else (0, 3, 2, 1)
        shape = (batch, channels, time, rows) if first else (batch, time, rows, channels)
        return step.compute("{0}({1})", module, x, like=x, shape=shape, order=order, mask=None)
    joined = channels * rows
    return step.compute(
        "{0}({1}).flatten(1, 2)",
        module,
        x,
        like=x,
        shape=(batch, joined, time) if first else (batch, time, joined),
        order=None if first else (0, 2, 1),
        mask=None,
    )
