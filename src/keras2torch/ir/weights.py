"""The weights of a model: where they stand in the file, and what becomes of them in PyTorch.

Nothing is read before it is written: a ``Weight`` knows its shape and how to make its array, and
every transformation is recorded, to be done while ``weights.safetensors`` is written. So memory
stays near the largest single tensor, not near the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from keras2torch.errors import WeightsError, quoted
from keras2torch.readers.saved import Array, Group, Shape, Variable


@dataclass(frozen=True)
class Weight:
    """An array to be, with the Keras variable it is made of (none: it is PyTorch's own).

    ``origin`` is the shape in Keras, ``how`` tells the account what was done to it by ``changes``;
    ``moved``: its numbers are Keras' own, at other places at most. Then a gradient or a moment of
    Keras' variable becomes PyTorch's by the same changes.
    """

    shape: Shape
    dtype: np.dtype[Any]
    make: Callable[[], Array]
    origin: Shape
    keras: str | None = None
    how: str = "as it is"
    changes: tuple[Callable[[Array], Array], ...] = ()
    moved: bool = True

    @property
    def size(self) -> int:
        return prod(self.shape)

    def array(self) -> Array:
        """Shape ``self.shape``; a view on the file where nothing had to be done."""
        made = self.make()
        for change in self.changes:
            made = change(made)
        if made.shape != self.shape:
            raise WeightsError(f"{self.keras}: became {made.shape}, not {self.shape}")
        return made

    def then(
        self, how: str, shape: Shape, change: Callable[[Array], Array], *, moves: bool = True
    ) -> Weight:
        """The weight after ``change``, which ``how`` names in the account; ``moves`` tells whether
        it does no more than put the numbers elsewhere."""
        said = how if self.how == "as it is" else f"{self.how}, {how}"
        changes = (*self.changes, change)
        moved = self.moved and moves
        return replace(self, shape=shape, how=said, changes=changes, moved=moved)

    def with_values(self, array: Callable[[], Array], dtype: np.dtype[Any]) -> Weight:
        """What other values of Keras' variable become, such as its moments."""
        return replace(self, make=array, dtype=dtype)

    def permute(self, *axes: int) -> Weight:
        """The axes in another order: a transposition of any rank."""
        shape = tuple(self.shape[axis] for axis in axes)
        return self.then("transposed", shape, lambda a: a.transpose(axes))

    def reshape(self, *shape: int) -> Weight:
        return self.then("reshaped", shape, lambda a: a.reshape(shape))

    def reorder_rows(self, order: tuple[int, ...], what: str) -> Weight:
        """The equal blocks of axis 0 in another order, e.g. the gates of a recurrence."""
        blocks = (len(order), self.shape[0] // len(order), *self.shape[1:])

        def change(array: Array) -> Array:
            return array.reshape(blocks)[list(order)].reshape(self.shape)

        return self.then(what, self.shape, change)

    def reorder_columns(self, shape: tuple[int | None, ...], order: tuple[int, ...]) -> Weight:
        """The columns of a (out, in) matrix for an input that was flattened in another order.

        ``shape`` and ``order`` are those of the tensor before: Keras' shape with the batch, and
        the order in which its axes lay in memory.
        """
        sizes = [int(size or 0) for size in shape[1:]]
        how = f"columns of {' x '.join(map(str, sizes))} in the order {[a - 1 for a in order[1:]]}"

        def change(array: Array) -> Array:
            return array.reshape(-1, *sizes).transpose(order).reshape(self.shape)

        return self.then(how, self.shape, change)

    def row(self, index: int) -> Weight:
        """One row of axis 0."""
        return self.then(f"row {index}", self.shape[1:], lambda a: a[index])

    @staticmethod
    def zeros(shape: Shape, dtype: np.dtype[Any]) -> Weight:
        """PyTorch's own: an array that Keras does not have and that must do nothing."""
        return Weight(shape, dtype, lambda: np.zeros(shape, dtype), shape, None, "zeros")


class Weights:
    """The variables of one layer, to be taken in the order in which Keras made them."""

    def __init__(self, group: Group, where: str) -> None:
        self._group = group
        self._where = where
        self._taken = 0
        self._read: set[str] = set()
        self._children: dict[str, Weights] = {}

    def take(self, name: str, shape: Shape) -> Weight:
        """The next variable, which Keras calls ``name``; its stored shape must be ``shape``."""
        if self._taken >= len(self._group.variables):
            raise WeightsError(f"{self._where}: the file has no {name}, which should be {shape}")
        variable = self._group.variables[self._taken]
        self._taken += 1
        return weight_of(variable, name, shape, f"{self._group.path}/{name}", self._where)

    def has(self, name: str) -> bool:
        """Whether the file has a part of this name."""
        return name in (self._group.children or {})

    def named(self, name: str) -> Weight | None:
        """The variable of one axis that Keras stores under this name, if there is one."""
        variable = self._group.named.get(name)
        if variable is None:
            return None
        self._read.add(name)
        if len(variable.shape) != 1 or variable.dtype.kind != "f":
            raise WeightsError(f"{self._where}: {name} must be a list of numbers")
        path = f"{self._group.path}/{name}"
        return Weight(variable.shape, variable.dtype, variable.array, variable.shape, path)

    def asset(self, name: str) -> bytes | None:
        """The file of this name that Keras stores beside the weights, if there is one."""
        read = self._group.assets.get(name)
        self._read.add(name)
        return None if read is None else read()

    def child(self, name: str) -> Weights:
        """The weights of a part, by the name of the attribute that Keras keeps it in."""
        if name not in self._children:
            group = (self._group.children or {}).get(name) or Group(f"{self._group.path}/{name}")
            self._children[name] = Weights(group, f"{self._where}, {name}")
        return self._children[name]

    def hand_over(self, name: str) -> Group:
        """All variables of a part, which is a model: whoever gets them sees to them."""
        group = (self._group.children or {}).get(name) or Group(f"{self._group.path}/{name}")
        self._children[name] = Weights(Group(group.path), f"{self._where}, {name}")
        return group

    def finish(self) -> None:
        """Refuse what nobody took."""
        left = len(self._group.variables) - self._taken
        if left:
            raise WeightsError(f"{self._where}: the file has {left} more variables than the layer")
        unread = {*self._group.named, *self._group.assets} - self._read
        if unread:
            raise WeightsError(
                f"{self._where}: the file has {quoted(min(unread))}, which is unused"
            )
        for name, group in (self._group.children or {}).items():
            if name == "seed_generator":
                continue  # the state of Keras' random numbers, which PyTorch draws otherwise
            if name in self._children:
                self._children[name].finish()
            elif group.count():
                raise WeightsError(
                    f"{self._where}: the file has weights in {quoted(name)} that nothing uses"
                )


def weight_of(variable: Variable, name: str, shape: Shape, path: str, where: str) -> Weight:
    """A stored variable as a weight; it must hold numbers and have this shape."""
    check_shape(variable.shape, name, shape, where)
    if variable.dtype.kind not in "fiu":
        raise WeightsError(f"{where}: {name} must be numbers, found {variable.dtype}")
    return Weight(shape, variable.dtype, variable.array, shape, path)


def check_shape(found: Shape, name: str, shape: Shape, where: str) -> None:
    """Refuse a variable of another shape than its layer says."""
    if found != shape:
        raise WeightsError(f"{where}: {name} must have shape {shape}, the file has {found}")
