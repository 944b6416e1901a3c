"""Starts the workers: each framework runs in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from keras2torch.errors import MissingExtra, PortError, ReferenceError, quoted

EXTRAS = {
    "keras": "keras2torch[keras]",
    "tensorflow": "keras2torch[keras]",
    "jax": "keras2torch[keras]",
    "torch": "keras2torch[train]",
}


def require(*packages: str) -> None:
    """Raise MissingExtra unless the packages are installed. Imports none of them."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(
                f"{package} is not installed; pip install '{EXTRAS[package]}' brings it"
            )


def environment(backend: str | None = None) -> dict[str, str]:
    """The environment of a worker; ``backend`` is Keras'."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "")}
    if backend:
        quiet["KERAS_BACKEND"] = backend
    if backend == "jax":
        quiet["JAX_ENABLE_X64"] = "1"
    if not quiet["JAX_PLATFORMS"]:
        del quiet["JAX_PLATFORMS"]
    return {**os.environ, **quiet}


def run_worker(worker: str, job: Mapping[str, Any], backend: str | None = None) -> None:
    """Run ``python -m worker`` on a job until it ends.

    Raises:
        ReferenceError: Keras' worker failed; the last line of what it said.
        PortError: the port's worker failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", worker],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        env=environment(backend),
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        said = lines[-1] if lines else f"it ended with status {done.returncode}"
        if backend:
            raise ReferenceError(f"Keras on {backend} could not run the original: {quoted(said, 300)}")
        raise PortError(f"PyTorch could not run the port: {quoted(said, 300)}")
