"""Resizes an image by Keras on TensorFlow, in float32 as it is: the expected values.

Reads a job on standard input: ``file`` (the ``.npz`` to write) and ``cases``, each with an id,
``size`` and the options of ``keras.ops.image.resize``; ``whole`` ones are of whole numbers.
"""

import json
import sys

import keras
import numpy as np


def main():
    job = json.load(sys.stdin)
    rng = np.random.default_rng(3)
    image = rng.standard_normal((2, 9, 7, 3)).astype("float32")
    whole = rng.integers(0, 256, (2, 12, 8, 3)).astype("uint8")
    told = {"image": image, "whole": whole}
    for case in job["cases"]:
        given = whole if case["whole"] else image
        resized = keras.ops.image.resize(given, case["size"], **case["options"])
        told[case["id"]] = keras.ops.convert_to_numpy(resized)
    np.savez(job["file"], **told)


if __name__ == "__main__":
    main()
