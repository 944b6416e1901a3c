"""TensorFlow SavedModels of Keras 2 models: a folder whose functions are never looked at.

The description is the JSON in ``keras_metadata.pb`` (tf_keras/protobuf/saved_metadata.proto), the
weights are the checkpoint in ``variables``. TensorFlow 2.5 and later write both; without the first
a SavedModel is a program in TensorFlow's own graph language and no Keras model.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from keras2torch.errors import ConfigError, FormatError, UnsupportedError, quoted
from keras2torch.readers import strict_json
from keras2torch.readers.checkpoint import Checkpoint, shard_name
from keras2torch.readers.folder import Folder
from keras2torch.readers.keras_h5 import version_of
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.protobuf import Message
from keras2torch.readers.saved import Group, Saved, Variable

METADATA = "keras_metadata.pb"
INDEX = "variables/variables.index"
_LAYER = re.compile(r"root\.layer(_with_weights)?-\d{1,6}")


def read(path: Path) -> Saved:
    """Read the Keras model in a SavedModel's folder."""
    folder = Folder(path)
    if METADATA not in folder.names():
        raise UnsupportedError(
            f"{quoted(path)} holds no {METADATA}: a SavedModel of TensorFlow functions, not of a "
            "Keras model; save the model itself with model.save('model.keras')"
        )
    metadata = folder.view(METADATA, LIMITS.config_bytes)
    described = _metadata(metadata)
    root = described.get("root")
    if root is None or not isinstance(root.get("config"), dict):
        raise ConfigError(f"{METADATA}: the model has no description; is its class its own?")
    checkpoint = Checkpoint(
        folder.view(INDEX, LIMITS.config_bytes),
        lambda number, count: folder.view(
            f"variables/{shard_name(number, count)}", LIMITS.total_tensor_bytes
        ),
    )
    training = root.get("training_config")
    return Saved(
        path=path,
        sha256=hashlib.sha256(metadata).hexdigest(),
        keras_version=version_of(root),
        model={"class_name": root.get("class_name"), "config": root["config"]},
        weights=_layers(checkpoint, described),
        compile_config=training if isinstance(training, dict) else None,
        optimizer=(),
        optimizer_note="the optimizer's state of a SavedModel is not read",
        close=folder.close,
        drop_pages=folder.drop_pages,
    )


def _metadata(data: memoryview) -> dict[str, dict[str, Any]]:
    """The JSON of the model and of its layers by their paths: ``root``, ``root.layer-2``, …"""
    found: dict[str, dict[str, Any]] = {}
    for node in Message(data, METADATA).messages(1):
        path, text = node.text(3), node.text(5)
        if path == "root" or _LAYER.fullmatch(path):
            if path in found:
                raise FormatError(f"{METADATA}: {quoted(path)} occurs twice")
            found[path] = strict_json.parse(text.encode(), METADATA, LIMITS.config_bytes)
    return found


def _layers(checkpoint: Checkpoint, described: dict[str, dict[str, Any]]) -> Group:
    """The weights of every layer of the outermost model, by the layer's name.

    An object that is a layer keeps all its variables, those of its parts too, in ``variables``;
    saved with ``save_traces=False`` only in the attributes that they are.
    """
    layers: dict[str, Group] = {}
    for path, metadata in described.items():
        if path == "root":
            continue
        name = metadata.get("name")
        if not isinstance(name, str) or name in layers:
            raise FormatError(f"{METADATA}: {quoted(path)} has no name of its own")
        place = path.removeprefix("root.")
        if "variables" in checkpoint.at(place):
            held = checkpoint.at(place, "variables")
            found = [pair for key in sorted(held, key=int) for pair in held[key].tensors.items()]
        else:
            found = list(checkpoint.below(place))
        tensors = dict(found)
        if len(tensors) < len(found):
            raise UnsupportedError(f"layer {quoted(name)}: two weights of one name")
        variables: tuple[Variable, ...] = tuple(tensors.values())
        layers[name] = Group(name, variables, names=tuple(tensors))
    return Group("", children=layers, names=())
