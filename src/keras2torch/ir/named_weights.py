"""Weights that a file keeps by name: whole-model HDF5 files, and weights saved beside a JSON.

Such files hold, for each layer of the outermost model, one list of all variables in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keras2torch.errors import WeightsError, quoted
from keras2torch.ir.cudnn_weights import from_cudnn, is_cudnn
from keras2torch.ir.weights import Weight, Weights, check_shape, weight_of
from keras2torch.readers.saved import Group, Shape

OLD_NAMES = {"kernel": "depthwise_kernel"}  # of DepthwiseConv1D and 2D


def weights_of(group: Group, where: str) -> Weights:
    """The variables of one layer, however the file keeps them."""
    if group.names is None:
        return Weights(group, where)
    return NamedWeights(_Pool(group, where), ())


def groups_by_name(entries: Sequence[Mapping[str, Any]], weights: Group) -> dict[str, Group]:
    """Each layer's weights by the layer's name: of the outermost model, or of a model inside.

    A model inside has one list for all its layers. Each of its weights names the layer it is of,
    behind the names of what it was made in, if that had any.
    """
    if not weights.variables:
        known = weights.children or {}
        mine = [_name(entry) for entry in entries]
        return {name: known.get(name, Group(name, names=())) for name in mine}
    owners = {leaf: _name(entry) for entry in entries for leaf in _leaf_names(entry)}
    parts: dict[str, list[int]] = {_name(entry): [] for entry in entries}
    names = weights.names or ()
    for place, name in enumerate(names):
        scopes = name.split("/")[:-1]
        paths = [
            "/".join(scopes[start:end])
            for start in range(len(scopes))
            for end in range(len(scopes), start, -1)
        ]
        owner = next((owners[path] for path in paths if path in owners), None)
        if owner is None:
            raise WeightsError(
                f"model {quoted(weights.path)}: the file has {quoted(name)}, which is of no layer"
            )
        parts[owner].append(place)
    return {
        layer: Group(
            f"{weights.path}/{layer}",
            tuple(weights.variables[place] for place in places),
            names=tuple(names[place] for place in places),
        )
        for layer, places in parts.items()
    }


def _leaf_names(entry: Mapping[str, Any]) -> Iterator[str]:
    """The names of the layers in an entry: its own, or those of the model that it is."""
    inner = entry["config"].get("layers")
    if not isinstance(inner, list):
        yield _name(entry)
        return
    for part in inner:
        if isinstance(part, dict) and isinstance(part.get("config"), dict):
            yield from _leaf_names(part)


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name", entry["config"].get("name")))


class _Pool:
    """The variables of a layer and its parts in one list, by name; what nobody took yet."""

    def __init__(self, group: Group, where: str) -> None:
        self.path = group.path
        self.where = where
        self.stored = dict(zip(group.names or (), group.variables, strict=True))
        self.left = dict(self.stored)

    def cudnn_gates(self, path: str) -> int:
        """How many gates the recurrence has that a variable is of, if it is one of cuDNN's."""
        scope = path.rpartition("/")[0]
        parts = [
            self.stored.get(f"{scope}/{name}") for name in ("kernel", "recurrent_kernel", "bias")
        ]
        kernel, recurrent, bias = (() if part is None else part.shape for part in parts)
        if not is_cudnn(kernel, bias) or len(recurrent) != 2 or recurrent[0] == 0:
            return 0
        gates = recurrent[1] // recurrent[0]
        return gates if gates in (3, 4) else 0


class NamedWeights(Weights):
    """The variables of a layer, or of its part ``parts``, from one list for all.

    Such files name a variable by the scopes it was made in, which follow the names of layers and
    not the attributes that parts are kept in: ``bidirectional/forward_lstm/lstm_cell/kernel`` is
    ``kernel`` in ``forward_layer``, in ``cell``. So a variable is found by its own name, among
    those whose scopes fit the part best, the first of them in the file's order.
    """

    def __init__(self, pool: _Pool, parts: tuple[str, ...]) -> None:
        self._pool = pool
        self._parts = parts

    def take(self, name: str, shape: Shape) -> Weight:
        called = self._called(name) or self._called(OLD_NAMES.get(name, name))
        where = ", ".join((self._pool.where, *self._parts))
        if not called:
            raise WeightsError(f"{where}: the file has no {name}, which should be {shape}")
        path = max(called, key=self._fits)
        variable, full = self._pool.left.pop(path), f"{self._pool.path}/{path}"
        gates = self._pool.cudnn_gates(path)
        if gates and name in ("kernel", "recurrent_kernel", "bias"):
            weight = from_cudnn(weight_of(variable, name, variable.shape, full, where), name, gates)
            check_shape(weight.shape, name, shape, where)
            return weight
        return weight_of(variable, name, shape, full, where)

    def _called(self, name: str) -> list[str]:
        """What is left under this name; TensorFlow 1 numbers a name that it has had before."""
        own = re.compile(rf"{re.escape(name)}(_\d+)?")
        return [path for path in self._pool.left if own.fullmatch(path.rpartition("/")[2])]

    def has(self, name: str) -> bool:
        return True  # parts are told by scopes, whatever their attributes are called

    def named(self, name: str) -> Weight | None:
        return None  # vocabularies and their weights are in .keras files only

    def asset(self, name: str) -> bytes | None:
        return None

    def child(self, name: str) -> Weights:
        return NamedWeights(self._pool, (*self._parts, name))

    def hand_over(self, name: str) -> Group:
        """What is left: of the layers that hold a model, none has another part."""
        left = self._pool.left
        group = Group(self._pool.path, tuple(left.values()), names=tuple(left))
        left.clear()
        return group

    def finish(self) -> None:
        if self._pool.left and not self._parts:
            raise WeightsError(
                f"{self._pool.where}: the file has {quoted(list(self._pool.left))}, which nothing "
                "uses"
            )

    def _fits(self, path: str) -> int:
        """How many of the parts the path's scopes tell of."""
        scopes = path.split("/")[:-1]
        return sum(any(_tells(scope, part) for scope in scopes) for part in self._parts)


def _tells(scope: str, part: str) -> bool:
    """Whether a scope such as ``backward_lstm`` is that of the part ``backward_layer``."""
    stem = part.removesuffix("_layer").removesuffix("_dense")
    return scope == stem or scope.startswith(f"{stem}_") or scope.endswith(f"_{stem}")
