"""Whole-model HDF5 files: Keras 2's own format, which Keras 3 writes too.

The description stands in the attribute ``model_config``, the weights of each layer under its name
in ``model_weights``. Source: keras/src/legacy/saving/legacy_h5_format.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.errors import ConfigError, FormatError, WeightsError, quoted
from keras2torch.readers import hdf5, strict_json
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.mapped import drop_pages, mapped, sha256
from keras2torch.readers.saved import Group, Saved, Variable

CONFIG = "model_config"
TRAINING = "training_config"
OF_THE_MODEL = "top_level_model_weights"


def read(path: Path) -> Saved:
    """Read a whole-model HDF5 file; weights stay in it until they are asked for."""
    what = quoted(path.name)
    data = mapped(path)
    file = hdf5.File(data, what)
    attributes = file.root.attributes()
    if CONFIG not in attributes:
        raise FormatError(
            f"{what} holds weights and no model: name the JSON of model.to_json() with --config"
        )
    model = _json(attributes, CONFIG, what)
    if "model_weights" not in file.root:
        raise WeightsError(f"{what} holds a model without weights")
    optimizer = _optimizer(file.root, what)
    return Saved(
        path=path,
        sha256=sha256(path),
        keras_version=version_of(attributes),
        model=model,
        weights=group_of(file.root.group("model_weights"), what),
        compile_config=_json(attributes, TRAINING, what) if TRAINING in attributes else None,
        optimizer=tuple(optimizer.values()),
        optimizer_names=tuple(optimizer),
        close=lambda: None,
        drop_pages=lambda: drop_pages(data),
    )


def version_of(attributes: Mapping[str, Any]) -> str:
    """Keras' version, if the file tells a plain one: it is printed, so nothing else may pass."""
    version = attributes.get("keras_version")
    plain = isinstance(version, str) and re.fullmatch(r"\d{1,4}(\.\d{1,4}){1,3}(-tf)?", version)
    return str(version).removesuffix("-tf") if plain else "unknown"


def group_of(stored: hdf5.Group, what: str) -> Group:
    """The weights of every layer, by the layer's name."""
    attributes = stored.attributes()
    names = _texts(attributes, "layer_names", what)
    layers = {name: _layer(stored.group(name), name, what) for name in names}
    if len(layers) < len(names):
        raise WeightsError(f"{what}: a layer is named twice")
    if OF_THE_MODEL in stored and OF_THE_MODEL not in layers:
        own = _layer(stored.group(OF_THE_MODEL), OF_THE_MODEL, what)
        if own.variables:
            raise WeightsError(f"{what}: weights {quoted(own.names)} that are no layer's")
    surplus = {key.partition("/")[0] for key in stored.keys()} - {  # noqa: SIM118 - no mapping
        name.partition("/")[0] for name in (*names, OF_THE_MODEL)
    }
    if surplus:
        raise WeightsError(f"{what}: weights of {quoted(sorted(surplus))}, which is no layer")
    return Group("", children=layers, names=())


def _layer(stored: hdf5.Group, name: str, what: str) -> Group:
    names = _texts(stored.attributes(), "weight_names", what)
    if len(set(names)) < len(names):
        raise WeightsError(f"{what}: layer {quoted(name)} names a weight twice")
    variables: tuple[Variable, ...] = tuple(stored.dataset(weight) for weight in names)
    plain = tuple(weight.removesuffix(":0") for weight in names)
    return Group(name, variables, names=plain)


def _optimizer(root: hdf5.Group, what: str) -> dict[str, Variable]:
    """The optimizer's variables by their names, in its own order."""
    if "optimizer_weights" not in root:
        return {}
    stored = root.group("optimizer_weights")
    names = _texts(stored.attributes(), "weight_names", what)
    if len(set(names)) < len(names):
        raise WeightsError(f"{what}: the optimizer names a variable twice")
    return {name: stored.dataset(name) for name in names}


def _texts(attributes: Mapping[str, Any], key: str, what: str) -> list[str]:
    """A list of names. One too long for an attribute is split: ``key0``, ``key1``, …"""
    parts = [attributes[key]] if key in attributes else []
    if not parts:
        numbered = takewhile(attributes.__contains__, (f"{key}{n}" for n in count()))
        parts = [attributes[part] for part in numbered]
    if not parts:
        raise FormatError(f"{what}: attribute {key} is missing")
    # An empty list is stored as an empty array of numbers.
    names: list[Any] = [name for part in parts for name in np.atleast_1d(part).tolist()]
    if any(not isinstance(name, str) or name.startswith("/") for name in names):
        raise FormatError(f"{what}: {key} must be names, found {quoted(names)}")
    return names


def _json(attributes: Mapping[str, Any], key: str, what: str) -> dict[str, Any]:
    text = attributes[key]
    if not isinstance(text, str):
        raise ConfigError(f"{what}: {key} must be text")
    return strict_json.parse(text.encode(), key, LIMITS.config_bytes)
