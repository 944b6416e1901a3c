"""One side of a benchmark: a process that holds one model and times it whenever it is asked.

``python worker.py SIDE MODEL PORT THREADS`` with SIDE ``port``, ``by-hand``, ``tensorflow`` or
``jax``. It prints ``ready``; for every line on its standard input it predicts a few batches and
prints the seconds of one, so that the sides can take turns.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 0.5  # of predicting, for each answer


def torch_side(side: str, name: str, port: Path, threads: int) -> Callable[[], Any]:
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    with np.load(port / "inputs.npz") as stored:
        inputs = [torch.from_numpy(stored[key]) for key in stored.files]
    if side == "port":
        from keras2torch import load

        model = load(port)
    else:
        from by_hand import MODELS

        torch.manual_seed(0)
        model = MODELS[name]().eval()

    def predict() -> Any:
        with torch.inference_mode():
            return model(*inputs)

    return predict


def keras_side(port: Path, threads: int) -> Callable[[], Any]:
    import keras
    import numpy as np

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    model = keras.saving.load_model(port / "model.keras", compile=False)
    with np.load(port / "inputs.npz") as stored:
        inputs = [stored[key] for key in stored.files]
    given = inputs if len(inputs) > 1 else inputs[0]
    return lambda: model.predict_on_batch(given)


def main() -> None:
    side, name, folder, threads = sys.argv[1:]
    if side in ("port", "by-hand"):
        predict = torch_side(side, name, Path(folder), int(threads))
    else:
        predict = keras_side(Path(folder), int(threads))
    predict()
    predict()
    print("ready", flush=True)
    for _ in sys.stdin:
        runs, start = 0, time.perf_counter()
        while time.perf_counter() - start < SECONDS:
            predict()
            runs += 1
        print((time.perf_counter() - start) / runs, flush=True)


if __name__ == "__main__":
    if sys.argv[1] in ("tensorflow", "jax"):
        os.environ["KERAS_BACKEND"] = sys.argv[1]
        os.environ["XLA_FLAGS"] = (
            f"--xla_cpu_multi_thread_eigen={str(int(sys.argv[4]) > 1).lower()} "
            f"intra_op_parallelism_threads={sys.argv[4]}"
        )
    main()
