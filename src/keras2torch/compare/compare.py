"""Trains a Keras model and its port side by side: same weights, same batches, two curves."""

from __future__ import annotations

import statistics
import tempfile
import zipfile
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
class Training:
    """Both sides' training in one precision."""

    precision: str
    keras: Curve
    torch: Curve

    @property
    def loss_differences(self) -> list[float]:
        """Per step, how far the two losses are apart."""
        pairs = zip(self.keras.losses, self.torch.losses, strict=True)
        return [abs(a - b) for a, b in pairs]

    def largest_difference(self, epochs: int | None = None) -> float:
        """The largest difference of a step's loss, in all epochs or the first ones."""
        steps = zip(self.keras.steps, self.loss_differences, strict=True)
        return max(d for step, d in steps if epochs is None or step["epoch"] < epochs)

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


@dataclass(frozen=True)
class Comparison:
    """The port, its check, and the trainings that started from it.

    ``training`` is in float32, as such models are trained. ``proof`` is the first epoch in
    float64: float32 training is chaotic, any two runs part by rounding after some tens or
    hundreds of steps, so only float64 can tell rounding from a difference.
    """

    port: Port
    check: Report
    recipe: Recipe
    training: Training
    proof: Training
    batch_size: int
    samples: int

    @property
    def equal(self) -> bool:
        """No difference in the check, and every loss of the proof is CLOSE."""
        return self.check.equal and self.proof.largest_difference() <= CLOSE

    def to_json(self) -> dict[str, Any]:
        """Plain data, for ``compare.json``."""
        return {
            "equal": self.equal,
            "batch_size": self.batch_size,
            "samples": self.samples,
            "recipe": asdict(self.recipe),
            "training": self.training.to_json(),
            "proof": self.proof.to_json(),
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
    from the saved weights with a fresh optimizer and see the same batches in the same order:
    ``epochs`` in float32, and the first epoch in float64 as the proof.

    Raises:
        ModelError: the model can't be ported, or its training can't be compared.
        DataError: the data does not fit, or the model was saved uncompiled.
        ReferenceError, PortError, MissingExtra: as ``check``.
    """
    require("keras", "torch", backend)
    with read(model) as saved:
        recipe = recipe_of(saved.compile_config)
    inputs = port(model).manifest["inputs"]
    names = [wanted["name"] for wanted in inputs]
    arrays = _fitting(Path(data), inputs)  # before anything is written
    ported = port(model, Path(out) / "port")
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
            "batch_size": batch_size,
            "seed": seed,
            "recipe": asdict(recipe),
        }
        steps = -(-len(arrays[TARGETS]) // batch_size)
        training = _training(job, "float32", epochs, steps, backend, progress)
        proof = _training(job, "float64", 1, steps, backend, progress)
    return Comparison(ported, report, recipe, training, proof, batch_size, len(arrays[TARGETS]))


def _training(
    job: dict[str, Any], precision: str, epochs: int, steps: int, backend: str, progress: Progress
) -> Training:
    """Train both sides, one after the other, each with the whole machine."""
    job = {**job, "precision": precision, "epochs": epochs}
    keras = _curve(
        Curve(f"Keras on {backend}"),
        stream_worker("keras2torch.compare.keras_trainer", job, backend),
        lambda done: progress(f"Keras, {precision}", done, epochs * steps),
    )
    torch = _curve(
        Curve("PyTorch"),
        stream_worker("keras2torch.compare.torch_trainer", job),
        lambda done: progress(f"PyTorch, {precision}", done, epochs * steps),
    )
    return Training(precision, keras, torch)


def _fitting(path: Path, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The data, with its names and lengths checked."""
    try:
        arrays = load_data(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
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


def _curve(
    curve: Curve, events: Iterator[dict[str, Any]], progress: Callable[[int], None]
) -> Curve:
    """Collect what one side tells while it trains."""
    progress(0)
    for event in events:
        if "version" in event:
            curve.version = event["version"]
            curve.summary = event.get("summary", "")
        elif "validated" in event:
            curve.validation.append(event)
        else:
            curve.steps.append(event)
            progress(len(curve.steps))
    return curve
