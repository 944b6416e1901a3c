"""Weights that Keras split over several files: ``….weights.json`` says which holds what.

Source: keras/src/saving/saving_lib.py, ShardedH5IOStore.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from keras2torch.errors import ConfigError, WeightsError, quoted
from keras2torch.readers import hdf5, strict_json
from keras2torch.readers.limits import LIMITS

_SHARD = re.compile(r"[\w.-]{1,200}\.weights\.h5")


class Shards:
    """Groups of several files as one; each of their datasets stands in one of them."""

    def __init__(self, groups: Sequence[hdf5.Group]) -> None:
        self._groups = groups

    def keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for group in self._groups for key in group.keys()))  # noqa: SIM118

    def __contains__(self, key: str) -> bool:
        return any(key in group for group in self._groups)

    def group(self, key: str) -> Shards:
        return Shards([group.group(key) for group in self._groups if key in group])

    def dataset(self, key: str) -> hdf5.Dataset:
        found = [group.dataset(key) for group in self._groups if key in group]
        if len(found) != 1:
            raise WeightsError(f"weight {quoted(key)} stands in {len(found)} files")
        return found[0]

    def attributes(self) -> dict[str, Any]:
        return {k: v for group in self._groups for k, v in group.attributes().items()}


def read_shards(text: bytes, what: str, view: Callable[[str], memoryview]) -> Shards:
    """The files that the map ``text`` names; ``view`` maps one that lies beside it."""
    described = strict_json.parse(text, what, LIMITS.config_bytes)
    places = described.get("weight_map")
    if not isinstance(places, dict):
        raise ConfigError(f"{what}: weight_map must tell which file holds which weights")
    named = [
        name
        for value in places.values()
        for name in (value if isinstance(value, list) else [value])
    ]
    wrong = [n for n in named if not isinstance(n, str) or not _SHARD.fullmatch(n)]
    if wrong:
        raise ConfigError(f"{what}: {quoted(wrong[0])} is no file of weights beside it")
    return Shards([hdf5.File(view(name), quoted(name)).root for name in dict.fromkeys(named)])
