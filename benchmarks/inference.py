"""Predictions per second of emitted modules: against PyTorch by hand, Keras on TensorFlow and JAX.

``python benchmarks/inference.py [MODEL ...] [--rounds N] [--threads N]``
"""

from sides import run

MODELS = ("article A", "article B", "ResNet50", "EfficientNetB0", "Transformer")

if __name__ == "__main__":
    run("inference", MODELS, __doc__)
