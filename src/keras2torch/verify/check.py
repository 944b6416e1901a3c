"""Proves that a port is the Keras model: the same outputs, layer by layer, the same parameters.

What "equal" means is defined here, once:

- In float64 the two must agree to a relative 1e-10. Rounding alone stays near 1e-15 per
  operation, and no other function comes that close by chance.
- In float32 the difference is rounding if it is at most 1e-5, or at most four times what Keras in
  float32 itself is away from Keras in float64 at the same layer.
- A model in half precision, or partly so, is run in its own precision where others are in float32.
  Behind a layer in half precision, four units of its rounding take the place of 1e-5; the float64
  run has float64 in the place of every dtype, on both sides.

A difference is relative to the largest magnitude in the tensor.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import DataError, quoted
from keras2torch.handover import BACKENDS
from keras2torch.processes import Job, require, run_workers
from keras2torch.verify.account import Account, account
from keras2torch.verify.curves import Progress
from keras2torch.verify.inputs import made_inputs, read_inputs
from keras2torch.verify.manifest import read_manifest
from keras2torch.verify.original import Original, original_of
from keras2torch.verify.recording import Outputs, load_recording

EQUAL_FLOAT64 = 1e-10
EQUAL_FLOAT32 = 1e-5
FLOORS = 4.0
# Four units in the last place of the formats' mantissas of 10 and 7 bits.
EQUAL_HALF = {"float16": 4 * 2.0**-10, "bfloat16": 4 * 2.0**-7}
TORCH = "keras2torch.verify.torch_worker"
OUTPUT = ""  # the key of the whole model's outputs in a recording

Array = npt.NDArray[Any]
Recorded = Mapping[str, Outputs]


@dataclass(frozen=True)
class Run:
    """One pair of runs that is compared."""

    backend: str
    precision: str

    @property
    def name(self) -> str:
        return f"{self.backend} {self.precision}"


@dataclass(frozen=True)
class Difference:
    """How far a layer's outputs are apart in one run; ``floor`` is Keras' own rounding there."""

    layer: str
    run: str
    absolute: float
    relative: float
    floor: float
    equal: bool


@dataclass(frozen=True)
class Report:
    """What a check found. ``unseen`` are Keras layers whose output the port has nowhere."""

    model: str
    port: str
    source_changed: bool
    differences: list[Difference]
    unseen: list[str]
    account: Account
    notes: list[str]

    @property
    def equal(self) -> bool:
        return all(d.equal for d in self.differences)

    @property
    def first_difference(self) -> Difference | None:
        """Where the port first leaves the Keras model, in running order."""
        return next((d for d in self.differences if not d.equal), None)

    def of_outputs(self, run: str) -> Difference:
        """The whole model's difference in a run such as ``tensorflow float64``."""
        return next(d for d in self.differences if d.layer == OUTPUT and d.run == run)

    def to_json(self) -> dict[str, Any]:
        """Plain data, for ``--json`` and the HTML report."""
        return {"equal": self.equal, **asdict(self)}


def check(
    model: str | Path,
    port: str | Path,
    *,
    config: str | Path | None = None,
    data: str | Path | None = None,
    backends: Sequence[str] = BACKENDS,
    trust_model: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Compare a port with its original on the same inputs, each in a process of its own.

    The first backend runs in float64 and float32, the others in float32; backends on which Keras
    can't run the model are left out, if others are named too; of Keras 2 there is TensorFlow only.
    ``config`` is the JSON of the model's description where ``model`` holds weights alone. ``data``
    is an ``.npz`` of inputs by name; without it inputs are made. ``trust_model`` lets Keras run
    code that stands in the file. ``progress`` is told of every run that ends.

    Raises:
        ModelError: the model can't be ported, and is not trusted.
        PortError: the folder holds no port, or it can't be run.
        ReferenceError: Keras can't run the original.
        DataError: the inputs don't fit, or a backend is none.
        MissingExtra: a framework is not installed.
    """
    manifest = read_manifest(Path(port))
    inputs = (
        read_inputs(Path(data), manifest["inputs"]) if data else made_inputs(manifest["inputs"])
    )
    with original_of(model, config, trust_model) as original:
        able, left_out = _able(original, manifest, backends)
        require("tf_keras" if original.keras2 else "keras", "torch", *able)
        runs = [Run(able[0], "float64"), *(Run(backend, "float32") for backend in able)]
        with tempfile.TemporaryDirectory() as folder:
            keras, torch = _recorded(original, Path(port), inputs, runs, Path(folder), progress)
    exact = keras[runs[0]]
    return Report(
        model=Path(model).name,
        port=str(port),
        source_changed=original.sha256 != manifest["source"].get("sha256"),
        differences=[
            difference
            for run in runs
            for difference in _differences(
                run, keras[run], torch[run.precision], exact, manifest["layers"]
            )
        ],
        unseen=[key for key in exact if key not in torch["float64"]],
        account=account(manifest),
        notes=[*manifest["notes"], *left_out],
    )


def _able(
    original: Original, manifest: Mapping[str, Any], wanted: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The backends to run Keras on, and notes on those that are left out."""
    for backend in wanted:
        if backend not in BACKENDS:
            raise DataError(f"a backend is one of {' or '.join(BACKENDS)}, not {quoted(backend)}")
    known, reason = manifest.get("backends", BACKENDS), "Keras takes no strings there"
    if original.keras2:
        known, reason = ["tensorflow"], "Keras 2 knows none but TensorFlow"
    able = list(dict.fromkeys(backend for backend in wanted if backend in known))
    left_out = [
        f"not compared on {backend}: {reason}" for backend in wanted if backend not in known
    ]
    return able or list(known), left_out


def _recorded(
    original: Original,
    port: Path,
    inputs: Mapping[str, Array],
    runs: Sequence[Run],
    folder: Path,
    progress: Progress,
) -> tuple[dict[Run, Recorded], dict[str, Recorded]]:
    """What both sides write down: Keras in each run, PyTorch in each precision."""
    arrays: dict[str, Any] = dict(inputs)
    np.savez(folder / "inputs.npz", **arrays)
    precisions = list(dict.fromkeys(run.precision for run in runs))
    sides: list[tuple[str, dict[str, Any], str | None]]
    sides = [(original.worker, original.job(run.precision), run.backend) for run in runs]
    sides += [(TORCH, {"port": str(port), "precision": name}, None) for name in precisions]
    recordings = [folder / f"{number}.npz" for number in range(len(sides))]
    jobs = [
        Job(
            worker,
            {**told, "inputs": str(folder / "inputs.npz"), "recording": str(recording)},
            backend,
        )
        for (worker, told, backend), recording in zip(sides, recordings, strict=True)
    ]
    progress("check", 0, len(jobs))
    run_workers(jobs, lambda ended: progress("check", ended, len(jobs)))
    found = [load_recording(recording) for recording in recordings]
    return (
        dict(zip(runs, found[: len(runs)], strict=True)),
        dict(zip(precisions, found[len(runs) :], strict=True)),
    )


def _differences(
    run: Run,
    keras: Recorded,
    torch: Recorded,
    exact: Recorded,
    layers: Sequence[Mapping[str, Any]],
) -> list[Difference]:
    """Every layer that both sides have, in Keras' running order, the whole model last."""
    found = []
    rounding = roundings(layers)
    limit = EQUAL_FLOAT64 if run.precision == "float64" else EQUAL_FLOAT32
    for layer, expected in keras.items():
        if run.precision == "float32":
            limit = max(limit, rounding.get(re.sub(r"\[\d+\]", "", layer), 0.0))
        if layer not in torch:
            continue
        absolute, relative = apart(expected, torch[layer])
        floor = 0.0 if run.precision == "float64" else apart(exact[layer], expected)[1]
        equal = relative <= max(limit, FLOORS * floor)
        found.append(Difference(layer, run.name, absolute, relative, floor, equal))
    return found


def roundings(layers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What half precision allows for, by the path of each layer whose output has it."""
    return {
        layer["layer"]: max(EQUAL_HALF.get(output.get("dtype", ""), 0.0) for output in outputs)
        for layer in layers
        if (outputs := [output for output in layer["outputs"] if output])
    }


def apart(expected: Sequence[Array | None], found: Sequence[Array | None]) -> tuple[float, float]:
    """The largest absolute and relative difference; infinite where shapes, NaNs, strings or whole
    numbers differ.

    Outputs that one side does not have, since nothing uses them, are left out.
    """
    if len(expected) != len(found):
        return float("inf"), float("inf")
    worst = (0.0, 0.0)
    for a, b in zip(expected, found, strict=True):
        if a is None or b is None:
            continue
        if a.shape != b.shape:
            return float("inf"), float("inf")
        if a.dtype.kind not in "fc" and b.dtype.kind not in "fc":  # strings and whole numbers
            if not np.array_equal(a, b):
                return float("inf"), float("inf")
            continue
        if not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return float("inf"), float("inf")
        finite = np.isfinite(a)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return float("inf"), float("inf")
        a, b = a[finite].astype(np.float64), b[finite].astype(np.float64)
        if a.size == 0:
            continue
        absolute = float(np.abs(a - b).max())
        scale = float(np.abs(a).max())
        relative = absolute / scale if scale else absolute
        worst = (max(worst[0], absolute), max(worst[1], relative))
    return worst
