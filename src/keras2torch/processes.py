"""Starts the workers: each framework runs in a process of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
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
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


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
    with Worker(worker, job, backend) as process:
        process.hang_up()
        while (told := process.hear()) is not None:
            yield told


class Worker:
    """A worker that runs beside this process and may be talked to: one JSON object per line."""

    def __init__(
        self,
        worker: str,
        job: Mapping[str, Any],
        backend: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._backend = backend
        self._said = tempfile.TemporaryFile(  # noqa: SIM115
            "w+", encoding="utf-8", errors="replace"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", worker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={**environment(backend, job.get("precision", "float32")), **(variables or {})},
        )
        self.tell(job)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with self._process, self._said:  # waits, and closes the pipes
            self.hang_up()

    def tell(self, message: Mapping[str, Any]) -> None:
        """One line on the worker's standard input. What a worker that has ended is told is lost:
        ``hear`` says why it ended."""
        if self._process.stdin is None or self._process.stdin.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def hang_up(self) -> None:
        """Close the worker's standard input."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def hear(self) -> dict[str, Any] | None:
        """What the worker tells next; None once it has ended well.

        Raises:
            ReferenceError, PortError: as ``run_worker``.
        """
        for line in self._process.stdout or ():
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                return told
        if self._process.wait() == 0:
            return None
        self._said.seek(0)
        raise _failure(self._said.read(), self._process.returncode, self._backend)


def _failure(said: str, status: int, backend: str | None) -> ReferenceError | PortError:
    """The error for a worker that failed, with what it said last."""
    reason = quoted(_reason(said) or f"it ended with status {status}", 300)
    if backend:
        return ReferenceError(f"Keras on {backend} could not run the original: {reason}")
    return PortError(f"PyTorch could not run the port: {reason}")


def _reason(said: str) -> str:
    """What the last error says, on one line: frames, arguments and places in TensorFlow's graph,
    which stand around it, are indented."""
    _, raised, error = COLOURS.sub("", said).rpartition("Traceback (most recent call last):")
    error, *_ = error.partition("Arguments received by")
    lines = [line for line in error.splitlines() if line.strip() and not line[0].isspace()]
    return " ".join([*lines[:-1][:1], *lines[-1:]] if raised else lines[-1:])
