"""The trainable variables of a model in Keras' order, by which its optimizer numbers its own.

Keras goes through a model's layers as the file lists them, a nested model's where it stands among
them, and through each layer's own variables before those of its parts. Every layer comes to be
called first in this order too: the list is sorted by distance from the outputs. So it is the order
in which mappings give parameters to modules.
Sources: keras/src/layers/layer.py (``variables``), keras/src/ops/function.py (``map_graph``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from keras2torch.ir.program import Model, Module
from keras2torch.ir.weights import Weight
from keras2torch.readers.saved import Shape


@dataclass(frozen=True)
class KerasVariable:
    """A trainable variable of Keras', by its path in the file, with its shape there.

    ``parameters`` are those of the state dict that are made of it: for most variables one, for the
    bias of a GRU two.
    """

    path: str
    shape: Shape
    parameters: Mapping[str, Weight]


def variable_order(model: Model) -> list[str]:
    """The paths of all variables that parameters are made of, in Keras' order.

    ``model`` is as the mappings left it: what ``emit/`` folds into blocks is in another order.
    """
    return list(dict.fromkeys(_paths(model)))


def _paths(model: Model) -> Iterator[str]:
    for module in model.modules:
        if module.model is not None:
            yield from _paths(module.model)
        for weight in module.parameters.values():
            if weight.keras is not None:
                yield weight.keras


def trainable_variables(
    order: list[str], weights: Mapping[str, tuple[Module, str, Weight]]
) -> list[KerasVariable]:
    """The trainable ones of ``order`` with the parameters, by name, that are made of each."""
    found: dict[str, dict[str, Weight]] = {}
    for name, (module, key, weight) in weights.items():
        if weight.keras is not None and key in module.parameters and key not in module.frozen:
            found.setdefault(weight.keras, {})[name] = weight
    return [
        KerasVariable(path, next(iter(found[path].values())).origin, found[path])
        for path in order
        if path in found
    ]
