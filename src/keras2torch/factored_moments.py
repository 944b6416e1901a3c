"""Adafactor's moments of rows and columns, as they lie for a parameter of the port.

Keras keeps the means of a variable's second moment over the last axis (``rows``) and over the last
but one (``columns``). The port keeps them in the shape in which its Adafactor sees the parameter:
a matrix as it lies in PyTorch, transposed mostly, everything else as it is in Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from keras2torch.ir.weights import Weight
from keras2torch.readers.saved import Array, Shape, Variable


def factored(
    weights: Sequence[Weight], shape: Shape, rows: Variable, columns: Variable
) -> tuple[Weight, Weight]:
    """The rows' and the columns' means for the parameters of one variable of this shape."""
    weight = weights[0]
    if len(weights) > 1:  # vectors, which are the rows of the variable
        return _as_it_is(rows), _along(weight, shape, columns, -2, 0)
    if len(shape) != 2 or len(weight.shape) != 2:
        return _as_it_is(rows), _as_it_is(columns)
    first, second = (rows, -1), (columns, -2)
    if _is_transposed(weight, shape):
        first, second = second, first
    return _along(weight, shape, *first, 1), _along(weight, shape, *second, 0)


def _as_it_is(found: Variable) -> Weight:
    return Weight(found.shape, found.dtype, found.array, found.shape)


def _is_transposed(weight: Weight, shape: Shape) -> bool:
    """Whether Keras' first axis is PyTorch's second."""
    numbers = np.broadcast_to(np.arange(shape[0], dtype=np.int32)[:, None], shape)
    found = weight.with_values(lambda: numbers, numbers.dtype).array()
    return bool((found == found[:1]).all()) if shape[0] > 1 else weight.shape != shape


def _along(weight: Weight, shape: Shape, found: Variable, missing: int, drop: int) -> Weight:
    """Means over Keras' axis ``missing``, in the order in which the other axis lies in PyTorch:
    they go where a whole variable of theirs goes, of which axis ``drop`` is the same all along."""

    def make() -> Array:
        return np.broadcast_to(np.expand_dims(found.array(), missing), shape)

    whole = weight.with_values(make, found.dtype)
    if len(whole.shape) == 1:
        return whole
    kept = whole.shape[1 - drop]
    pick: Callable[[Array], Array] = (lambda a: a[0]) if drop == 0 else (lambda a: a[:, 0])
    return whole.then("as one mean", (kept,), pick)
