"""Keras' dtypes and dtype policies, as configs hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras2torch.errors import ConfigError, UnsupportedError, quoted

FLOATS = ("bfloat16", "float16", "float32", "float64")
HALVES = ("bfloat16", "float16")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
MODES = ("int8", "int4", "float8", "gptq", "awq")
# The pattern that a DTypePolicyMap is most often keyed with: a path and all below it.
_BELOW = "/.*"


@dataclass(frozen=True)
class Policy:
    """What a layer computes in and keeps its variables in.

    ``quantization`` is the mode with its numbers, e.g. ``int4/128``, as Keras writes it.
    """

    compute: str
    variable: str
    quantization: str | None = None

    def __str__(self) -> str:
        mixed = self.compute != self.variable
        name = f"mixed_{self.compute}" if mixed else self.compute
        return f"{self.quantization}_from_{name}" if self.quantization else name

    @property
    def is_floating(self) -> bool:
        return self.compute in FLOATS


def policy_of(value: object, where: str, path: str) -> Policy:
    """The policy that a config's ``dtype`` describes; ``path`` finds the layer in a map of them.

    Raises:
        ConfigError: it is none that Keras writes.
        UnsupportedError: a dtype that no layer is ported in.
    """
    if value is None or isinstance(value, str):
        return _named(value, where)
    if not isinstance(value, Mapping) or not isinstance(value.get("config"), Mapping):
        raise ConfigError(f"{where}: option 'dtype' must be a dtype policy, found {quoted(value)}")
    kind, config = value.get("class_name"), value["config"]
    if kind in ("DTypePolicy", "FloatDTypePolicy"):
        return _named(config.get("name"), where)
    if kind == "DTypePolicyMap":
        return _of_map(config, where, path)
    mode, source = config.get("mode"), config.get("source_name")
    known = ("Quantized", "QuantizedFloat8", "Int4", "GPTQ", "AWQ")
    if kind not in [f"{name}DTypePolicy" for name in known] or not isinstance(mode, str):
        raise UnsupportedError(f"{where}: dtype policy {quoted(kind)} has no exact port yet")
    return _quantized(mode, source, where)


def _named(name: object, where: str) -> Policy:
    if name is None:  # Keras' default, which the file does not tell
        return Policy("float32", "float32")
    if isinstance(name, str) and name.startswith(MODES) and "_from_" in name:
        mode, _, source = name.partition("_from_")
        return _quantized(mode, source, where)
    if name in ("mixed_float16", "mixed_bfloat16"):
        return Policy(str(name).removeprefix("mixed_"), "float32")
    if name in (*FLOATS, *INTEGERS, "bool", "string"):
        return Policy(str(name), str(name))
    raise UnsupportedError(f"{where}: dtype policy {quoted(name)} has no exact port yet")


def _quantized(mode: str, source: object, where: str) -> Policy:
    if not re.fullmatch(r"(int8|int4|float8|gptq|awq)(/-?\d{1,9}){0,2}", mode):
        raise ConfigError(f"{where}: quantization mode {quoted(mode)} is not known")
    base = _named(source, where)
    return Policy(base.compute, base.variable, mode)


def _of_map(config: Mapping[str, Any], where: str, path: str) -> Policy:
    """The policy for ``path``: its own entry, or the one entry whose pattern it fits.

    Patterns are regular expressions in Keras. They come from the file, so only the plain kind is
    read: a path, or all below one.
    """
    entries = config.get("policy_map") or {}
    if not isinstance(entries, Mapping):
        raise ConfigError(f"{where}: a map of dtype policies must be an object")
    default = policy_of(config.get("default_policy"), where, path)
    found = []
    for key, entry in entries.items():
        stem = key.removesuffix(_BELOW) if isinstance(key, str) else key
        if not isinstance(stem, str) or re.search(r"[^\w/ -]", stem):
            raise UnsupportedError(f"{where}: a dtype policy for {quoted(key)} has no exact port")
        below = path.startswith(f"{stem}/") and key != stem
        if key == path:
            return policy_of(entry, where, path)
        if below:
            found.append(entry)
        elif stem.startswith(f"{path}/") and policy_of(entry, where, path) != default:
            raise UnsupportedError(f"{where}: a dtype policy for {quoted(key)} has no exact port")
    if len(found) > 1:
        raise ConfigError(f"{where}: fits several entries of its map of dtype policies")
    return policy_of(found[0], where, path) if found else default


DEFAULT = Policy("float32", "float32")
