"""Arguments of recorded calls: what Keras writes, and what a hostile file may hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from keras2torch import ModelError
from keras2torch.ir.arguments import argument_of
from keras2torch.ir.graph import Constant, Ref


def _read(value: Any) -> Any:
    return argument_of(value, {}, "layer 'x'")


def _array(value: Any, dtype: str = "float32", kind: str = "__numpy__") -> dict[str, Any]:
    return {"class_name": kind, "config": {"value": value, "dtype": dtype}}


def _slice(*parts: Any) -> dict[str, Any]:
    config = dict(zip(("start", "stop", "step"), parts, strict=True))
    return {"class_name": "__slice__", "config": config}


def test_keys_of_an_index() -> None:
    key = [_slice(None, -1, 2), {"class_name": "__ellipsis__", "config": {}}, None, 0]
    assert _read(key) == [slice(None, -1, 2), Ellipsis, None, 0]


def test_tensors_and_tuples() -> None:
    tensor = {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 3], "dtype": "float32", "keras_history": ["a", 0, 1]},
    }
    recorded: dict[Ref, Any] = {}
    items = {"class_name": "__tuple__", "items": [tensor, 2]}
    assert argument_of(items, recorded, "layer 'x'") == (Ref("a", 0, 1), 2)
    assert recorded == {Ref("a", 0, 1): ((None, 3), "float32")}


@pytest.mark.parametrize("kind", ["__numpy__", "__tensor__"])
def test_arrays(kind: str) -> None:
    found = _read(_array([[1, 2], [3, 4]], "int64", kind))
    assert isinstance(found, Constant)
    assert found.array.dtype == np.int64
    assert found.array.tolist() == [[1, 2], [3, 4]]
    assert _read(_array(2.5)).array.shape == ()
    assert _read(_array([])).array.shape == (0,)


@pytest.mark.parametrize(
    "value",
    [
        _array([[1, 2], [3]]),
        _array([[1], 2]),
        _array(["1"]),
        _array([None]),
        _array([300], "int8"),
        _array([1], "object"),
        _array([1], "complex64"),
        _array([[[[[[[[[1]]]]]]]]]),
        {"class_name": "__numpy__", "config": [1]},
        _slice("0", None, None),
        _slice(0.5, None, None),
        {"class_name": "__slice__", "config": None},
        {"class_name": "__tuple__", "items": 3},
        {"class_name": "__keras_tensor__", "config": {"keras_history": ["a", -1, 0]}},
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_no_keras_writes_is_refused(value: Any) -> None:
    with pytest.raises(ModelError, match="layer 'x'"):
        _read(value)
