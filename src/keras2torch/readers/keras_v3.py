"""Keras 3's ``.keras``: config.json, metadata.json, model.weights.h5 and assets, zipped or not.

The weights may be split over several files; then ``model.weights.json`` tells which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from keras2torch.errors import ConfigError, FormatError, quoted
from keras2torch.readers import hdf5, strict_json
from keras2torch.readers.archive import Archive
from keras2torch.readers.folder import Folder
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.mapped import sha256
from keras2torch.readers.saved import Group, Saved, Variable
from keras2torch.readers.shards import Shards, read_shards

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
SHARDS = "model.weights.json"
ASSETS = "assets/"
SCALED = "inner_optimizer"  # of a LossScaleOptimizer
VARIABLE_NAMES = frozenset(["idf_weights"])  # all that Keras stores under names
Stored = hdf5.Group | Shards
Assets = Mapping[str, Mapping[str, Callable[[], bytes]]]


def read(path: Path) -> Saved:
    """Read a ``.keras`` file or its folder; weights stay in it until they are asked for."""
    archive = Folder(path) if path.is_dir() else Archive(path)
    try:
        weights = SHARDS if SHARDS in archive.names() else WEIGHTS
        missing = [name for name in (CONFIG, weights) if name not in archive.names()]
        if missing:
            raise FormatError(f"{quoted(path)} holds no {' and no '.join(missing)}")
        model = strict_json.parse(
            archive.read(CONFIG, LIMITS.config_bytes), CONFIG, LIMITS.config_bytes
        )
        root = _root(archive)
        return Saved(
            path=path,
            sha256=sha256(path / weights if path.is_dir() else path),
            keras_version=_version(archive),
            model=model,
            weights=group_of(root, "", _assets(archive)),
            compile_config=_compile_config(model),
            optimizer=_optimizer(root),
            close=archive.close,
            drop_pages=archive.drop_pages,
            optimizer_scaled="optimizer" in root and SCALED in root.group("optimizer"),
        )
    except BaseException:
        archive.close()
        raise


def _root(archive: Archive | Folder) -> Stored:
    """The outermost group of the weights, whole or split."""

    def view(name: str) -> memoryview:
        return archive.view(name, LIMITS.total_tensor_bytes)

    if SHARDS in archive.names():
        return read_shards(archive.read(SHARDS, LIMITS.config_bytes), SHARDS, view)
    return hdf5.File(view(WEIGHTS), WEIGHTS).root


def _version(archive: Archive | Folder) -> str:
    """Keras' version if the metadata tells a plain one: it is printed, so nothing else may pass."""
    if METADATA not in archive.names():
        return "unknown"
    metadata = strict_json.parse(
        archive.read(METADATA, LIMITS.metadata_bytes), METADATA, LIMITS.metadata_bytes
    )
    version = metadata.get("keras_version")
    plain = isinstance(version, str) and re.fullmatch(r"\d{1,4}(\.\d{1,4}){1,3}", version)
    return str(version) if plain else "unknown"


def _compile_config(model: Mapping[str, Any]) -> Mapping[str, Any] | None:
    compiled = model.get("compile_config")
    if compiled is None or compiled == {}:
        return None
    if not isinstance(compiled, dict):
        raise ConfigError(f"compile_config must be an object, found {quoted(compiled)}")
    return compiled


def _assets(archive: Archive | Folder) -> Assets:
    """How to read the files under ``assets/``: by the path of their Keras object, and by name."""
    found: dict[str, dict[str, Callable[[], bytes]]] = {}
    for member in archive.names():
        if member.startswith(ASSETS):
            path, _, name = member.removeprefix(ASSETS).rpartition("/")
            found.setdefault(path, {})[name] = partial(archive.read, member, LIMITS.asset_bytes)
    return found


def group_of(stored: Stored, path: str, assets: Assets | None = None) -> Group:
    """A saved object: its own variables in ``vars``, by number or name; other groups are parts."""
    children: dict[str, Group] = {}
    variables: tuple[Variable, ...] = ()
    named: dict[str, Variable] = {}
    name = None
    for key in stored.keys():  # noqa: SIM118 - a Group is no mapping
        if key == "vars":
            own = stored.group(key)
            if VARIABLE_NAMES.issuperset(own.keys()):
                named = {key: own.dataset(key) for key in own.keys()}  # noqa: SIM118
            else:
                variables = _numbered(own)
            said = own.attributes().get("name")
            name = said if isinstance(said, str) else None
        elif key != "optimizer" or path:
            children[key] = group_of(stored.group(key), f"{path}/{key}".lstrip("/"), assets)
    beside = (assets or {}).get(path, {})
    return Group(path, variables, children, name, named=named, assets=beside)


def _numbered(own: Stored) -> tuple[Variable, ...]:
    """The variables in the order of their numbers; Keras calls them 0, 1, 2, …"""
    keys = own.keys()
    if sorted(keys) != sorted(str(number) for number in range(len(keys))):
        raise FormatError(f"{WEIGHTS}: variables must be numbered from 0, found {quoted(keys)}")
    return tuple(own.dataset(str(number)) for number in range(len(keys)))


def _optimizer(root: Stored) -> tuple[Variable, ...]:
    """The optimizer's variables: iterations, learning rate, then the slots of each variable."""
    if "optimizer" not in root or "vars" not in root.group("optimizer"):
        return ()
    return _numbered(root.group("optimizer").group("vars"))
