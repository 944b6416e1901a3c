"""Older descriptions of a model in the notation of Keras 3's ``.keras``, which ``build`` reads.

Keras 2 wrote calls as nested lists and other names for a few options; whole-model HDF5 files leave
out the modules of classes. What means the same is written anew here. What meant something else
keeps its meaning: Keras 2's ``hard_sigmoid`` gets a name of its own.
Sources: tf_keras/src/engine/functional.py and node.py; keras/src/legacy/saving.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.ir.cudnn_weights import CLASSES as CUDNN
from keras2torch.ir.keras2_ops import operation
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.saved import Saved
from keras2torch.registry import all_layers

MODEL_CLASSES = ("Functional", "Model", "Sequential")
RECURRENT = (
    *("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"),
    *("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
)
HARD_SIGMOID = "keras2_hard_sigmoid"


def described(saved: Saved) -> Mapping[str, Any]:
    """The saved model's description in Keras 3's notation."""
    keras2 = is_keras2(saved)
    if saved.weights.names is None and not keras2:
        return saved.model
    return _model(_lists(saved.model) if keras2 else saved.model, keras2, 0)


def is_keras2(saved: Saved) -> bool:
    """Whether Keras 2 or an older one saved the model."""
    first, _, _ = saved.keras_version.partition(".")
    if first == "unknown":
        return saved.weights.names is not None and _looks_old(saved.model)
    return first in ("1", "2")


def _lists(value: Any) -> Any:
    """SavedModels tell tuples and shapes from lists; no option of Keras 2 does."""
    if isinstance(value, list):
        return [_lists(v) for v in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
        return _lists(value["items"])
    return {key: _lists(v) for key, v in value.items()}


def _looks_old(model: Mapping[str, Any]) -> bool:
    """Whether a description whose version nobody told calls layers as Keras 2 did."""
    config = model.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    return isinstance(layers, list) and not any(
        isinstance(entry, dict)
        and isinstance(entry.get("config"), dict)
        and isinstance(entry["config"].get("dtype"), dict)
        and entry["config"]["dtype"].get("class_name") == "DTypePolicy"
        for entry in layers
    )


def _model(entry: Mapping[str, Any], keras2: bool, depth: int) -> dict[str, Any]:
    if depth > LIMITS.nesting:
        raise ConfigError(f"models are nested deeper than {LIMITS.nesting} levels")
    config = entry.get("config")
    if isinstance(config, list):  # Keras before 2.2.3
        config = {"name": "sequential", "layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        raise ConfigError("a model's config must hold a list of layers")
    entries = [e for e in config["layers"] if isinstance(e, dict)]
    if len(entries) != len(config["layers"]):
        raise ConfigError("a layer must be an object with a config")
    layers = [_layer(e, keras2, depth) for e in entries]
    if keras2 and entry.get("class_name") == "Sequential":
        layers = _with_input(layers, entries)
    elif keras2:
        own = {_name(layer): _own_first_call(layer) for layer in layers}
        for layer, old in zip(layers, entries, strict=True):
            layer["inbound_nodes"] = _calls(old.get("inbound_nodes"), layer, own)
        config = {
            **config,
            "input_layers": _alone(config.get("input_layers")),
            "output_layers": _outputs(_alone(config.get("output_layers")), layers),
        }
    return {
        **entry,
        "module": "keras",
        "registered_name": None,
        "config": config | {"layers": layers},
    }


def _layer(entry: Mapping[str, Any], keras2: bool, depth: int) -> dict[str, Any]:
    """One layer; what Keras never had stays as it is, for ``build`` to refuse."""
    config, class_name = entry.get("config"), entry.get("class_name")
    if not isinstance(class_name, str):
        raise ConfigError("a layer's class_name must be text")
    if class_name in MODEL_CLASSES:
        return _model(entry, keras2, depth + 1)
    if not isinstance(config, dict):
        raise ConfigError(f"a layer must be an object with a config, found {quoted(entry)}")
    module = entry.get("module")
    if isinstance(module, str) and not module.startswith(("keras", "tf_keras", "tensorflow")):
        return dict(entry)
    if str(entry.get("registered_name") or class_name) != class_name:
        return dict(entry)
    # Of an operation the config has its arguments only, nearly all layers tell this as well.
    is_op = not keras2 and "trainable" not in config
    is_op = is_op and class_name not in (*all_layers(), "InputLayer")
    made = {**entry, "module": "keras.src.ops.numpy" if is_op else "keras.layers"}
    made["registered_name"] = None
    made["class_name"] = CUDNN.get(class_name, class_name)
    if keras2:
        made["config"] = _options(class_name, config)
    return made


def _options(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's options under Keras 3's names."""
    config = {key: _value(key, value) for key, value in config.items()}
    shape = config.pop("batch_input_shape", None)
    if class_name == "InputLayer":
        return config | {"batch_shape": shape if shape is not None else config.get("batch_shape")}
    match class_name:
        case "CuDNNGRU":
            config["reset_after"] = True
        case "GRU" | "GRUCell":
            config.setdefault("reset_after", False)
        case "BatchNormalization" if isinstance(config.get("axis"), list):
            config["axis"] = config["axis"][0] if len(config["axis"]) == 1 else config["axis"]
        case "LeakyReLU" if "alpha" in config:
            config["negative_slope"] = config.pop("alpha")
        case "SeparableConv1D" | "SeparableConv2D" | "DepthwiseConv2D":
            config.pop("groups", None)  # of Conv2D, and not used
            for kind in ("initializer", "regularizer", "constraint"):
                config.pop(f"kernel_{kind}", None)  # of Conv2D; these have two kernels
        case "SpatialDropout1D" | "SpatialDropout2D" | "SpatialDropout3D":
            config.pop("noise_shape", None)  # of Dropout; these make their own
        case "MultiHeadAttention":
            for key in ("query_shape", "key_shape", "value_shape"):
                config.pop(key, None)
            if config.get("softmax_robust_masking") is False:
                del config["softmax_robust_masking"]  # of tf_keras 2.17 and later
        case _:
            pass
    # It swaps two axes of a recurrence's input, and no layer of Keras 3 has it.
    if config.pop("time_major", False):
        raise UnsupportedError(
            f"layer {quoted(config.get('name'))}: time_major=True has no port yet"
        )
    return config


def _value(key: str, value: Any) -> Any:
    """One option's value; layers inside a layer are translated too."""
    if key.endswith("activation"):
        name = value.get("config") if isinstance(value, dict) else value
        if name == "hard_sigmoid":
            return HARD_SIGMOID
        return value
    if key == "dtype" and isinstance(value, dict):
        inner = value.get("config")
        return inner.get("name") if isinstance(inner, dict) else value
    if key in ("layer", "backward_layer", "cell") and isinstance(value, dict):
        return _layer(value, True, 0) if "class_name" in value else value
    if key == "cells" and isinstance(value, list):
        return [_layer(cell, True, 0) if isinstance(cell, dict) else cell for cell in value]
    return value


def _with_input(
    layers: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """A Sequential's layers with an InputLayer first; older files tell its shape in the layer."""
    first = entries[0].get("config") if entries else None
    if not isinstance(first, dict) or layers[0]["class_name"] == "InputLayer":
        return layers
    shape = first.get("batch_input_shape")
    if shape is None:
        return layers
    config = {"batch_shape": shape, "dtype": "float32", "name": f"{_name(layers[0])}_input"}
    entry = {"class_name": "InputLayer", "module": "keras.layers", "config": config}
    return [entry, *layers]


def _name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
    if not isinstance(name, str):
        raise ConfigError(f"a layer's name must be text, found {quoted(name)}")
    return name


def _own_first_call(entry: Mapping[str, Any]) -> int:
    """1 for a model that begins with an InputLayer: in Keras 2 its own making was its call 0."""
    if entry["class_name"] not in MODEL_CLASSES:
        return 0
    layers = entry["config"]["layers"]
    return int(bool(layers) and layers[0].get("class_name") == "InputLayer")


def _calls(nodes: Any, layer: dict[str, Any], own: Mapping[str, int]) -> list[dict[str, Any]]:
    """The calls of a layer: ``[[[layer, call, tensor, kwargs], …], …]`` in Keras 2."""
    if not isinstance(nodes, list):
        raise ConfigError(f"layer {quoted(_name(layer))}: inbound_nodes must be a list")
    calls = []
    for node in nodes:
        if isinstance(node, list) and node and not isinstance(node[0], list):
            node = [node]
        if not isinstance(node, list) or not all(isinstance(part, list) for part in node):
            raise UnsupportedError(f"layer {quoted(_name(layer))}: a call in another notation")
        tensors = [_tensor(part, own) for part in node]
        kwargs = node[0][3] if node and len(node[0]) > 3 and isinstance(node[0][3], dict) else {}
        kwargs = {key: _argument(value, own) for key, value in kwargs.items()}
        calls.append(_call(layer, tensors, kwargs))
    return calls


def _call(layer: dict[str, Any], tensors: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    if layer["class_name"] in ("TFOpLambda", "SlicingOpLambda"):
        args, kwargs = operation(layer, tensors, kwargs)
        return {"args": args, "kwargs": kwargs}
    if layer["class_name"] in RECURRENT and len(tensors) > 1:
        # Initial states were further inputs of the layer.
        return {"args": tensors[:1], "kwargs": kwargs | {"initial_state": tensors[1:]}}
    return {"args": tensors if len(tensors) == 1 else [tensors], "kwargs": kwargs}


def _tensor(part: list[Any], own: Mapping[str, int]) -> Any:
    """A tensor of a call, or a constant in its place."""
    if len(part) >= 3 and part[0] == "_CONSTANT_VALUE":
        return part[2]
    return _history(part[:3], own)


def _history(place: list[Any], own: Mapping[str, int]) -> dict[str, Any]:
    if [type(v) for v in place] == [str, int, int]:
        place = [place[0], place[1] - own.get(place[0], 0), place[2]]
    return {"class_name": "__keras_tensor__", "config": {"keras_history": place}}


def _argument(value: Any, own: Mapping[str, int]) -> Any:
    """A keyword argument; tensors stand in it as ``[layer, call, tensor]``."""
    if isinstance(value, list):
        if [type(v) for v in value[:3]] == [str, int, int] and value[0] in own:
            return _history(value[:3], own)
        return [_argument(v, own) for v in value]
    if isinstance(value, dict):
        return {key: _argument(v, own) for key, v in value.items()}
    return value


def _alone(border: Any) -> Any:
    """Keras 2 wrote one input or output as a list of one, and passed it without the list."""
    one = isinstance(border, list) and len(border) == 1 and isinstance(border[0], list)
    return border[0] if one else border


def _outputs(border: Any, layers: list[dict[str, Any]]) -> Any:
    """A model's outputs as Keras 3 counts their calls: those of a nested Sequential from 0."""
    sequential = {_name(e): _own_first_call(e) for e in layers if e["class_name"] == "Sequential"}

    def place(value: Any) -> Any:
        if isinstance(value, list) and [type(v) for v in value] == [str, int, int]:
            return [value[0], value[1] - sequential.get(value[0], 0), value[2]]
        if isinstance(value, list):
            return [place(v) for v in value]
        if isinstance(value, dict):
            return {key: place(v) for key, v in value.items()}
        return value

    return place(border)
