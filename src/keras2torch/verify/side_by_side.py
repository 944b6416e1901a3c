"""Runs Keras' training and a port's, each in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from keras2torch.errors import PortError
from keras2torch.processes import Worker
from keras2torch.verify.curves import Curve, Progress, SideBySide

KERAS = "keras2torch.verify.keras_steps"
TORCH = "keras2torch.verify.torch_steps"


def in_step(job: Mapping[str, Any], backend: str, progress: Progress) -> SideBySide:
    """Both trainings at once, their weights compared after each step.

    Keras leaves its variables in memory that both see and may be a step ahead; PyTorch compares
    them with its own. Words go through here, so what goes wrong on either side is told.
    """
    what = f"training, {job['precision']}"
    keras, torch = Curve(f"Keras on {backend}"), Curve("PyTorch")
    with Worker(KERAS, job, backend) as left, Worker(TORCH, job) as right:
        while (told := left.hear()) is not None:
            keras.take(told)
            if "variables" in told:
                right.tell({"variables": told["variables"]})
            elif "step" in told:
                right.tell({"step": told["step"]})
            answer = right.hear()
            if answer is None or answer.keys() & {"step", "ended"} != told.keys() & {
                "step",
                "ended",
            }:
                raise PortError(f"PyTorch ended its training at step {len(torch.steps)}")
            torch.take(answer)
            if "step" in told:
                left.tell({"read": told["step"]})
                progress(what, len(keras.steps), job["steps"])
    return SideBySide(job["precision"], keras, torch)


def one_after_the_other(job: Mapping[str, Any], backend: str, progress: Progress) -> SideBySide:
    """Both trainings, each with the whole machine; weights are not compared."""
    keras = keras_alone(job, backend, progress)
    torch = _alone(Curve("PyTorch"), TORCH, job, None, {}, progress)
    return SideBySide(job["precision"], keras, torch)


def keras_alone(
    job: Mapping[str, Any],
    backend: str,
    progress: Progress,
    variables: Mapping[str, str] | None = None,
) -> Curve:
    """Keras' training, with these environment variables."""
    job = {**job, "variables": None}
    return _alone(Curve(f"Keras on {backend}"), KERAS, job, backend, variables or {}, progress)


def other_rounding(backend: str) -> tuple[str, dict[str, str]]:
    """A way to run the same training with other orders of summation: in words, and how."""
    threads = "2" if os.environ.get("TF_NUM_INTRAOP_THREADS") == "1" else "1"
    if backend == "tensorflow":
        said = {"1": "one thread", "2": "two threads"}[threads]
        return f"without oneDNN, on {said}", {
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "TF_NUM_INTRAOP_THREADS": threads,
            "OMP_NUM_THREADS": threads,
        }
    flags = os.environ.get("XLA_FLAGS", "")
    single = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return "on one thread, without fused loops", {
        "XLA_FLAGS": f"{flags} {single} --xla_cpu_use_fusion_emitters=false".strip()
    }


def _alone(
    curve: Curve,
    worker: str,
    job: Mapping[str, Any],
    backend: str | None,
    variables: Mapping[str, str],
    progress: Progress,
) -> Curve:
    what = f"{curve.name}, {job['precision']}"
    with Worker(worker, job, backend, variables) as process:
        process.hang_up()
        while (told := process.hear()) is not None:
            curve.take(told)
            progress(what, len(curve.steps), job["steps"])
    return curve
