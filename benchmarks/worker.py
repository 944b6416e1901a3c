"""One side of a benchmark: a process that holds one model and times it whenever it is asked.

``python worker.py TASK SIDE MODEL FOLDER THREADS`` with TASK ``inference`` or ``training`` and SIDE
``port``, ``by-hand``, ``tensorflow`` or ``jax``. It prints ``ready``; for every line on its
standard input it works on a few batches and prints the seconds of one, so that the sides can take
turns.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 0.5  # of work, for each answer


def torch_side(task: str, side: str, name: str, folder: Path, threads: int) -> Callable[[], Any]:
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    with np.load(folder / "inputs.npz") as stored:
        inputs = [torch.from_numpy(stored[key]) for key in stored.files]
    targets = torch.from_numpy(np.load(folder / "targets.npy"))
    if task == "training":
        torch.manual_seed(0)
        return (train_port if side == "port" else train_by_hand)(name, folder, inputs, targets)
    if side == "port":
        from keras2torch import load

        model = load(folder)
    else:
        from by_hand import MODELS

        torch.manual_seed(0)
        model = MODELS[name]().eval()

    def predict() -> Any:
        with torch.inference_mode():
            return model(*inputs)

    return predict


def train_port(name: str, folder: Path, inputs: list[Any], targets: Any) -> Callable[[], Any]:
    """A step of the emitted train.py, as its train_epoch takes it."""
    sys.path.insert(0, str(folder))
    train = importlib.import_module("train")
    model = train.load().train()
    state = train.start(model)
    metrics = train.make_metrics()

    def step() -> None:
        loss, outputs = train.train_step(model, state, inputs, targets, None)
        train.update_metrics(metrics, loss, outputs, targets, None)

    return step


def train_by_hand(name: str, folder: Path, inputs: list[Any], targets: Any) -> Callable[[], Any]:
    """The step that everybody writes, with PyTorch's own loss and optimizer."""
    import torch
    from by_hand import MODELS
    from torch import nn

    model = MODELS[name]().train()
    optimizer = torch.optim.Adam(p for p in model.parameters() if p.requires_grad)
    classes = targets.dtype == torch.int64
    loss_function = nn.NLLLoss() if classes else nn.BCELoss()
    sums = {"loss": torch.zeros(()), "right": torch.zeros(())}

    def step() -> None:
        outputs = model(*inputs)
        loss = loss_function(outputs.log() if classes else outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        if name == "article A":
            nn.utils.clip_grad_value_(model.parameters(), 1.0)
        optimizer.step()
        found = outputs.argmax(-1) if classes else outputs > 0.5
        sums["loss"] += loss.detach() * len(targets)
        sums["right"] += (found == targets).sum()

    return step


def keras_side(task: str, folder: Path, threads: int) -> Callable[[], Any]:
    import keras
    import numpy as np

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    model = keras.saving.load_model(folder / "model.keras", compile=task == "training")
    with np.load(folder / "inputs.npz") as stored:
        inputs = [stored[key] for key in stored.files]
    given = inputs if len(inputs) > 1 else inputs[0]
    if task == "training":
        targets = np.load(folder / "targets.npy")
        return lambda: model.train_on_batch(given, targets)
    return lambda: model.predict_on_batch(given)


def main() -> None:
    task, side, name, folder, threads = sys.argv[1:]
    if side in ("port", "by-hand"):
        work = torch_side(task, side, name, Path(folder), int(threads))
    else:
        work = keras_side(task, Path(folder), int(threads))
    for _ in range(3):
        work()
    print("ready", flush=True)
    for _ in sys.stdin:
        work()  # what another side left in the caches falls on none of the timed batches
        runs, start = 0, time.perf_counter()
        while time.perf_counter() - start < SECONDS:
            work()
            runs += 1
        print((time.perf_counter() - start) / runs, flush=True)


if __name__ == "__main__":
    if sys.argv[2] in ("tensorflow", "jax"):
        os.environ["KERAS_BACKEND"] = sys.argv[2]
        os.environ["XLA_FLAGS"] = (
            f"--xla_cpu_multi_thread_eigen={str(int(sys.argv[5]) > 1).lower()} "
            f"intra_op_parallelism_threads={sys.argv[5]}"
        )
    main()
