"""TensorFlow functions called inside a Keras 2 model, as operations of ``keras.ops``: one table.

Keras 2 recorded ``tf.reshape(x, (-1, 1))`` or ``x[:, 0]`` as a layer ``TFOpLambda`` or
``SlicingOpLambda`` that holds the function's name as text. A name is looked up here and nowhere
else. Source: tf_keras/src/layers/core/tf_op_layer.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras2torch.errors import ConfigError, UnsupportedError, quoted


@dataclass(frozen=True)
class Operation:
    """The class in Keras 3, the names of TensorFlow's arguments that are tensors, in order, and
    the options of Keras' class by the names of TensorFlow's."""

    name: str
    tensors: tuple[str, ...] = ("x",)
    options: tuple[tuple[str, str], ...] = ()


def _binary(name: str) -> Operation:
    return Operation(name, ("x", "y"))


def _reduction(name: str) -> Operation:
    return Operation(name, ("input_tensor",), (("axis", "axis"), ("keepdims", "keepdims")))


OPERATIONS: Mapping[str, Operation] = {
    "__operators__.add": _binary("Add"),
    "math.add": _binary("Add"),
    "math.subtract": _binary("Subtract"),
    "math.multiply": _binary("Multiply"),
    "math.divide": _binary("TrueDivide"),
    "math.truediv": _binary("TrueDivide"),
    "math.floordiv": _binary("FloorDivide"),
    "math.pow": _binary("Power"),
    "math.maximum": _binary("Maximum"),
    "math.minimum": _binary("Minimum"),
    "math.equal": _binary("Equal"),
    "math.not_equal": _binary("NotEqual"),
    "math.greater": _binary("Greater"),
    "math.greater_equal": _binary("GreaterEqual"),
    "math.less": _binary("Less"),
    "math.less_equal": _binary("LessEqual"),
    "math.logical_and": _binary("LogicalAnd"),
    "math.logical_or": _binary("LogicalOr"),
    "math.logical_not": Operation("LogicalNot"),
    "math.abs": Operation("Absolute"),
    "math.negative": Operation("Negative"),
    "math.exp": Operation("Exp"),
    "math.log": Operation("Log"),
    "math.log1p": Operation("Log1p"),
    "math.sqrt": Operation("Sqrt"),
    "math.rsqrt": Operation("Rsqrt"),
    "math.square": Operation("Square"),
    "math.sign": Operation("Sign"),
    "math.floor": Operation("Floor"),
    "math.ceil": Operation("Ceil"),
    "math.sin": Operation("Sin"),
    "math.cos": Operation("Cos"),
    "math.sigmoid": Operation("Sigmoid"),
    "math.tanh": Operation("Tanh"),
    "math.softplus": Operation("Softplus", ("features",)),
    "nn.sigmoid": Operation("Sigmoid"),
    "nn.tanh": Operation("Tanh"),
    "nn.relu": Operation("Relu", ("features",)),
    "nn.relu6": Operation("Relu6", ("features",)),
    "nn.elu": Operation("Elu", ("features",)),
    "nn.selu": Operation("Selu", ("features",)),
    "nn.silu": Operation("Silu", ("features",)),
    "nn.softplus": Operation("Softplus", ("features",)),
    "nn.softmax": Operation("Softmax", ("logits",), (("axis", "axis"),)),
    "math.reduce_sum": _reduction("Sum"),
    "math.reduce_mean": _reduction("Mean"),
    "math.reduce_max": _reduction("Max"),
    "math.reduce_min": _reduction("Min"),
    "math.reduce_prod": _reduction("Prod"),
    "math.reduce_any": _reduction("Any"),
    "math.reduce_all": _reduction("All"),
    "reshape": Operation("Reshape", ("tensor",), (("shape", "newshape"),)),
    "transpose": Operation("Transpose", ("a",), (("perm", "axes"),)),
    "expand_dims": Operation("ExpandDims", ("input",), (("axis", "axis"),)),
    "squeeze": Operation("Squeeze", ("input",), (("axis", "axis"),)),
    "tile": Operation("Tile", ("input",), (("multiples", "repeats"),)),
    "concat": Operation("Concatenate", ("values",), (("axis", "axis"),)),
    "stack": Operation("Stack", ("values",), (("axis", "axis"),)),
    "cast": Operation("Cast", ("x",), (("dtype", "dtype"),)),
    "linalg.matmul": Operation("Matmul", ("a", "b")),
    "clip_by_value": Operation(
        "Clip", ("t",), (("clip_value_min", "x_min"), ("clip_value_max", "x_max"))
    ),
    "zeros_like": Operation("ZerosLike", ("input",), (("dtype", "dtype"),)),
    "ones_like": Operation("OnesLike", ("input",), (("dtype", "dtype"),)),
    "where": Operation("Where", ("condition", "x", "y")),
}
# Arguments that change nothing as long as they have these values.
USUAL: Mapping[str, tuple[Any, ...]] = {
    "name": (None,),
    "conjugate": (False,),
    "transpose_a": (False,),
    "transpose_b": (False,),
    "adjoint_a": (False,),
    "adjoint_b": (False,),
    "a_is_sparse": (False,),
    "b_is_sparse": (False,),
    "output_type": (None,),
}


def operation(
    layer: dict[str, Any], tensors: list[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Turn the layer's entry into that of an operation; returns the call's arguments.

    Raises:
        UnsupportedError: a function that is not in the table, or an argument of it.
    """
    name, config = layer.get("name"), layer["config"]
    where = f"layer {quoted(name)}"
    layer |= {"module": "keras.src.ops.numpy", "config": {"name": config.get("name", name)}}
    if layer["class_name"] == "SlicingOpLambda":
        layer["class_name"] = "GetItem"
        return [*tensors, _key(kwargs.get("slice_spec"), where)], {}
    function = config.get("function")
    known = OPERATIONS.get(function) if isinstance(function, str) else None
    if known is None:
        raise UnsupportedError(f"{where}: TensorFlow's function {quoted(function)} has no port yet")
    layer["class_name"] = known.name
    left = dict(kwargs)
    # The first tensor stands before the keyword arguments; a list of tensors is one argument.
    args = [tensors if known.tensors == ("values",) else tensors[0]]
    args += [left.pop(key) for key in known.tensors[1:] if key in left]
    if len(args) != len(known.tensors):
        raise UnsupportedError(f"{where}: {quoted(function)} with {len(args)} tensors")
    for key, option in known.options:
        if key in left:
            layer["config"][option] = left.pop(key)
    strange = {key: value for key, value in left.items() if value not in USUAL.get(key, ())}
    if strange:
        raise UnsupportedError(f"{where}: {quoted(function)} with {quoted(strange)}")
    return args, {}


def _key(spec: Any, where: str) -> dict[str, Any]:
    """The key of ``x[key]`` as Keras 3 writes it."""
    if not isinstance(spec, list):
        raise ConfigError(f"{where}: slice_spec must be a list")
    parts: list[Any] = []
    for part in spec:
        if isinstance(part, dict) and set(part) == {"start", "stop", "step"}:
            parts.append({"class_name": "__slice__", "config": part})
        elif isinstance(part, dict) and part.get("type") == "Ellipsis":
            parts.append({"class_name": "__ellipsis__", "config": {}})
        elif part is None or type(part) is int:
            parts.append(part)
        else:
            raise UnsupportedError(f"{where}: an index by {quoted(part)}")
    return {"class_name": "__tuple__", "items": parts}
