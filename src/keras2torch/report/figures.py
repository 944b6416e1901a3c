"""The figures of a comparison, as SVG text that stands in the page itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras2torch.compare.compare import Training
from keras2torch.report.drawing import axes_of, svg

KERAS_COLOUR, TORCH_COLOUR = "#f2a59b", "#1f4e79"


def per_batch(training: Training, key: str, label: str) -> str:
    """``key`` of every batch for both sides: Keras as a wide line, PyTorch as a thin one on it."""
    figure, axes = axes_of("batch", label)
    for curve, colour, width in (
        (training.keras, KERAS_COLOUR, 4.0),
        (training.torch, TORCH_COLOUR, 0.9),
    ):
        values = [step[key] for step in curve.steps]
        axes.plot(range(1, len(values) + 1), values, color=colour, lw=width, label=curve.name)
    _mark_epochs(axes, [step["epoch"] for step in training.keras.steps])
    axes.legend(frameon=False)
    return svg(figure)


def differences(training: Training) -> str:
    """How far the two losses are apart at each batch, on a logarithmic scale."""
    figure, axes = axes_of("batch", "|loss Keras - loss PyTorch|")
    values = [max(value, 1e-12) for value in training.loss_differences]
    axes.semilogy(range(1, len(values) + 1), values, color="#444444", lw=0.9)
    _mark_epochs(axes, [step["epoch"] for step in training.keras.steps])
    return svg(figure)


def _mark_epochs(axes: Any, epochs: Sequence[int]) -> None:
    for place in range(1, len(epochs)):
        if epochs[place] != epochs[place - 1]:
            axes.axvline(place + 0.5, color="#999999", lw=0.8, ls=":")
