"""Keras' spectrograms."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from keras2torch.runtime.padding import pad_same


class STFTSpectrogram(nn.Module):
    """Keras' STFTSpectrogram: a short-time Fourier transform by two convolutions.

    x: (batch, channels, time) -> (batch, channels, bins, frames), each channel on its own; twice
    as many bins in mode "stft". Modes: log, magnitude, psd, angle, stft, real, imag.
    Source: keras/src/layers/preprocessing/stft_spectrogram.py.
    """

    def __init__(
        self, bins: int, frame_length: int, frame_step: int, *, mode: str, same: bool = False
    ) -> None:
        super().__init__()
        self.mode = mode
        self.same = same
        if mode != "imag":
            self.real = nn.Conv1d(1, bins, frame_length, frame_step, bias=False)
        if mode != "real":
            self.imag = nn.Conv1d(1, bins, frame_length, frame_step, bias=False)

    def transform(self, x: Tensor, conv: nn.Conv1d) -> Tensor:
        rows = x.reshape(-1, 1, x.shape[-1])
        if self.same:
            rows = pad_same(rows, conv.kernel_size, conv.stride)
        y: Tensor = conv(rows)
        return y.reshape(-1, x.shape[1], *y.shape[1:])

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "real":
            return self.transform(x, self.real)
        if self.mode == "imag":
            return self.transform(x, self.imag)
        real, imag = self.transform(x, self.real), self.transform(x, self.imag)
        if self.mode == "angle":
            return torch.atan2(imag, real)
        if self.mode == "stft":
            return torch.cat([real, imag], dim=2)
        power = real.square() + imag.square()
        if self.mode == "psd":  # all but the first and the last bin stand for two
            inner = power[:, :, 1:-1]
            return torch.cat([power[:, :, :1], 2 * inner, power[:, :, -1:]], dim=2)
        magnitude = power.clamp(min=1e-7).sqrt()
        return magnitude if self.mode == "magnitude" else magnitude.clamp(min=1e-7).log()


def mel_weights(bins: int, count: int, rate: float, low: float, high: float) -> Tensor:
    """Triangles on the mel scale over the frequency bins from 0 to half the sampling rate.

    Returns (count, bins); the bin of frequency 0 has no weight.
    """

    def steps(start: Tensor, stop: Tensor, number: int) -> Tensor:
        inner = start + (stop - start) / (number - 1) * torch.arange(number - 1)
        return torch.cat([inner, stop.reshape(1)])

    def mel(hertz: Tensor) -> Tensor:
        return 1127.0 * torch.log(1.0 + hertz / 700.0)

    frequencies = steps(torch.tensor(0.0), torch.tensor(rate / 2.0), bins)[1:]
    edges = steps(mel(torch.tensor(low)), mel(torch.tensor(high)), count + 2).unsqueeze(1)
    below, center, above = edges[:-2], edges[1:-1], edges[2:]
    rising = (mel(frequencies) - below) / (center - below)
    falling = (above - mel(frequencies)) / (above - center)
    return nn.functional.pad(torch.minimum(rising, falling).clamp(min=0), (1, 0))


class MelSpectrogram(nn.Module):
    """Keras' MelSpectrogram: the energy in bands of the mel scale, frame by frame.

    ``window`` is "hann", "hamming", one value per sample of a frame, or None. With ``decibels``
    the result is 10 log10 of the power over ``reference``, at most ``range_db`` below its peak.
    x: (batch, time) or (time) -> (batch, bands, frames) or (bands, frames).
    Source: keras/src/layers/preprocessing/mel_spectrogram.py.
    """

    weights: Tensor
    window: Tensor

    def __init__(
        self,
        fft_length: int,
        stride: int,
        *,
        window: str | list[float] | None = "hann",
        window_length: int,
        sampling_rate: float,
        bands: int,
        low: float,
        high: float,
        exponent: float = 2.0,
        decibels: bool = True,
        range_db: float = 80.0,
        least: float = 1e-10,
        reference: float = 1.0,
    ) -> None:
        super().__init__()
        self.fft_length = fft_length
        self.stride = stride
        self.exponent = exponent
        self.decibels = decibels
        self.range_db = range_db
        self.least = least
        self.reference = reference
        if window == "hann":
            values = torch.hann_window(window_length)
        elif window == "hamming":
            values = torch.hamming_window(window_length)
        else:
            values = torch.ones(fft_length) if window is None else torch.tensor(window)
        weights = mel_weights(fft_length // 2 + 1, bands, sampling_rate, low, high)
        self.register_buffer("window", values, persistent=False)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.stft(
            x,
            self.fft_length,
            self.stride,
            len(self.window),
            self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        power = self.weights @ spectrum.abs() ** self.exponent
        if not self.decibels:
            return power
        level = 10 * power.clamp(min=self.least).log10()
        level = level - 10 * math.log10(max(abs(self.reference), self.least))
        return torch.maximum(level, level.max() - self.range_db)
