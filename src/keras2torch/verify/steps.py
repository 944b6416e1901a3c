"""Proves that a port trains as its model does: the same losses, gradients and weights, every step.

``leaving.py`` defines what "equal" means in float64.

float32 decides nothing: it is chaotic, any two runs part. It is measured beside what Keras differs
from itself when only the order of its sums is another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.emit.train_data import rows_of_targets, rows_of_weights
from keras2torch.errors import PortError, UnsupportedError, quoted
from keras2torch.handover import training_for
from keras2torch.ir.build import graph_of
from keras2torch.ir.keras2 import described
from keras2torch.ir.lower import program_of
from keras2torch.processes import require, run_worker
from keras2torch.readers import read
from keras2torch.verify.curves import Curve, Progress, SideBySide, apart
from keras2torch.verify.leaving import Leaving, judged
from keras2torch.verify.manifest import read_manifest
from keras2torch.verify.original import Original, original_of
from keras2torch.verify.random_stream import not_shared
from keras2torch.verify.side_by_side import in_step, keras_alone, other_rounding
from keras2torch.verify.training_data import Length, Target, data_for

FLOAT32 = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Floor:
    """Keras' float32 training against itself, with other orders of summation.

    ``differences`` are those of the losses; ``left`` is the first step at which the port's loss is
    further from Keras' than Keras' from itself up to there, if there is one.
    """

    how: str
    differences: list[float]
    left: int | None


@dataclass(frozen=True)
class StepsReport:
    """What a comparison of trainings found. ``unshared`` are layers with random numbers of their
    own on each side, ``nudged`` is what rounding in the first weights grows to in Keras, step by
    step, where that had to be asked."""

    model: str
    port: str
    backend: str
    batch_size: int
    samples: int
    data: str
    exact: SideBySide
    nudged: list[float]
    single: SideBySide
    floor: Floor
    first_difference: Leaving | None
    unshared: list[str]
    notes: list[str]

    @property
    def equal(self) -> bool:
        return self.first_difference is None

    def to_json(self) -> dict[str, Any]:
        """Plain data, for ``--json``."""
        leaving = self.first_difference
        return {
            "equal": self.equal,
            "model": self.model,
            "port": self.port,
            "backend": self.backend,
            "batch_size": self.batch_size,
            "samples": self.samples,
            "data": self.data,
            "first_difference": None if leaving is None else asdict(leaving),
            "unshared": self.unshared,
            "float64": self.exact.to_json(),
            "nudged": self.nudged,
            "float32": self.single.to_json(),
            "floor": asdict(self.floor),
            "notes": self.notes,
        }


def check_steps(
    model: str | Path,
    port: str | Path,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    data: str | Path | None = None,
    batch_size: int = 32,
    backend: str | None = None,
    config: str | Path | None = None,
    trust_model: bool = False,
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> StepsReport:
    """Train the original and its port from the same weights on the same batches, and compare.

    ``steps`` ends the training, wherever in an epoch; ``epochs`` are passes over the data. One of
    them may be left out. ``data`` is an ``.npz`` as the port's train.py reads it, taken in order;
    without it inputs and targets are made. The port's train.py says which backend it follows.

    Raises:
        ModelError: the model can't be ported, or is one of Keras 2.
        PortError: the folder holds no port with a train.py, or it can't be run.
        ReferenceError: Keras can't train the original.
        DataError: the data doesn't fit.
        MissingExtra: a framework is not installed.
    """
    with prepared(
        model,
        port,
        steps=steps,
        epochs=epochs,
        data=data,
        batch_size=batch_size,
        backend=backend,
        config=config,
        trust_model=trust_model,
        seed=seed,
    ) as (job, manifest):
        followed, variables = manifest["training"], Path(job["variables"])
        exact = in_step({**job, "precision": "float64"}, followed, progress)
        first, nudged = judged(exact, manifest, job, progress)
        variables.unlink(missing_ok=True)
        single = in_step({**job, "precision": "float32"}, followed, progress)
        how, flags = other_rounding(followed)
        again = keras_alone({**job, "precision": "float32"}, followed, progress, flags)
    return StepsReport(
        model=Path(model).name,
        port=str(port),
        backend=followed,
        batch_size=batch_size,
        samples=sum(step["size"] for step in exact.keras.steps if step["epoch"] == 0),
        data=Path(data).name if data else "made data",
        exact=exact,
        nudged=nudged,
        single=single,
        floor=_floor(how, single, again),
        first_difference=first,
        unshared=not_shared(exact.keras.draws, exact.torch.draws),
        notes=list(manifest["notes"]),
    )


@contextmanager
def prepared(
    model: str | Path,
    port: str | Path,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    data: str | Path | None = None,
    batch_size: int = 32,
    backend: str | None = None,
    config: str | Path | None = None,
    trust_model: bool = False,
    seed: int = 0,
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The job for both sides but for its precision, and the port's manifest; see check_steps."""
    port, manifest = Path(port), read_manifest(Path(port))
    followed = manifest.get("training")
    if not followed or not (port / "train.py").exists():
        raise PortError(f"{quoted(port)} has no train.py: port a compiled model")
    if backend not in (None, followed):
        raise PortError(f"{quoted(port)}: its train.py follows Keras on {followed}")
    require("keras", "torch", followed)
    with original_of(model, config, trust_model) as original, tempfile.TemporaryDirectory() as dir_:
        folder = Path(dir_)
        archive = archive_of(original, folder, followed)
        targets = trained_outputs(archive, followed)
        length = Length.of(steps, epochs, batch_size)
        arrays, length = data_for(data, manifest["inputs"], targets, length)
        np.savez(folder / "data.npz", **dict[str, Any](arrays))
        job = {
            "model": str(archive),
            "port": str(port),
            "data": str(folder / "data.npz"),
            "outputs": [target.output for target in targets],
            "batch_size": batch_size,
            "epochs": length.epochs,
            "steps": length.steps,
            "seed": seed,
            "variables": str(folder / "variables"),
        }
        yield job, manifest


def archive_of(original: Original, folder: Path, backend: str) -> Path:
    """The original as a ``.keras`` file with its compile config."""
    if original.keras2:
        raise UnsupportedError(
            f"{quoted(original.path)} is a model of Keras 2: load it in Keras 3 and save it anew"
        )
    if original.path.is_file() and original.path.suffix == ".keras":
        return original.path
    made = folder / "original.keras"
    job = {"model": str(original.path), "trusted": original.trusted, "saved": str(made)}
    run_worker("keras2torch.verify.keras_archive", job, backend)
    return made


def trained_outputs(archive: Path, backend: str) -> list[Target]:
    """The outputs of a compiled model, each with its loss."""
    with read(archive) as saved:
        graph = graph_of(described(saved), saved.weights)
        training = training_for(saved, program_of(graph), graph, backend)
    return [
        Target(
            output.name,
            output.shape,
            "" if loss is None else loss.function.function,
            *rows_of_targets(output, loss),
            rows_of_weights(output),
        )
        for output, loss in zip(training.outputs, training.losses, strict=True)
    ]


def _floor(how: str, single: SideBySide, again: Curve) -> Floor:
    """What the port's float32 training differs by, beside what Keras' differs from itself by."""
    differences = apart(single.keras.losses, again.losses)
    own = port = 0.0
    left = None
    for number, loss in enumerate(single.keras.losses):
        # One unit in the last place of the loss is the least that float32 can show.
        own = max(own, differences[number], FLOAT32 * abs(loss))
        port = max(port, single.loss_differences[number])
        if left is None and not port <= own:
            left = number
    return Floor(how, differences, left)
