"""Peak memory of porting a large model, and the time it takes.

``python benchmarks/memory.py [--gigabytes N]``: Keras saves a model of that size, a process of its
own ports it, and its largest resident set is printed beside the model's size.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SAVE = """
import sys
import keras, numpy as np
x = start = keras.Input((4096,))
for number in range(int(sys.argv[2])):
    x = keras.layers.Dense(4096, kernel_initializer="zeros")(x)
model = keras.Model(start, x)
rng = np.random.default_rng(0)
for weight in model.weights:
    weight.assign(rng.standard_normal(weight.shape, dtype="float32") / 64)
model.save(sys.argv[1])
"""
PORT = """
import resource, sys, time
from keras2torch.porting import port
start = time.perf_counter()
port(sys.argv[1], sys.argv[2])
seconds = time.perf_counter() - start
print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB in {seconds:.1f} s")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    layers = max(1, round(parser.parse_args().gigabytes * 1e9 / (4096 * 4096 * 4)))
    with tempfile.TemporaryDirectory() as text:
        model = Path(text, "model.keras")
        quiet = {**os.environ, "KERAS_BACKEND": "jax"}
        subprocess.run([sys.executable, "-c", SAVE, model, str(layers)], check=True, env=quiet)
        print(f"a .keras of {model.stat().st_size / 1e9:.2f} GB, ported with a peak of ", end="")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", PORT, model, Path(text, "port")], check=True)


if __name__ == "__main__":
    main()
