"""Keras' variables among PyTorch's parameters, for rules that look at a variable as a whole.

Such rules are ``clipnorm``, Lamb, Adafactor and Muon. What follows from the shapes alone is not
written: only what differs is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import numpy as np

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.weights import Weight
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall
from keras2torch.recipes.parameter import parameter_of

Parameters = Mapping[str, Weight]  # those that train, by their names in the state dict


def optimizer_arguments(call: OptimizerCall, parameters: Parameters) -> list[str]:
    """What stands behind the optimizer's learning rate, such as ``joined=[...]``.

    Raises:
        UnsupportedError: a variable that lies in PyTorch in such a way that the rule can't be
            followed.
    """
    if not call.joined:
        return []
    if call.adam is not None:
        return _for_muon(call.adam, parameters)
    return _joined(parameters) + (_shaped(parameters) if call.shaped else [])


def clip_arguments(clip: Call, parameters: Parameters) -> list[str]:
    """What stands behind the parameters in the call that clips gradients."""
    return _joined(parameters) if clip.function == "clip_norm_" else []


def _variables(parameters: Parameters) -> dict[str, list[str]]:
    """The parameters that each of Keras' variables is made of: one, or its rows in their order."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name, weight in parameters.items():
        row = re.match(r"row (\d+)(,|$)", weight.how)
        found.setdefault(weight.keras or name, []).append((int(row[1]) if row else -1, name))
    for path, parts in found.items():
        parts.sort()
        if len(parts) > 1 and [number for number, _ in parts] != list(range(len(parts))):
            raise UnsupportedError(
                f"{quoted(path)} is several parameters in PyTorch, which its optimizer can't follow"
            )
    return {path: [name for _, name in parts] for path, parts in found.items()}


def _joined(parameters: Parameters) -> list[str]:
    groups = [names for names in _variables(parameters).values() if len(names) > 1]
    said = [f"[{', '.join(map(parameter_of, names))}]" for names in groups]
    return [f"joined=[{', '.join(said)}]"] if said else []


def _for_muon(excluded: tuple[str, ...], parameters: Parameters) -> list[str]:
    """The matrices that Muon leaves to Adam, and what is a matrix in Keras alone."""
    adam, matrices = [], {}
    variables = _variables(parameters)
    for word in excluded:
        if word != "embedding" and not any(word in _layer(path) for path in variables):
            raise UnsupportedError(f"exclude_layers: no layer is called {quoted(word)}")
    for path, names in variables.items():
        weight = parameters[names[0]]
        if len(weight.origin) == 2 and not is_excluded(excluded, path):
            matrices.update({name: parameters[name] for name in names})
        elif len(weight.shape) == 2:
            adam.append(parameter_of(names[0]))
    said = [f"adam=[{', '.join(adam)}]"] if adam else []
    return said + _joined(matrices) + _shaped(matrices)


def is_excluded(words: tuple[str, ...], path: str) -> bool:
    """Whether Keras finds one of the words in a variable's path.

    The file tells the layers by their names, but their parts by attributes, of which Keras' paths
    know nothing.
    """
    if "embedding" in words and "embedding" in path.lower():
        return True
    found = [word for word in words if word in path]
    unsure = [word for word in found if word not in _layer(path)]
    if unsure and len(unsure) == len(found):
        raise UnsupportedError(
            f"exclude_layers: {quoted(unsure[0])} must be found in the name of a layer, not in "
            f"{quoted(path)} elsewhere"
        )
    return bool(found)


def _layer(path: str) -> str:
    """The name of the layer that a variable belongs to."""
    parts = path.split("/")
    return parts[1] if parts[0] == "layers" and len(parts) > 1 else parts[0]


def _shaped(parameters: Parameters) -> list[str]:
    """How parameters look in Keras, where the axes are not the same or those of a transposition."""
    found = []
    for path, names in _variables(parameters).items():
        weight = parameters[names[0]]
        ranks = (len(weight.shape), len(weight.origin))
        if len(names) > 1 or ranks == (2, 2) or max(ranks) < 2:
            continue
        change = _to_keras(weight)
        if change is None:
            raise UnsupportedError(
                f"{quoted(path)} lies in PyTorch in such a way that its optimizer can't follow it"
            )
        if change != "w":
            found.append(f"{parameter_of(names[0])}: lambda w: {change}")
    return [f"shaped={{{', '.join(found)}}}"] if found else []


def _to_keras(weight: Weight) -> str | None:
    """An expression that shows ``w`` with Keras' axes, or None where there is none.

    Along an axis the entries may be in another order than Keras', for means don't mind.
    """
    groups = [_axes_along(weight, dimension) for dimension in range(len(weight.shape))]
    order = [axis for group in groups for axis in group or ()]
    wide = [axis for axis, size in enumerate(weight.origin) if size > 1]
    if None in groups or sorted(order) != wide:
        return None
    change = "w"
    if any(len(group or ()) > 1 for group in groups):
        change += f".view({', '.join(str(weight.origin[axis]) for axis in order)})"
    elif len(order) < len(groups):
        change += ".squeeze()"
    if order != wide:
        change += f".permute({', '.join(str(order.index(axis)) for axis in wide)})"
    narrow = [axis for axis, size in enumerate(weight.origin) if size == 1]
    return change + "".join(f".unsqueeze({axis})" for axis in narrow)


def _axes_along(weight: Weight, dimension: int) -> list[int] | None:
    """Keras' axes that a dimension of the parameter runs through, the slowest first."""
    first = tuple(slice(None) if d == dimension else 0 for d in range(len(weight.shape)))
    along = {}
    for axis, size in enumerate(weight.origin):
        places = np.arange(size).reshape(
            [-1 if a == axis else 1 for a in range(len(weight.origin))]
        )
        moved = weight.with_values(partial(np.broadcast_to, places, weight.origin), places.dtype)
        line = moved.array()[first]
        if np.ptp(line) > 0:
            along[axis] = line
    ordered = sorted(along, key=lambda axis: int(np.count_nonzero(np.diff(along[axis]))))
    stride = weight.shape[dimension]
    for axis in ordered:
        size = weight.origin[axis]
        stride //= size
        if len(ordered) > 1:
            expected = np.arange(weight.shape[dimension]) // max(stride, 1) % size
            if not np.array_equal(along[axis], expected):
                return None
    return ordered
