"""Resizes an image by Keras on TensorFlow, in float32 as it is: the expected values.

Reads a job on standard input: ``file`` (the ``.npz`` to write) and ``cases``, each with an id,
``size`` and the options of ``keras.ops.image.resize``.
"""

import json
import sys

import keras
import numpy as np


def main():
    job = json.load(sys.stdin)
    image = np.random.default_rng(3).standard_normal((2, 9, 7, 3)).astype("float32")
    told = {"image": image}
    for case in job["cases"]:
        resized = keras.ops.image.resize(image, case["size"], **case["options"])
        told[case["id"]] = keras.ops.convert_to_numpy(resized)
    np.savez(job["file"], **told)


if __name__ == "__main__":
    main()
