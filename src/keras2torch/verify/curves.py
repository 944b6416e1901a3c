"""What two trainings of the same model told, step by step, and how far they are apart."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

WARM_UP = 5  # steps that are left out of the speed: compilation, first allocations


@dataclass
class Curve:
    """One side's training: what it told of each step and, in ``epochs``, the logs of each epoch.

    ``draws`` is its account of the random numbers.
    """

    name: str
    version: str = ""
    summary: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    draws: dict[str, Any] = field(default_factory=dict)

    @property
    def losses(self) -> list[float]:
        return [step["loss"] for step in self.steps]

    @property
    def samples_per_second(self) -> float:
        """The median step's, once warm."""
        warm = self.steps[WARM_UP:] or self.steps
        return float(statistics.median(step["size"] / step["seconds"] for step in warm))

    def take(self, event: dict[str, Any]) -> None:
        """Keep what the side's process told."""
        if "step" in event:
            self.steps.append(event)
        elif "ended" in event:
            self.epochs.append(event["logs"])
        elif "draws" in event:
            self.draws = event["draws"]
        else:
            self.version = event["version"]
            self.summary = event.get("summary", "")


@dataclass(frozen=True)
class SideBySide:
    """Both sides' training in one precision."""

    precision: str
    keras: Curve
    torch: Curve

    @cached_property
    def loss_differences(self) -> list[float]:
        """Per step, how far the two losses are apart."""
        return apart(self.keras.losses, self.torch.losses)

    @cached_property
    def norm_differences(self) -> list[float]:
        """Per step, how far the norms of the gradients are apart, relative to Keras'."""
        pairs = zip(self.keras.steps, self.torch.steps, strict=True)
        return [relative(a["norm"], b["norm"]) for a, b in pairs]

    @property
    def weight_differences(self) -> list[float]:
        """Per step, the largest difference of a weight; none where they were not compared."""
        return [step["weights"] for step in self.torch.steps if "weights" in step]

    @property
    def logs(self) -> list[str]:
        """The names in the epochs' logs of either side, the loss first, validation last."""
        names = {
            name for curve in (self.keras, self.torch) for logs in curve.epochs for name in logs
        }
        return sorted(names, key=lambda name: (name.startswith("val_"), name != "loss", name))

    def largest_difference(self, epochs: int | None = None) -> float:
        """The largest difference of a step's loss, in all epochs or the first ones."""
        steps = zip(self.keras.steps, self.loss_differences, strict=True)
        return max(d for step, d in steps if epochs is None or step["epoch"] < epochs)

    def log_differences(self) -> list[dict[str, float]]:
        """Per epoch and log, the relative difference; infinite where one side lacks it."""
        return [
            {name: _of_log(ours, theirs, name) for name in sorted({*ours, *theirs})}
            for ours, theirs in zip(self.torch.epochs, self.keras.epochs, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data: every step of both sides."""
        return {
            "precision": self.precision,
            "largest_difference": self.largest_difference(),
            "largest_difference_first_epoch": self.largest_difference(1),
            **{
                side: {**asdict(curve), "samples_per_second": curve.samples_per_second}
                for side, curve in (("keras", self.keras), ("torch", self.torch))
            },
        }


# Told as (what is going on, how much of it is done, of how much).
Progress = Callable[[str, int, int], None]


def apart(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Step by step, how far two curves are apart."""
    return [_difference(a, b) for a, b in zip(ours, theirs, strict=True)]


def relative(theirs: float, ours: float) -> float:
    """The difference, relative to Keras' value."""
    difference = _difference(theirs, ours)
    return difference / abs(theirs) if difference and theirs else difference


def _difference(a: float, b: float) -> float:
    """Infinite where only one of them is a number; two that are none are the same."""
    if a == b or (a != a and b != b):
        return 0.0
    difference = abs(a - b)
    return difference if difference == difference else float("inf")


def _of_log(ours: dict[str, float], theirs: dict[str, float], name: str) -> float:
    if name not in ours or name not in theirs:
        return float("inf")
    return relative(theirs[name], ours[name])
