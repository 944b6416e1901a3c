"""Starts the workers: each framework runs in a process of its own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event
from typing import Any

from keras2torch.errors import (
    Keras2TorchError,
    MissingExtra,
    PortError,
    ReferenceError,
    quoted,
)

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
    "tqdm": "keras2torch[train]",
}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
IMPORT = re.compile(r"(?:ModuleNotFoundError|ImportError): (?:No module named '(\w+))?")


def require(*packages: str) -> None:
    """Raise MissingExtra unless the packages are installed. Imports none of them."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(
                f"{package} is not installed; pip install '{EXTRAS[package]}' brings it"
            )


def require_imported(*packages: str) -> None:
    """Import the packages into this process.

    Raises:
        MissingExtra: one is not installed, or is there and can't be imported.
    """
    require(*packages)
    for package in packages:
        try:
            importlib.import_module(package)
        except (ImportError, OSError) as error:  # the latter where a library does not load
            raise MissingExtra(
                f"{package} can't be imported: {quoted(error, 200)}; pip install "
                f"'{EXTRAS[package]}' brings it"
            ) from error


def environment(backend: str | None = None, precision: str = "float32") -> dict[str, str]:
    """The environment of a worker; ``backend`` is Keras'."""
    chosen = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend:
        chosen["KERAS_BACKEND"] = backend
    if precision == "float64":
        chosen["JAX_ENABLE_X64"] = "1"
    return {**os.environ, **chosen}


@dataclass(frozen=True)
class Job:
    """A worker's module, what it is told, and Keras' backend if the worker is one of Keras'."""

    worker: str
    told: Mapping[str, Any]
    backend: str | None = None


def run_worker(worker: str, told: Mapping[str, Any], backend: str | None = None) -> None:
    """Run ``python -m worker`` on a job until it ends.

    Raises:
        ReferenceError: Keras' worker failed; the last line of what it said.
        PortError: PyTorch's worker failed.
        MissingExtra: either can't be imported.
    """
    with Worker(worker, told, backend) as process:
        process.finish()


def run_workers(jobs: Sequence[Job], ended: Callable[[int], None], at_once: int = 2) -> None:
    """Run workers until all have ended, two at a time, for most machines have the memory for that.

    ``ended`` is told how many have. When one fails, or the user interrupts, all are stopped.

    Raises:
        ReferenceError, PortError, MissingExtra: as ``run_worker``.
    """
    started: list[Worker] = []
    stopped = Event()

    def run(job: Job) -> None:
        with Worker(job.worker, job.told, job.backend) as process:
            started.append(process)
            if not stopped.is_set():  # since this one was begun
                process.finish()

    with ThreadPoolExecutor(at_once) as pool:
        runs = [pool.submit(run, job) for job in jobs]
        try:
            for number, done in enumerate(as_completed(runs), start=1):
                done.result()
                ended(number)
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in started:
                process.kill()
            raise


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
        self.kill()
        with self._process, self._said:  # waits, and closes the pipes
            self.hang_up()

    def kill(self) -> None:
        """End the worker at once, if it has not ended."""
        self._process.kill()

    def finish(self) -> None:
        """Wait until the worker has ended well.

        Raises:
            ReferenceError, PortError, MissingExtra: as ``run_worker``.
        """
        self.hang_up()
        while self.hear() is not None:
            pass

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
            ReferenceError, PortError, MissingExtra: as ``run_worker``.
        """
        for line in self._process.stdout or ():
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                return told
        if self._process.wait() == 0:
            return None
        self._said.seek(0)
        raise _failure(self._said.read(), self._process.returncode, self._backend)


def _failure(said: str, status: int, backend: str | None) -> Keras2TorchError:
    """The error for a worker that failed, with what it said last."""
    reason = _reason(said) or f"it ended with status {status}"
    shown = quoted(reason, 300)
    failed = IMPORT.match(reason)
    package = failed and (failed[1] or ("keras" if backend else "torch"))
    if package in EXTRAS:
        return MissingExtra(f"{shown}; pip install '{EXTRAS[package]}' brings what is needed")
    if backend:
        return ReferenceError(f"Keras on {backend} could not run the original: {shown}")
    return PortError(f"PyTorch could not run the port: {shown}")


def _reason(said: str) -> str:
    """What the last error says, on one line: frames, arguments and places in TensorFlow's graph,
    which stand around it, are indented."""
    _, raised, error = COLOURS.sub("", said).rpartition("Traceback (most recent call last):")
    error, *_ = error.partition("Arguments received by")
    lines = [line for line in error.splitlines() if line.strip() and not line[0].isspace()]
    return " ".join([*lines[:-1][:1], *lines[-1:]] if raised else lines[-1:])
