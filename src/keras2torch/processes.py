"""Starts the workers: each framework runs in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from keras2torch.errors import MissingExtra, PortError, ReferenceError, quoted

EXTRAS = {
    "keras": "keras2torch[keras]",
    "tensorflow": "keras2torch[keras]",
    "tf_keras": "keras2torch[keras2]",
    "jax": "keras2torch[keras]",
    "torch": "keras2torch[train]",
    "accelerate": "keras2torch[train]",
    "iterstrat": "keras2torch[train]",
    "joblib": "keras2torch[train]",
    "matplotlib": "keras2torch[train]",
    "ray": "keras2torch[ray]",
    "sklearn": "keras2torch[train]",
    "torchmetrics": "keras2torch[train]",
}


def require(*packages: str) -> None:
    """Raise MissingExtra unless the packages are installed. Imports none of them."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(
                f"{package} is not installed; pip install '{EXTRAS[package]}' brings it"
            )


def environment(backend: str | None = None, precision: str = "float32") -> dict[str, str]:
    """The environment of a worker; ``backend`` is Keras'."""
    chosen = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend:
        chosen["KERAS_BACKEND"] = backend
    if precision == "float64":
        chosen["JAX_ENABLE_X64"] = "1"
    return {**os.environ, **chosen}


def run_worker(worker: str, job: Mapping[str, Any], backend: str | None = None) -> None:
    """Run ``python -m worker`` on a job until it ends. ``backend`` is Keras', for its workers.

    Raises:
        ReferenceError: Keras' worker failed; the last line of what it said.
        PortError: PyTorch's worker failed.
    """
    for _ in stream_worker(worker, job, backend):
        pass


def stream_worker(
    worker: str, job: Mapping[str, Any], backend: str | None = None
) -> Iterator[dict[str, Any]]:
    """Run a worker and yield what it tells, one JSON object per line, as it comes.

    Raises:
        ReferenceError, PortError: as ``run_worker``.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
        subprocess.Popen(
            [sys.executable, "-m", worker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=environment(backend, job.get("precision", "float32")),
        ) as process,
    ):
        if process.stdin is None or process.stdout is None:
            raise ReferenceError(f"{worker} could not be started")
        try:
            process.stdin.write(json.dumps(job))
            process.stdin.close()
            for line in process.stdout:
                if line.startswith("{"):
                    yield json.loads(line)
            process.wait()
        finally:
            process.kill()
        if process.returncode != 0:
            said.seek(0)
            raise _failure(said.read(), process.returncode, backend)


def _failure(said: str, status: int, backend: str | None) -> ReferenceError | PortError:
    """The error for a worker that failed, with the last line it said."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    last = quoted(lines[-1] if lines else f"it ended with status {status}", 300)
    if backend:
        return ReferenceError(f"Keras on {backend} could not run the original: {last}")
    return PortError(f"PyTorch could not run the port: {last}")
