"""Fourier transforms of ``keras.ops``, of pairs of real and imaginary parts.

Source: keras/src/ops/math.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.config import WINDOW_LIMIT
from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import OpCall, call
from keras2torch.ops.joining import several
from keras2torch.ops.promotion import kind
from keras2torch.registry import op


def _parts(step: OpStep, x: Any) -> list[Tensor]:
    pair = list(x) if isinstance(x, (list, tuple)) else []
    if len(pair) != 2 or not all(isinstance(t, Tensor) and kind(t.dtype) == 2 for t in pair):
        raise step.unsupported("a call on anything but two tensors of floats")
    return pair


def _complex(name: str, function: str, *calls: OpCall) -> None:
    """A transform that keeps the shape."""

    def lower(step: OpStep, x: Any) -> list[Tensor]:
        pair = _parts(step, x)
        whole = step.compute(
            f"torch.fft.{function}(torch.complex({{0}}, {{1}}))",
            *pair,
            like=pair[0],
            dtype="complex64",
        )
        return _split(step, whole, pair[0].shape)

    op(name, calls=calls)(lower)


def _split(step: OpStep, whole: Tensor, shape: Shape) -> list[Tensor]:
    """Real and imaginary part."""
    parts = several(step, "{0}.real, {0}.imag", [shape, shape], whole)
    return [replace(part, dtype="float32") for part in parts]


_complex("FFT", "fft", call("fft", [(3, 4), (3, 4)]))
_complex("FFT2", "fft2", call("fft2", [(3, 4), (3, 4)]))
_complex("IFFT2", "ifft2", call("ifft2", [(3, 4), (3, 4)]))


@op("RFFT", calls=[call("rfft", (3, 6)), call("rfft", (7,), fft_length=8)])
def rfft(step: OpStep, x: Tensor) -> list[Tensor]:
    """Of real numbers: half of the result, the other half mirrors it."""
    length = step.config.int_or_none("fft_length", low=1)
    size = length or x.shape[-1]
    shape = (*x.shape[:-1], None if size is None else size // 2 + 1)
    given = f", n={length}" if length else ""
    x = step.floating(x)
    whole = step.compute(f"torch.fft.rfft({{0}}{given})", x, like=x, shape=shape, dtype="complex64")
    return _split(step, whole, shape)


@op("IRFFT", calls=[call("irfft", [(3, 4), (3, 4)]), call("irfft", [(5,), (5,)], fft_length=8)])
def irfft(step: OpStep, x: Any) -> Tensor:
    """Back to real numbers."""
    pair = _parts(step, x)
    length = step.config.int_or_none("fft_length", low=1)
    size = pair[0].shape[-1]
    made = length or (None if size is None else 2 * (size - 1))
    given = f", n={length}" if length else ""
    text = f"torch.fft.irfft(torch.complex({{0}}, {{1}}){given})"
    return step.compute(text, *pair, like=pair[0], shape=(*pair[0].shape[:-1], made))


@op("STFT", calls=[
    call("stft", (20,), 8, 3, 8), call("stft", (2, 20), 6, 4, 9, window="hamming"),
    call("stft", (20,), 6, 4, 8, window=None, center=False),
])  # fmt: skip
def stft(step: OpStep, x: Tensor) -> list[Tensor]:
    """The spectra of windows that slide over a signal."""
    config = step.config
    size = config.int("sequence_length", low=1)
    hop = config.int("sequence_stride", low=1)
    length = config.int("fft_length", low=size)
    if max(size, hop, length) >= WINDOW_LIMIT:
        raise config.wrong("fft_length", f"below {WINDOW_LIMIT}", length)
    window = config.raw("window", "hann")
    center = config.bool("center", True)
    if window not in ("hann", "hamming", None):
        raise step.unsupported("a window that is given as numbers")
    if kind(x.dtype) != 2 or x.rank < 1:
        raise step.unsupported(f"a signal of dtype {x.dtype}")
    size = size if window else length  # without one Keras takes all of the longer sequence
    frames = _frames(step, x.shape[-1], length, hop, center)
    shape = (*x.shape[:-1], frames, length // 2 + 1)
    rows = "{0}.flatten(0, -2)" if x.rank > 2 else "{0}"
    weights = f"torch.{window}_window({size}" if window else f"torch.ones({length}"
    middle = "" if center else ", center=False"
    text = (
        f"torch.stft({rows}, {length}, {hop}, {size}, {weights}, device={{0}}.device){middle}, "
        "return_complex=True).mT"
    )
    if x.rank > 2:
        text += ".unflatten(0, {0}.shape[:-1])"
    whole = step.compute(text, x, like=x, shape=shape, dtype="complex64")
    return _split(step, whole, shape)


def _frames(step: OpStep, time: int | None, length: int, hop: int, center: bool) -> int | None:
    """How many windows there are; with ``center`` half of one is mirrored at both ends."""
    if time is None:
        return None
    whole = time + 2 * (length // 2) if center else time
    if whole < length or (center and time <= length // 2):
        raise step.unsupported(f"windows of {length} on a signal of {time}")
    return 1 + (whole - length) // hop
