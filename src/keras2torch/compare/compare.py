"""Trains a Keras model and its port side by side: same weights, same batches, two curves."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.compare.recipe import Recipe, recipe_of
from keras2torch.compare.stream import TARGETS, VALIDATION, load_data
from keras2torch.errors import DataError, quoted
from keras2torch.porting import Port, port
from keras2torch.processes import require, stream_worker
from keras2torch.readers import read
from keras2torch.verify.check import Report, check

CLOSE = 1e-3  # how far the losses of a step may be apart in the first epoch
WARM_UP = 5  # steps that are left out of the speed: compilation, first allocations


@dataclass
class Curve:
    """One side's training: per step and per epoch, everything it told."""

    name: str
    version: str = ""
    summary: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list)
    validation: list[dict[str, Any]] = field(default_factory=list)

    @property
    def losses(self) -> list[float]:
        return [step["loss"] for step in self.steps]

    @property
    def samples_per_second(self) -> float:
        """The median step's, once warm."""
        warm = self.steps[WARM_UP:] or self.steps
        return float(statistics.median(step["size"] / step["seconds"] for step in warm))

    def epochs(self) -> list[dict[str, float]]:
        """Per epoch the means over its samples, and the validation's."""
        rows = []
        for epoch in sorted({step["epoch"] for step in self.steps}):
            own = [step for step in self.steps if step["epoch"] == epoch]
            sizes = [step["size"] for step in own]
            row: dict[str, float] = {"epoch": epoch + 1}
            for key in ("loss", "accuracy"):
                if all(key in step for step in own):
                    row[key] = float(np.average([step[key] for step in own], weights=sizes))
            for logs in self.validation:
                if logs["validated"] == epoch:
                    row.update({f"val_{k}": v for k, v in logs.items() if k != "validated"})
            rows.append(row)
        return rows


@dataclass(frozen=True)
class Comparison:
    """Both trainings, the port they started from, and the proof that it was equal."""

    port: Port
    check: Report
    recipe: Recipe
    keras: Curve
    torch: Curve
    batch_size: int
    samples: int

    @property
    def loss_differences(self) -> list[float]:
        """Per step, how far the two losses are apart."""
        pairs = zip(self.keras.losses, self.torch.losses, strict=True)
        return [abs(a - b) for a, b in pairs]

    @property
    def first_epoch_difference(self) -> float:
        """The largest difference of a step's loss in the first epoch."""
        steps = zip(self.keras.steps, self.loss_differences, strict=True)
        return max(difference for step, difference in steps if step["epoch"] == 0)

    @property
    def equal(self) -> bool:
        """The check found no difference, and the first epochs' losses are CLOSE."""
        return self.check.equal and self.first_epoch_difference <= CLOSE

    def to_json(self) -> dict[str, Any]:
        """Plain data: every step of both sides."""
        return {
            "equal": self.equal,
            "first_epoch_difference": self.first_epoch_difference,
            "batch_size": self.batch_size,
            "samples": self.samples,
            "recipe": asdict(self.recipe),
            "keras": {**asdict(self.keras), "samples_per_second": self.keras.samples_per_second},
            "torch": {**asdict(self.torch), "samples_per_second": self.torch.samples_per_second},
            "check": self.check.to_json(),
        }


# Told as (what is going on, how much of it is done, of how much).
Progress = Callable[[str, int, int], None]


def compare(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    epochs: int = 2,
    batch_size: int = 32,
    backend: str = "jax",
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> Comparison:
    """Port a compiled model to ``out``/port, check it, and train both sides.

    ``data`` is an ``.npz`` with an array per input under its name and the targets as ``y``;
    arrays with ``val_`` before these names are validated on after each epoch. Both sides start
    from the saved weights with a fresh optimizer and see the same batches in the same order.

    Raises:
        ModelError: the model can't be ported, or its training can't be compared.
        DataError: the data does not fit, or the model was saved uncompiled.
        ReferenceError, PortError, MissingExtra: as ``check``.
    """
    require("keras", "torch", backend)
    with read(model) as saved:
        recipe = recipe_of(saved.compile_config)
    ported = port(model, Path(out) / "port")
    names = [wanted["name"] for wanted in ported.manifest["inputs"]]
    arrays = _fitting(Path(data), ported.manifest["inputs"])
    runs = 5
    progress("check", 0, runs)
    ended: list[str] = []

    def told(run: str) -> None:
        ended.append(run)
        progress("check", len(ended), runs)

    report = check(model, Path(out) / "port", progress=told)
    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder, "data.npz")
        np.savez(shared, **arrays)
        job = {
            "model": str(model),
            "port": str(Path(out) / "port"),
            "data": str(shared),
            "inputs": names,
            "epochs": epochs,
            "batch_size": batch_size,
            "seed": seed,
            "recipe": asdict(recipe),
        }
        samples = len(arrays[TARGETS])
        total = epochs * -(-samples // batch_size)
        keras = _curve(
            f"Keras on {backend}",
            stream_worker("keras2torch.compare.keras_trainer", job, backend),
            total,
            progress,
        )
        torch = _curve(
            "PyTorch", stream_worker("keras2torch.compare.torch_trainer", job), total, progress
        )
    return Comparison(ported, report, recipe, keras, torch, batch_size, samples)


def _fitting(path: Path, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The data, with its names and lengths checked."""
    try:
        arrays = load_data(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{quoted(path)} is no .npz of plain arrays") from error
    needed = [TARGETS, *(wanted["name"] for wanted in inputs)]
    if any(name.startswith(VALIDATION) for name in arrays):
        needed += [VALIDATION + name for name in needed]
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise DataError(
            f"{quoted(path)} lacks {quoted(missing)}, it holds {quoted(sorted(arrays))}"
        )
    for prefix in ("", VALIDATION):
        lengths = {len(arrays[n]) for n in needed if n.startswith(VALIDATION) == bool(prefix)}
        if len(lengths) > 1 or 0 in lengths:
            raise DataError(f"{quoted(path)}: its arrays hold {quoted(sorted(lengths))} samples")
    return {name: arrays[name] for name in needed}


def _curve(name: str, events: Iterator[dict[str, Any]], total: int, progress: Progress) -> Curve:
    """Collect what one side tells while it trains."""
    curve = Curve(name)
    progress(name, 0, total)
    for event in events:
        if "version" in event:
            curve.version = event["version"]
            curve.summary = event.get("summary", "")
        elif "validated" in event:
            curve.validation.append(event)
        else:
            curve.steps.append(event)
            progress(name, len(curve.steps), total)
    return curve
