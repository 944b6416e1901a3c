"""The registry of layer mappings: one decorator, one look-up."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras2torch.errors import UnsupportedError

if TYPE_CHECKING:
    from keras2torch.ir.step import Step

Lower = Callable[..., Any]


@dataclass(frozen=True)
class Integers:
    """An example's input of whole numbers from 0 to ``below - 1``, of this shape without batch."""

    shape: tuple[int | None, ...]
    below: int


@dataclass(frozen=True)
class Example:
    """One configuration of a layer, as plain data: the tests build it in Keras.

    ``inputs`` are shapes without the batch, or Integers; a list of them is passed to the layer as
    a list. ``masked`` inputs of shape (time, features) come from an Embedding whose mask has holes.
    ``call`` are further keyword arguments of the call: shapes of more inputs, or lists of them.
    """

    config: Mapping[str, Any]
    inputs: Any
    masked: bool = False
    call: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class LayerMapping:
    """How one Keras layer is written in PyTorch.

    ``any_order`` mappings take tensors however they lie in memory, others get Keras' order.
    ``keeps_mask`` layers pass the mask of their first input on, others drop it.
    """

    name: str
    function: Lower
    any_order: bool
    keeps_mask: bool
    examples: tuple[Example, ...]

    def lower(self, step: Step, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The outputs of a call; arguments that the mapping does not take are refused."""
        given = {key: value for key, value in kwargs.items() if value is not None}
        try:
            bound = inspect.signature(self.function).bind(step, *args, **given)
        except TypeError as error:
            raise UnsupportedError(f"{step.where}: called in a way not known: {error}") from error
        return self.function(*bound.args, **bound.kwargs)


MAPPINGS: dict[str, LayerMapping] = {}


def example(
    config: Mapping[str, Any],
    inputs: Any,
    *,
    masked: bool = False,
    call: Mapping[str, Any] | None = None,
) -> Example:
    """An example of a layer, see ``Example``."""
    return Example(config, inputs, masked, call)


def layer(
    *names: str,
    examples: Sequence[Example],
    any_order: bool = False,
    keeps_mask: bool = False,
) -> Callable[[Lower], Lower]:
    """Register a mapping under its Keras class name (several, where classes differ in a number
    that the mapping reads from the shape)."""

    def register(function: Lower) -> Lower:
        for name in names:
            if name in MAPPINGS:
                raise ValueError(f"two mappings for {name}")
            MAPPINGS[name] = LayerMapping(name, function, any_order, keeps_mask, tuple(examples))
        return function

    return register
