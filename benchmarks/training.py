"""Samples per second that train: train.py against a loop by hand, Keras on TensorFlow and JAX.

``python benchmarks/training.py [MODEL ...] [--rounds N] [--threads N]``

A step is all that a script does with a batch: forward, loss, backward, update, metrics.
"""

from sides import run

MODELS = ("article A", "article B", "CNN")

if __name__ == "__main__":
    run("training", MODELS, __doc__)
