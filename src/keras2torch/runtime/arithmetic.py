"""Arithmetic of ``keras.ops`` that PyTorch has no function for."""

import torch
from torch import Tensor


def divide_no_nan(x: Tensor, y: Tensor) -> Tensor:
    """``x / y``, and 0 where ``y`` is 0; so is the gradient there.

    Keras: keras/src/ops/numpy.py, DivideNoNan.
    """
    zero = y == 0
    return torch.where(zero, 0.0, x / torch.where(zero, 1.0, y))


def heaviside(x: Tensor, y: Tensor) -> Tensor:
    """0 where ``x`` is negative, 1 where it is positive, else ``y``, which gets its gradient.

    Keras: keras/src/ops/numpy.py, Heaviside.
    """
    return torch.where(x < 0, 0.0, torch.where(x > 0, 1.0, y))
