"""Examples of operations as plain data: the tests make each call in Keras and compare.

``call("max", (3, 4), axis=1)`` calls ``keras.ops.max`` on an input of shape (batch, 3, 4). Tuples
among the arguments are inputs of random numbers, ``Drawn`` are inputs of other kinds, ``Array`` a
NumPy array; everything else is passed as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Drawn:
    """An input of random numbers from ``low`` to ``high``, of this shape without the batch.

    ``batched`` False: the shape is the whole shape. ``special`` mixes in NaN and
    infinities, ``holes`` NaN only, ``spd`` makes symmetric positive definite matrices.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    low: float = -3.0
    high: float = 3.0
    batched: bool = True
    special: bool = False
    holes: bool = False
    spd: bool = False


@dataclass(frozen=True)
class Array:
    """A NumPy array as an argument."""

    values: Any
    dtype: str = "float32"


@dataclass(frozen=True)
class OpCall:
    """One call of ``keras.ops.<function>`` (``activations.<name>``: of ``keras.activations``).

    ``truth`` is the backend whose float64 is exact; ``backends`` are those that can run it at all.
    ``gradients`` False: Keras' own are not comparable, and a comment says why.
    ``single``: TensorFlow has the operation in float32 only.
    """

    function: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    truth: str = "tensorflow"
    backends: tuple[str, ...] = ("tensorflow", "jax")
    gradients: bool = True
    single: bool = False


def call(function: str, *arguments: Any, **options: Any) -> OpCall:
    """An example of an operation."""
    return OpCall(function, arguments, options)


def by_jax(example: OpCall) -> OpCall:
    """A call whose float64 is exact on JAX only: TensorFlow makes float32 of something in it."""
    return replace(example, truth="jax")


def in_float32(example: OpCall) -> OpCall:
    """A call that TensorFlow can make in float32 only; its float64 is told by JAX."""
    return replace(example, truth="jax", single=True, gradients=False)


def on_tensorflow(example: OpCall) -> OpCall:
    """A call that Keras can make on TensorFlow only."""
    return replace(example, backends=("tensorflow",))


def without_gradients(example: OpCall) -> OpCall:
    """A call whose gradients in Keras are not comparable; a comment beside it says why."""
    return replace(example, gradients=False)


def line(size: int) -> Drawn:
    """An input of rank 1, without a batch."""
    return Drawn((size,), batched=False)


def ints(*shape: int | None, low: int = -5, high: int = 5, dtype: str = "int32") -> Drawn:
    """An input of whole numbers from ``low`` to ``high``."""
    return Drawn(shape, dtype, low, high)


def floats(*shape: int | None, low: float = -3.0, high: float = 3.0) -> Drawn:
    """An input of numbers from ``low`` to ``high``."""
    return Drawn(shape, "float32", low, high)


def booleans(*shape: int | None) -> Drawn:
    """An input of true and false."""
    return Drawn(shape, "bool")


def special(*shape: int | None) -> Drawn:
    """An input with NaN, infinities and zeros."""
    return Drawn(shape, special=True)
