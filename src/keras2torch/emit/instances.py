"""Every object that the emitted model consists of: where its weights and its values are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keras2torch.emit.forward import Forward
from keras2torch.ir.dtypes import FLOATS
from keras2torch.ir.program import Model, Module, Tensor, Traced
from keras2torch.ir.weights import Weight

Attributes = Mapping[Model, Mapping[Module, str]]


@dataclass(frozen=True)
class Instance:
    """An object with a class of the emitted file: its path from the whole model (``""``), its
    class, and what of Keras' layers is seen in its forward."""

    path: str
    model: Model
    traced: Iterable[Traced]


def instances(model: Model, attributes: Attributes) -> Iterable[Instance]:
    """The whole model, then what is inside, in PyTorch's order of modules."""
    return (found for found in _walk(model, None, "", attributes) if isinstance(found, Instance))


def state(model: Model, attributes: Attributes) -> Iterable[tuple[str, tuple[Module, str, Weight]]]:
    """Every tensor of the state dict, in PyTorch's order of modules."""
    for path, module in modules(model, attributes):
        for key, weight in {**module.parameters, **module.buffers}.items():
            yield f"{path}.{key}".removesuffix("."), (module, key, weight)


def modules(model: Model, attributes: Attributes) -> Iterable[tuple[str, Module]]:
    """Every module that is no model, by its path."""
    return (found for found in _walk(model, None, "", attributes) if isinstance(found, tuple))


def origins(model: Model, attributes: Attributes) -> Iterable[tuple[str, str]]:
    """The path of every module, and that of the Keras layer it stands for."""
    prefixes: dict[str, str] = {}
    for found in _walk(model, None, "", attributes):
        if isinstance(found, Instance):
            prefixes[found.path] = found.model.path
        else:
            path, module = found
            around = path
            while around not in prefixes:
                around = around.rpartition(".")[0]
            yield path, f"{prefixes[around]}{module.layer}"


def _walk(
    model: Model, instance: Module | None, path: str, attributes: Attributes
) -> Iterable[Instance | tuple[str, Module]]:
    is_block = instance is not None and instance.parts is not None
    yield Instance(path, model, instance.traced if instance and is_block else model.traced)
    pairs = instance.within() if instance else [(m, m) for m in model.modules]
    for own, here in pairs:
        name = attributes[model][own]
        yield from _inside(here, f"{path}.{name}" if path else name, attributes)


def _inside(
    module: Module, path: str, attributes: Attributes
) -> Iterable[Instance | tuple[str, Module]]:
    if module.model is not None:
        yield from _walk(module.model, module, path, attributes)
        return
    yield path, module
    for number, part in enumerate(module.parts or ()):
        if part is not None:
            yield from _inside(part, f"{path}.{number}", attributes)


def traces(
    found: Iterable[Instance], names: Mapping[Model, str], forwards: Mapping[Model, Forward]
) -> list[dict[str, Any]]:
    """Where the outputs of each call of a Keras layer can be seen: in the forward of which class,
    run by which module."""
    return [
        {
            "layer": traced.layer,
            "call": traced.call,
            "class": names[instance.model],
            **({} if method == "forward" else {"method": method}),
            "module": instance.path,
            "outputs": outputs,
        }
        for instance in found
        for traced in instance.traced
        for method, forward in _methods(forwards[instance.model])
        if any(outputs := [_seen(t, forward) for t in traced.outputs])
    ]


def _methods(forward: Forward) -> list[tuple[str, Forward]]:
    """The methods that a forward pass consists of, by name."""
    if forward.head is None:
        return [("forward", forward)]
    return [("logits", forward), ("forward", forward.head)]


def _seen(tensor: Tensor, forward: Forward) -> dict[str, Any] | None:
    """After which line of ``forward`` a tensor can be seen, under which name, and in which order;
    None where nothing uses it, so that it is not made."""
    place = forward.places.get(tensor.value)
    if place is None:
        return None
    entry: dict[str, Any] = {"line": place[0], "name": place[1]}
    if tensor.dtype in FLOATS and tensor.dtype != "float32":
        entry["dtype"] = tensor.dtype
    if tensor.order is not None:
        entry["order"] = list(tensor.order)
    if tensor.flat is not None:
        entry["flat"] = [list(tensor.flat[0]), list(tensor.flat[1])]
    return entry
