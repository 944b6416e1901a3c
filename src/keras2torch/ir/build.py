"""From a saved description to a Graph: Sequential and Functional models, nested to any depth."""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping, Sequence
from typing import Any

from keras2torch.errors import ConfigError, UnsupportedError, WeightsError, quoted
from keras2torch.ir.arguments import argument_of, ref_of
from keras2torch.ir.graph import Call, Graph, Layer, Ref, Shape, leaves
from keras2torch.ir.named_weights import groups_by_name
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.saved import Group

MODEL_CLASSES = ("Functional", "Model", "Sequential")
# Keras stores weights under the class's own name, which is another than the public one.
OWN_NAMES = {"GroupQueryAttention": "GroupedQueryAttention"}


def graph_of(model: Mapping[str, Any], weights: Group) -> Graph:
    """The graph of a saved model.

    Raises:
        ConfigError: the description is none that Keras writes.
        UnsupportedError: the model is a class of the user's own.
        WeightsError: the weights belong to another model.
    """
    return _model(model, weights, depth=0)


def _model(model: Mapping[str, Any], weights: Group, depth: int) -> Graph:
    if depth > LIMITS.nesting:
        raise ConfigError(f"models are nested deeper than {LIMITS.nesting} levels")
    class_name = model.get("class_name")
    if class_name not in MODEL_CLASSES or not is_keras(model):
        raise UnsupportedError(
            f"the model is of class {quoted(class_name)}: only Sequential and Functional models "
            "can be ported from the file alone"
        )
    config = model.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        raise ConfigError(f"{class_name}: its config must hold a list of layers")
    if len(config["layers"]) > LIMITS.layers:
        raise ConfigError(f"{class_name}: more than {LIMITS.layers} layers")
    name = _text(config.get("name"), "a model's name")
    if class_name == "Sequential":
        return _sequential(name, config, weights, depth)
    return _functional(name, config, weights, depth)


def _sequential(name: str, config: Mapping[str, Any], weights: Group, depth: int) -> Graph:
    """A chain. Its InputLayer is not stored among the layers that have weights."""
    entries = [_entry(entry) for entry in config["layers"]]
    shape = config.get("build_input_shape")
    if not entries or entries[0]["class_name"] != "InputLayer":
        if shape is None:
            raise UnsupportedError(
                f"model {quoted(name)} was saved before it was built: its input shape is unknown"
            )
        entries.insert(0, _input_entry(shape))
    groups = _stored_groups([e for e in entries if e["class_name"] != "InputLayer"], weights)
    layers: dict[str, Layer] = {}
    calls = []
    previous: Ref | None = None
    for entry in entries:
        layer = _layer(entry, groups, depth)
        if layer.name in layers:
            raise ConfigError(f"model {quoted(name)}: two layers are called {quoted(layer.name)}")
        layers[layer.name] = layer
        calls.append(Call(layer.name, 0, () if previous is None else (previous,), {}))
        previous = Ref(layer.name, 0, 0)
    return Graph(
        name,
        "Sequential",
        layers,
        tuple(calls),
        inputs=Ref(calls[0].layer, 0, 0),
        outputs=previous,
        unused=_unused(groups, weights),
        trainable=config.get("trainable") is not False,
    )


def _functional(name: str, config: Mapping[str, Any], weights: Group, depth: int) -> Graph:
    entries = [_entry(entry) for entry in config["layers"]]
    groups = _stored_groups([e for e in entries if not _is_op(e)], weights)
    layers: dict[str, Layer] = {}
    calls: list[Call] = []
    recorded: dict[Ref, tuple[Shape, str]] = {}
    for entry in entries:
        layer = _layer(entry, groups, depth)
        if layer.name in layers:
            raise ConfigError(f"model {quoted(name)}: two layers are called {quoted(layer.name)}")
        layers[layer.name] = layer
        nodes = entry.get("inbound_nodes")
        if not isinstance(nodes, list):
            raise ConfigError(f"{layer.where}: inbound_nodes must be a list")
        if layer.class_name == "InputLayer":
            nodes = [{"args": [], "kwargs": {}}]
        for number, node in enumerate(nodes):
            if not isinstance(node, dict) or not isinstance(node.get("kwargs"), dict):
                raise UnsupportedError(f"{layer.where}: a call in Keras 2's notation")
            if not isinstance(node.get("args"), list):
                raise ConfigError(f"{layer.where}: the arguments of a call must be a list")
            args = tuple(argument_of(a, recorded, layer.where) for a in node["args"])
            kwargs = {
                _text(key, "an argument's name"): argument_of(a, recorded, layer.where)
                for key, a in node["kwargs"].items()
            }
            calls.append(Call(layer.name, number, args, kwargs))
    inputs = _border(config.get("input_layers"), layers, name)
    outputs = _border(config.get("output_layers"), layers, name)
    if not list(leaves(outputs)):
        raise ConfigError(f"model {quoted(name)} has no outputs")
    if len(calls) > LIMITS.layers:
        raise ConfigError(f"model {quoted(name)}: more than {LIMITS.layers} calls")
    ordered = _in_running_order(calls, name)
    unused = _unused(groups, weights)
    trainable = config.get("trainable") is not False
    return Graph(name, "Functional", layers, ordered, inputs, outputs, recorded, unused, trainable)


def _entry(entry: object) -> dict[str, Any]:
    """One layer of a model's config, with the parts that every layer has."""
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
        raise ConfigError(f"a layer must be an object with a config, found {quoted(entry)}")
    _text(entry.get("class_name"), "a layer's class_name")
    return entry


def _input_entry(shape: object) -> dict[str, Any]:
    config = {"batch_shape": shape, "dtype": "float32", "name": "inputs"}
    return {"class_name": "InputLayer", "module": "keras.layers", "config": config}


def _layer(entry: Mapping[str, Any], groups: Mapping[str, Group], depth: int) -> Layer:
    config = entry["config"]
    name = _text(entry.get("name", config.get("name")), "a layer's name")
    class_name = entry["class_name"]
    group = groups.get(name, Group(name))
    keras = is_keras(entry)
    nested = keras and class_name in MODEL_CLASSES
    graph = _model(entry, group, depth + 1) if nested else None
    return Layer(name, class_name, config, group, keras, _is_op(entry), graph)


def _is_op(entry: Mapping[str, Any]) -> bool:
    """Whether this is an operation of ``keras.ops``; Keras stores no weights for it."""
    return str(entry.get("module")).startswith(("keras.src.ops.", "keras.src.activations."))


def is_keras(entry: Mapping[str, Any]) -> bool:
    """Whether the class is Keras' own. Text from the file is compared, never imported."""
    module, registered = entry.get("module"), entry.get("registered_name")
    own = isinstance(module, str) and (module == "keras" or module.startswith("keras."))
    return own and registered in (None, entry.get("class_name"))


def _stored_groups(entries: Sequence[Mapping[str, Any]], weights: Group) -> dict[str, Group]:
    """Each layer's stored weights, by the layer's name.

    Keras stores a layer not under its name but under its class in snake case, numbered where a
    class comes again (``dense``, ``dense_1``, …), and notes the layer's name beside it.
    """
    if weights.names is not None:
        return groups_by_name(entries, weights)
    stored = (weights.children or {}).get("layers", Group("layers"))
    counts: dict[str, int] = {}
    groups: dict[str, Group] = {}
    for entry in entries:
        name = str(entry.get("name", entry["config"].get("name")))
        key = snake_case(OWN_NAMES.get(entry["class_name"], entry["class_name"]))
        number = counts.get(key, 0)
        counts[key] = number + 1
        key = f"{key}_{number}" if number else key
        group = (stored.children or {}).get(key, Group(key))
        if group.name not in (None, name):
            raise WeightsError(
                f"the weights in {quoted(group.path)} belong to layer {quoted(group.name)}, "
                f"the config has {quoted(name)} in its place"
            )
        groups[name] = group
    return groups


def _unused(groups: Mapping[str, Group], weights: Group) -> tuple[str, ...]:
    """Stored weights that are no layer's."""
    if weights.names is not None:
        stray = set((weights.children or {}).keys() - groups.keys())
        return tuple(n for n in sorted(stray) if (weights.children or {})[n].count())
    stored = (weights.children or {}).get("layers", Group("layers"))
    return tuple(
        group.path
        for group in (stored.children or {}).values()
        if group.count() and all(group is not known for known in groups.values())
    )


def snake_case(class_name: str) -> str:
    """``BatchNormalization`` → ``batch_normalization``, by the rule Keras names weights with."""
    text = re.sub(r"\W+", "", class_name)
    text = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", text)
    return re.sub("([a-z])([A-Z])", r"\1_\2", text).lower()


def _border(value: Any, layers: Mapping[str, Layer], name: str) -> Any:
    """A model's inputs or outputs. There Keras counts the calls of a nested model from 1."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        ref = ref_of(value, f"model {quoted(name)}")
        if ref.layer not in layers:
            raise ConfigError(f"model {quoted(name)} has no layer {quoted(ref.layer)}")
        if layers[ref.layer].class_name in ("Functional", "Model"):
            return Ref(ref.layer, ref.call - 1, ref.tensor)
        return ref
    if isinstance(value, list):
        return [_border(v, layers, name) for v in value]
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        items = value.get("items")
        return tuple(_border(v, layers, name) for v in (items if isinstance(items, list) else ()))
    if isinstance(value, dict):
        return {_text(k, "an output's name"): _border(v, layers, name) for k, v in value.items()}
    raise ConfigError(
        f"model {quoted(name)}: inputs and outputs name layers, found {quoted(value)}"
    )


def _in_running_order(calls: Sequence[Call], name: str) -> tuple[Call, ...]:
    """The calls sorted so that each comes after those it needs, in the file's order otherwise."""
    needs = {
        (call.layer, call.number): {
            (leaf.layer, leaf.call)
            for leaf in leaves([list(call.args), dict(call.kwargs)])
            if isinstance(leaf, Ref)
        }
        for call in calls
    }
    for (layer, _), needed in needs.items():
        unknown = [source for source in needed if source not in needs]
        if unknown:
            raise ConfigError(
                f"model {quoted(name)}: {quoted(layer)} is called on call {unknown[0][1]} of "
                f"{quoted(unknown[0][0])}, which there is not"
            )
    users: dict[tuple[str, int], list[int]] = {}
    missing: list[int] = []
    for place, call in enumerate(calls):
        needed = needs[call.layer, call.number]
        missing.append(len(needed))
        for source in needed:
            users.setdefault(source, []).append(place)
    ready = [place for place, count in enumerate(missing) if count == 0]
    ordered: list[Call] = []
    while ready:
        call = calls[heapq.heappop(ready)]
        ordered.append(call)
        for place in users.get((call.layer, call.number), ()):
            missing[place] -= 1
            if missing[place] == 0:
                heapq.heappush(ready, place)
    if len(ordered) < len(calls):
        raise ConfigError(f"model {quoted(name)}: its calls go round in a circle")
    return tuple(ordered)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{what} must be text, found {quoted(value)}")
    return value
