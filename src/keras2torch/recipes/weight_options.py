"""Regularizers and constraints as lines of ``train.py``, one for each parameter that a variable of
Keras' has become."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from keras2torch.errors import ConfigError, UnsupportedError
from keras2torch.ir.program import WeightOption
from keras2torch.ir.weights import Weight
from keras2torch.recipes.along import AlongAxes
from keras2torch.recipes.call import Call
from keras2torch.recipes.parameter import parameter_of
from keras2torch.recipes.regularizers import Norms
from keras2torch.recipes.table import call_of


@dataclass(frozen=True)
class Line:
    """``expression``, of the parameters of ``model``; ``option`` is what it follows, a comment, and
    ``helpers`` the definitions that it needs."""

    expression: str
    option: str
    helpers: frozenset[str]


def penalties(
    options: Iterable[WeightOption], weights: Mapping[str, Weight], backend: str
) -> list[Line]:
    """What each regularizer adds to the loss; ``weights`` are the trained parameters by name.

    Raises:
        ModelError: a regularizer that can't be followed.
    """
    return _lines("regularizer", options, weights, backend)


def constraints(
    options: Iterable[WeightOption], weights: Mapping[str, Weight], backend: str
) -> list[Line]:
    """What each constraint does behind an update, a statement.

    Raises:
        ModelError: a constraint that can't be followed.
    """
    return _lines("constraint", options, weights, backend)


def _lines(
    kind: str, options: Iterable[WeightOption], weights: Mapping[str, Weight], backend: str
) -> list[Line]:
    parts: dict[str, dict[str, Weight]] = defaultdict(dict)
    for name, weight in weights.items():
        if weight.keras is not None:
            parts[weight.keras][name] = weight
    lines: list[Line] = []
    for option in options:
        if option.kind != kind:
            continue
        call = call_of(option.kind, option.value, option.where, backend)
        if isinstance(call, Norms) and not call.options:
            continue  # all its factors are 0
        lines += _written(option, call, parts[option.variable])
    return lines


def _written(option: WeightOption, call: Call, parts: Mapping[str, Weight]) -> list[Line]:
    """A line for each parameter that the variable has become."""
    sizes = sum(weight.size for weight in parts.values())
    whole = {prod(weight.origin) for weight in parts.values()} == {sizes}
    if not whole or not all(weight.moved for weight in parts.values()):
        raise UnsupportedError(f"{option.where}: its variable is not a parameter as it is")
    calls = [call] * len(parts)
    if isinstance(call, AlongAxes):
        calls = [
            replace(call, options={**call.options, "dim": dims[0] if len(dims) == 1 else dims})
            for dims in _dims(call, list(parts.values()), option.where)
        ]
    helpers = frozenset(call.helpers())
    return [
        Line(each.source(parameter_of(name)), option.option, helpers)
        for name, each in zip(parts, calls, strict=True)
    ]


def _dims(call: AlongAxes, parts: Sequence[Weight], where: str) -> list[tuple[int, ...]]:
    """The dimensions of each parameter that are these axes of Keras' variable.

    Found by what happens to numbers that are the same along the axes, and nowhere else.
    """
    origin = parts[0].origin
    rank = len(origin)
    axes = range(rank) if call.axes is None else call.axes
    if call.rank not in (None, rank) or not all(-rank <= axis < rank for axis in axes):
        raise ConfigError(f"{where}: is not for a variable of shape {origin}")
    reduced = {axis % rank for axis in axes}
    kept = [1 if axis in reduced else size for axis, size in enumerate(origin)]
    numbers = np.arange(prod(kept)).reshape(kept)
    whole = np.broadcast_to(numbers, origin)
    found, seen = [], 0
    for weight in parts:
        placed = weight.with_values(lambda: whole, numbers.dtype).array()
        dims = _constant_along(placed)
        single = tuple(dim for dim, size in enumerate(placed.shape) if size == 1)
        groups = placed[tuple(0 if d in dims else slice(None) for d in range(placed.ndim))]
        seen += groups.size
        whole_groups = np.unique(groups).size == groups.size and bool(dims or single)
        found.append(dims or single[:1])
        if not whole_groups:
            break
    if seen != numbers.size or not whole_groups:
        became = f"{len(parts)} parameters" if len(parts) > 1 else f"a parameter ({parts[0].how})"
        raise UnsupportedError(
            f"{where}: axis {call.axes} of Keras' variable, which became {became}, is no axis there"
        )
    return found


def _constant_along(array: np.ndarray[tuple[int, ...], np.dtype[np.int_]]) -> tuple[int, ...]:
    """The dimensions along which nothing changes, but those of size 1."""
    return tuple(
        dim
        for dim, size in enumerate(array.shape)
        if size > 1 and bool((array == array.take([0], axis=dim)).all())
    )


def attribute(name: str, model: str = "model") -> str:
    """A module's name as an expression: ``blocks.0.penalty`` is ``model.blocks[0].penalty``."""
    parts = [f"[{part}]" if part.isdecimal() else f".{part}" for part in name.split(".")]
    return model + "".join(parts)
