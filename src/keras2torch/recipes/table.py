"""The registry of recipes: one table per kind, each entry a mapping with its examples."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call

Kind = Literal["optimizer", "loss", "metric", "schedule", "regularizer", "constraint", "callback"]
# Gets the options and the backend whose arithmetic is followed: "tensorflow" or "jax".
Mapped = Callable[[Config, str], Call]


@dataclass(frozen=True)
class Recipe:
    """How one Keras class is written.

    ``names`` are what Keras calls it, the class first, then the short names that ``compile()``
    takes (``adam``, ``mse``). ``examples`` are configs as Keras saves them, each of which the
    tests build in Keras.
    """

    kind: Kind
    names: tuple[str, ...]
    function: Mapped
    examples: tuple[Mapping[str, Any], ...]


PACKAGES = ("keras", "tf_keras", "builtins")  # where Keras says that its own things come from
WAY_OUT = "use one of Keras' before saving, and put yours in its place in train.py"
RECIPES: dict[tuple[Kind, str], Recipe] = {}


def recipe(
    kind: Kind, *names: str, examples: Sequence[Mapping[str, Any]] = ({},)
) -> Callable[[Mapped], Mapped]:
    """Register a mapping under what Keras calls it."""

    def register(function: Mapped) -> Mapped:
        made = Recipe(kind, names, function, tuple(examples))
        for name in names:
            if (kind, name) in RECIPES:
                raise ValueError(f"two recipes for {kind} {name}")
            RECIPES[kind, name] = made
        return function

    return register


@functools.cache
def _load() -> None:
    package = importlib.import_module("keras2torch.recipes")
    for file in pkgutil.walk_packages(package.__path__, "keras2torch.recipes."):
        importlib.import_module(file.name)


def all_recipes(kind: Kind) -> list[Recipe]:
    """Every recipe of a kind, by its class name."""
    _load()
    found = {entry.names[0]: entry for (of, _), entry in RECIPES.items() if of == kind}
    return [found[name] for name in sorted(found)]


def find(kind: Kind, name: str, where: str) -> Recipe:
    """The recipe of a Keras class or short name; ``where`` names the object in the error."""
    _load()
    if (kind, name) not in RECIPES:
        raise UnsupportedError(
            f"{where}: {kind} {quoted(name)} can't be trained in PyTorch yet: {WAY_OUT}"
        )
    return RECIPES[kind, name]


def call_of(kind: Kind, value: Any, where: str, backend: str) -> Call:
    """The call for an object as Keras saves it: a name, or ``class_name`` with its ``config``.

    Raises:
        ConfigError: it is spelt in no way that Keras would.
        UnsupportedError: a class, or an option of it, that can't be followed exactly.
    """
    entry, options = opened(kind, value, where)
    call = entry.function(options, backend)
    options.finish()
    return call


def opened(kind: Kind, value: Any, where: str) -> tuple[Recipe, Config]:
    """The recipe for an object as Keras saves it, and the object's options, unread."""
    if isinstance(value, dict):
        registered = value.get("registered_name")
        package = str(value.get("module", "keras")).partition(".")[0]
        if registered not in (None, value.get("class_name")) or package not in PACKAGES:
            name = value.get("class_name") if registered is None else registered
            raise UnsupportedError(f"{where}: {kind} {quoted(name)} is not Keras': {WAY_OUT}")
    if isinstance(value, dict) and value.get("class_name") == "function":
        value = value.get("config")
    name = value.get("class_name") if isinstance(value, dict) else value
    if not isinstance(name, str):
        raise ConfigError(f"{where}: no {kind}: {quoted(value)}")
    options = Config(
        value.get("config") or {} if isinstance(value, dict) else {}, f"{where}, {name}"
    )
    return find(kind, name, where), options
