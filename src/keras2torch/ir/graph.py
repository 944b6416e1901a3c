"""The graph of a Keras model: which layer is called on which tensors. Nothing of PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import quoted
from keras2torch.readers.saved import Group

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Ref:
    """Output ``tensor`` of the ``call``-th call of a layer, counted from 0."""

    layer: str
    call: int
    tensor: int


@dataclass(frozen=True, eq=False)
class Constant:
    """An array that the file holds as text, as an argument of a call."""

    array: npt.NDArray[np.generic]


@dataclass(frozen=True)
class Call:
    """One call of a layer. ``args`` and ``kwargs`` hold Refs in Keras' own structure."""

    layer: str
    number: int
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True)
class Layer:
    """One layer as it was saved.

    ``keras`` tells whether the class is Keras' own, ``is_op`` whether it is an operation of
    ``keras.ops`` called on Keras tensors; ``graph`` is set where the layer is a model.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    weights: Group
    keras: bool = True
    is_op: bool = False
    graph: Graph | None = None

    @property
    def where(self) -> str:
        """How error messages name the layer."""
        return f"layer {quoted(self.name)} ({quoted(self.class_name)[1:-1]})"


@dataclass(frozen=True)
class Graph:
    """A model: its layers by name, their calls in an order that can be run, inputs and outputs.

    ``inputs`` and ``outputs`` keep Keras' structure (a Ref, or lists, tuples and dicts of Refs).
    ``recorded`` has the shape and dtype of every tensor the file tells them of, ``unused`` the
    paths of stored weights that belong to no layer, ``trainable`` the model's own flag.
    """

    name: str
    class_name: str
    layers: Mapping[str, Layer]
    calls: tuple[Call, ...]
    inputs: Any
    outputs: Any
    recorded: Mapping[Ref, tuple[Shape, str]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    trainable: bool = True


def leaves(structure: Any) -> Iterator[Any]:
    """The leaves of nested lists, tuples and dicts, in Keras' order (dicts by sorted key)."""
    if isinstance(structure, (list, tuple)):
        for part in structure:
            yield from leaves(part)
    elif isinstance(structure, dict):
        for key in sorted(structure):
            yield from leaves(structure[key])
    else:
        yield structure


def map_leaves(function: Any, structure: Any) -> Any:
    """The same structure with every leaf replaced by ``function(leaf)``."""
    if isinstance(structure, (list, tuple)):
        return type(structure)(map_leaves(function, part) for part in structure)
    if isinstance(structure, dict):
        return {key: map_leaves(function, part) for key, part in structure.items()}
    return function(structure)
