"""Weights of CuDNNLSTM and CuDNNGRU, as LSTM and GRU have them.

cuDNN keeps each gate's kernel transposed and two biases; its LSTM adds them. Source:
tf_keras/src/saving/legacy/hdf5_format.py, ``_convert_rnn_weights``.
"""

from __future__ import annotations

from keras2torch.ir.weights import Weight
from keras2torch.readers.saved import Array, Shape

CLASSES = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}
HOW = "from cuDNN's layout"


def is_cudnn(kernel: Shape, bias: Shape) -> bool:
    """Whether a recurrence with these shapes is cuDNN's: it has one list for two biases."""
    return len(kernel) == 2 and bias == (2 * kernel[1],)


def from_cudnn(weight: Weight, name: str, gates: int) -> Weight:
    """A kernel, a recurrent kernel or a bias of ``gates`` gates."""
    if name == "bias":
        size = weight.shape[0] // 2
        if gates == 4:
            return weight.then(HOW, (size,), lambda a: a.reshape(2, size).sum(axis=0), moves=False)
        return weight.then(HOW, (2, size), lambda a: a.reshape(2, size))
    rows, columns = weight.shape
    units = columns // gates

    def turned(array: Array) -> Array:
        parts = array.reshape(rows, gates, units).transpose(1, 0, 2)
        # The bytes of a kernel's gate are those of its transpose, of a recurrent one's not.
        parts = parts.reshape(gates, units, rows) if name == "kernel" else parts
        return parts.transpose(2, 0, 1).reshape(rows, columns)

    return weight.then(HOW, weight.shape, turned)
