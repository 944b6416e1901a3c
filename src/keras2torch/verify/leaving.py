"""Where a port's training leaves Keras'.

What "equal" means is defined here, once. In float64, the first 300 steps' losses, gradient norms
and weights must agree to 1e-9, and those behind to 1e-6: rounding grows from step to step, and
nothing but rounding comes that close. So do the logs of every epoch. A weight's difference is
relative to the largest magnitude in its tensor, or to how far weights have moved if that is more.

Some trainings are chaotic in float64 too. Where the port leaves these limits, Keras trains once
more from weights that are one unit in the last place away, and what it differs from itself by up
to a step, ten times, is allowed there as well: another function differs long before that.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras2torch.verify.curves import Curve, Progress, SideBySide, relative
from keras2torch.verify.side_by_side import keras_alone

FIRST_STEPS = 300
EQUAL_FIRST = 1e-9
EQUAL_LATER = 1e-6
NUDGES = 10.0


@dataclass(frozen=True)
class Leaving:
    """The first thing that differs: at which step, what, and how far (relatively)."""

    step: int
    what: str
    keras: str | None
    difference: float


def judged(
    exact: SideBySide, manifest: Mapping[str, Any], job: Mapping[str, Any], progress: Progress
) -> tuple[Leaving | None, list[float]]:
    """Where the port leaves Keras' training in float64, and what rounding grows to if that had to
    be asked: how far Keras is from itself after weights that differ in their last digit."""
    first = first_difference(exact, manifest)
    if first is None or first.step == 0:
        return first, []
    nudged = {**job, "precision": "float64", "nudged": True}
    again = keras_alone(nudged, manifest["training"], progress)
    grown = [
        max(relative(a["loss"], b["loss"]), relative(a["norm"], b["norm"]))
        for a, b in zip(exact.keras.steps, again.steps, strict=True)
    ]
    grown = list(itertools.accumulate(grown, max))
    return first_difference(exact, manifest, grown), grown


def first_difference(
    run: SideBySide, manifest: Mapping[str, Any], grown: Sequence[float] = ()
) -> Leaving | None:
    """Where the port first leaves Keras' training: a weight by its name, a number, or a log.

    ``grown`` is what Keras itself differs by up to each step.
    """
    made_of = {line["name"]: line["keras"] for line in manifest["parameters"]}
    for number, (theirs, ours) in enumerate(zip(run.keras.steps, run.torch.steps, strict=True)):
        limit = _limit(number, grown)
        for what in ("loss", "norm"):
            difference = relative(theirs[what], ours[what])
            if not difference <= limit:
                named = {"loss": "loss", "norm": "norm of the gradients"}[what]
                return Leaving(number, named, None, difference)
        apart_most = max(ours.get("relative", {}).items(), key=lambda item: item[1], default=None)
        if apart_most and not apart_most[1] <= limit:
            return Leaving(number, apart_most[0], made_of.get(apart_most[0]), apart_most[1])
    ends = _ends_of_epochs(run.keras)
    for epoch, logs in enumerate(run.log_differences()):
        for name, difference in logs.items():
            if not difference <= _limit(ends[epoch], grown):
                return Leaving(ends[epoch], f"log {name} of epoch {epoch + 1}", None, difference)
    return None


def _limit(step: int, grown: Sequence[float]) -> float:
    limit = EQUAL_FIRST if step < FIRST_STEPS else EQUAL_LATER
    return max(limit, NUDGES * grown[step]) if grown else limit


def _ends_of_epochs(curve: Curve) -> list[int]:
    """The last step of each epoch."""
    epochs = [step["epoch"] for step in curve.steps]
    return [len(epochs) - 1 - epochs[::-1].index(epoch) for epoch in range(len(curve.epochs))]
