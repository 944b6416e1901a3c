"""The figures of two trainings side by side, as SVG text that stands in the page itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras2torch.report.drawing import axes_of, svg
from keras2torch.verify.curves import SideBySide

KERAS_COLOUR, TORCH_COLOUR, FLOOR_COLOUR = "#f2a59b", "#1f4e79", "#9a9a9a"
LEAST = 1e-17  # where no difference is drawn on a logarithmic scale


def losses(training: SideBySide) -> str:
    """The loss of every batch for both sides."""
    return _both(training, lambda step: step["loss"], "loss of each batch")


def running_log(training: SideBySide, name: str) -> str:
    """A metric as the progress bar shows it: over the epoch so far."""
    return _both(training, lambda step: step["logs"][name], f"{name}, in the epoch so far")


def _both(training: SideBySide, value: Callable[[dict[str, Any]], float], label: str) -> str:
    """Keras as a wide line, PyTorch as a thin one on it."""
    figure, axes = axes_of("batch", label)
    for curve, colour, width in (
        (training.keras, KERAS_COLOUR, 4.0),
        (training.torch, TORCH_COLOUR, 0.9),
    ):
        values = [value(step) for step in curve.steps]
        axes.plot(range(1, len(values) + 1), values, color=colour, lw=width, label=curve.name)
    _mark_epochs(axes, training)
    axes.legend(frameon=False)
    return svg(figure)


def loss_differences(training: SideBySide, floor: Sequence[float] = ()) -> str:
    """How far the two losses are apart at each batch, on a logarithmic scale; ``floor`` is how far
    Keras is from itself."""
    lines = [("PyTorch from Keras", training.loss_differences, TORCH_COLOUR)]
    if floor:
        lines.append(("Keras from itself", list(floor), FLOOR_COLOUR))
    return _differences(training, "difference of the losses", lines)


def weight_differences(training: SideBySide) -> str:
    """The largest difference of a weight, and that of the gradients' norms."""
    lines = [
        ("weights, the largest", training.weight_differences, TORCH_COLOUR),
        ("norm of the gradients", training.norm_differences, KERAS_COLOUR),
    ]
    return _differences(training, "difference", lines)


def _differences(
    training: SideBySide, label: str, lines: list[tuple[str, list[float], str]]
) -> str:
    figure, axes = axes_of("batch", label)
    for name, values, colour in lines:
        shown = [max(value, LEAST) for value in values]
        axes.semilogy(range(1, len(shown) + 1), shown, color=colour, lw=0.9, label=name)
    _mark_epochs(axes, training)
    if len(lines) > 1:
        axes.legend(frameon=False)
    return svg(figure)


def _mark_epochs(axes: Any, training: SideBySide) -> None:
    epochs = [step["epoch"] for step in training.keras.steps]
    for place in range(1, len(epochs)):
        if epochs[place] != epochs[place - 1]:
            axes.axvline(place + 0.5, color="#999999", lw=0.8, ls=":")
