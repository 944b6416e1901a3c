from __future__ import annotations

from typing import Any

from keras2torch.ir.config import WINDOW_LIMIT
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer

LARGEST = 2**28  # numbers in the matrix of the mel scale
SMALL = {"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 10, "sampling_rate": 8000}


@layer(
    "MelSpectrogram",
    wide=True,
    examples=[
        example(SMALL, (200,)),
        example({**SMALL, "fft_length": 8, "sequence_stride": 3}, (None,)),
        example({**SMALL, "sequence_length": 40, "window": "hamming"}, (201,)),
        example({**SMALL, "sequence_length": 40, "window": None, "power_to_db": False}, (150,)),
        example({**SMALL, "mag_exp": 1.0, "min_freq": 0.0, "max_freq": 3000, "top_db": 20}, (99,)),
        example({**SMALL, "ref_power": -2.5, "min_power": 1e-3, "fft_length": 50}, (200,)),
        example({**SMALL, "fft_length": 6, "window": [0.1, 0.5, 1, 1, 0.5, 0.1]}, (30,)),
    ],
)
def mel_spectrogram(step: Step, inputs: Tensor) -> Tensor:
    """The energy in bands of the mel scale, frame by frame."""
    config = step.config
    fft = config.int("fft_length", 2048, low=1)
    stride = config.int("sequence_stride", 512, low=1)
    length = config.int_or_none("sequence_length", low=1) or fft
    bands = config.int("num_mel_bins", 128, low=1)
    rate = config.float("sampling_rate", 16000)
    if max(fft, stride) > WINDOW_LIMIT or fft * bands > LARGEST or length > fft or rate <= 0:
        raise step.unsupported(f"fft_length={fft} and num_mel_bins={bands}")
    options = _options(step, length)
    low = config.float("min_freq", 20.0)
    high = config.float_or_none("max_freq") or float(int(rate / 2))
    if not 0 <= low < high:
        raise step.unsupported(f"min_freq={low} and max_freq={high}")
    if inputs.rank > 2 or inputs.dtype == "string":
        raise step.unsupported(f"an input of shape {inputs.shape} and dtype {inputs.dtype}")
    module = step.module(
        step.helper("MelSpectrogram"),
        fft,
        stride,
        window_length=length,
        sampling_rate=rate,
        bands=bands,
        low=low,
        high=high,
        **options,
    )
    x = step.floating(inputs, module, "weights")
    time = x.shape[-1]
    frames = None if time is None else (time + fft // 2 * 2 - fft) // stride + 1
    return step.compute("{0}({1})", module, x, like=x, shape=(*x.shape[:-1], bands, frames))


def _options(step: Step, length: int) -> dict[str, Any]:
    """The options that are not as they are usually."""
    config = step.config
    options: dict[str, Any] = {}
    window = config.raw("window", "hann")
    if isinstance(window, list):
        if len(window) != length or any(type(value) not in (int, float) for value in window):
            raise config.wrong("window", f"{length} numbers", window)
        options["window"] = step.vocabulary([float(value) for value in window])
    elif window is None or config.choice("window", ("hann", "hamming"), "hann") != "hann":
        options["window"] = window
    decibels = config.bool("power_to_db", True)
    if not decibels:
        options["decibels"] = False
    for key, name, usual in (
        ("mag_exp", "exponent", 2.0),
        ("top_db", "range_db", 80.0),
        ("min_power", "least", 1e-10),
        ("ref_power", "reference", 1.0),
    ):
        value = config.float(key, usual)
        if value != usual and (decibels or name == "exponent"):
            options[name] = value
    if decibels and options.get("least", 1.0) <= 0:
        raise step.unsupported("a min_power that is not positive")
    return options
