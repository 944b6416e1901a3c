"""Weights in a file of their own, with the model's description, ``model.to_json()``, in another.

The weights are those of ``model.save_weights()``: Keras 3's, whole or split, or the older kind that
is named by layers.
"""

from __future__ import annotations

from pathlib import Path

from keras2torch.readers import hdf5, keras_h5, keras_v3, strict_json
from keras2torch.readers.folder import Folder
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.mapped import mapped, sha256
from keras2torch.readers.saved import Group, Saved
from keras2torch.readers.shards import read_shards


def read(path: Path, description: Path) -> Saved:
    """Read weights, and the JSON that describes their model."""
    text = bytes(mapped(description)[: LIMITS.config_bytes + 1])
    model = strict_json.parse(text, description.name, LIMITS.config_bytes)
    folder = Folder(path.parent)
    weights = _weights(folder, path.name)
    version = model.get("keras_version")
    if version is None:
        # Keras 3 writes no version here; its layers tell theirs by their modules.
        version = "unknown" if weights.names is not None else "3"
    return Saved(
        path=path,
        sha256=sha256(path),
        keras_version=keras_h5.version_of({"keras_version": version}),
        model=model,
        weights=weights,
        compile_config=None,
        optimizer=(),
        close=folder.close,
        drop_pages=folder.drop_pages,
    )


def _weights(folder: Folder, name: str) -> Group:
    data = folder.view(name, LIMITS.total_tensor_bytes)
    if bytes(data[:1]) == b"{":
        root = read_shards(
            bytes(data[: LIMITS.config_bytes + 1]),
            name,
            lambda shard: folder.view(shard, LIMITS.total_tensor_bytes),
        )
        return keras_v3.group_of(root, "")
    file = hdf5.File(data, name)
    if "layer_names" in file.root.attributes() or "layer_names0" in file.root.attributes():
        return keras_h5.group_of(file.root, name)
    return keras_v3.group_of(file.root, "")
