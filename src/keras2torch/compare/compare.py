"""Trains a Keras model and its port side by side: same weights, same batches, two curves."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.porting import Port, port
from keras2torch.processes import require
from keras2torch.verify.check import Report, check
from keras2torch.verify.curves import Progress, SideBySide
from keras2torch.verify.leaving import Leaving, judged
from keras2torch.verify.original import original_of
from keras2torch.verify.random_stream import not_shared
from keras2torch.verify.side_by_side import one_after_the_other
from keras2torch.verify.step_protocol import CLASS_WEIGHTS, TARGETS, VALIDATION, Array, keys
from keras2torch.verify.steps import archive_of, trained_outputs
from keras2torch.verify.training_data import read_training_data


@dataclass(frozen=True)
class Comparison:
    """The port, its check, and the trainings that started from it.

    ``training`` is in float32, as such models are trained. ``proof`` is the first epoch in
    float64: float32 training is chaotic, any two runs part by rounding after some tens or
    hundreds of steps, so only float64 can tell rounding from a difference. ``unshared`` are
    layers with random numbers of their own on each side.
    """

    port: Port
    check: Report
    training: SideBySide
    proof: SideBySide
    losses: list[str]
    batch_size: int
    samples: int
    first_difference: Leaving | None
    unshared: list[str]

    @property
    def equal(self) -> bool:
        """No difference in the check, and none in the proof."""
        return self.check.equal and self.first_difference is None

    def to_json(self) -> dict[str, Any]:
        """Plain data, for ``compare.json``."""
        return {
            "equal": self.equal,
            "batch_size": self.batch_size,
            "samples": self.samples,
            "losses": self.losses,
            "unshared": self.unshared,
            "training": self.training.to_json(),
            "proof": self.proof.to_json(),
            "check": self.check.to_json(),
        }


def compare(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    epochs: int = 2,
    batch_size: int = 32,
    backend: str = "tensorflow",
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> Comparison:
    """Port a compiled model to ``out``/port, check it, and train both sides.

    ``data`` is an ``.npz`` as the port's train.py reads it: an array per input under its name and
    the targets as ``y``; arrays with ``val_`` before these names are validated on after each
    epoch. Keras trains with its ``fit``, the port with the functions of its train.py. Both start
    from the saved weights with a fresh optimizer and see the same batches in the same order:
    ``epochs`` in float32, and the first epoch in float64 as the proof.

    Raises:
        ModelError: the model can't be ported, or its training can't be handed over.
        DataError: the data does not fit, the model was saved uncompiled, or a backend is none.
        ReferenceError, PortError, MissingExtra: as ``check``.
    """
    tried = port(model, backend=backend, train=True)  # before anything is written
    require("keras", "torch", backend)
    folder = Path(out) / "port"
    with original_of(model) as original, tempfile.TemporaryDirectory() as aside:
        archive = archive_of(original, Path(aside), backend)
        targets = trained_outputs(archive, backend)
        arrays = read_training_data(Path(data), tried.manifest["inputs"], targets)
        outputs = [target.output for target in targets]
        samples = len(arrays[keys(TARGETS, outputs)[0]])
        shared: dict[str, Any] = _shuffled(arrays, samples, seed)
        np.savez(Path(aside, "data.npz"), **shared)
        ported = port(model, folder, backend=backend, train=True)
        report = check(model, folder, progress=progress)
        job = {
            "model": str(archive),
            "port": str(folder),
            "data": str(Path(aside, "data.npz")),
            "outputs": outputs,
            "batch_size": batch_size,
            "seed": seed,
            "variables": None,
        }
        steps = -(-samples // batch_size)
        single, double = (
            {**job, "precision": precision, "epochs": times, "steps": times * steps}
            for precision, times in (("float32", epochs), ("float64", 1))
        )
        training = one_after_the_other(single, backend, progress)
        proof = one_after_the_other(double, backend, progress)
        first, _ = judged(proof, ported.manifest, double, progress)
    return Comparison(
        ported,
        report,
        training,
        proof,
        [target.loss for target in targets if target.loss],
        batch_size,
        samples,
        first,
        not_shared(proof.keras.draws, proof.torch.draws),
    )


def _shuffled(data: Mapping[str, Array], rows: int, seed: int) -> dict[str, Array]:
    """The rows to train on in an order that the seed decides."""
    order = np.random.default_rng(seed).permutation(rows)
    whole = (VALIDATION, CLASS_WEIGHTS)
    return {n: a if n.startswith(whole) else a[order] for n, a in data.items()}
