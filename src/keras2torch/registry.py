"""The registry of mappings: one decorator for layers, one for operations, one look-up.

The files in ``layers/`` and ``ops/`` are found by listing the folders; a new layer is a new file
and nothing else.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.graph import Constant, leaves, map_leaves
from keras2torch.ir.precision import round_parameters
from keras2torch.ir.program import Tensor
from keras2torch.ops.calls import OpCall
from keras2torch.ops.refused import reason

if TYPE_CHECKING:
    from keras2torch.ir.step import Step

Lower = Callable[..., Any]
Masks = Literal["drops", "keeps", "own"]
Training = Literal["exact", "statistical"]
FIRST_ARGUMENTS = ("inputs", "sequences", "sequence", "data", "x")


@dataclass(frozen=True)
class Integers:
    """An example's input of whole numbers from 0 to ``below - 1``, of this shape without batch."""

    shape: tuple[int | None, ...]
    below: int


@dataclass(frozen=True)
class Values:
    """An example's input of strings or whole numbers, drawn from ``values``."""

    shape: tuple[int | None, ...]
    values: tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """One configuration of a layer, as plain data: the tests build it in Keras.

    ``inputs`` are shapes without the batch, Integers or Values; a list of them is passed to the
    layer as a list, a dict of them (or of dicts) as a dict. ``masked`` inputs of shape
    (time, features) come from an Embedding whose mask has holes.
    ``call`` are further keyword arguments of the call: shapes of more inputs, or lists of them.
    ``on_jax`` examples are what TensorFlow can't run on the CPU: Keras on JAX alone tells the
    expected values.
    ``adapt`` is data that the layer is adapted to first, so that its state is stored in the file.
    """

    config: Mapping[str, Any]
    inputs: Any
    masked: bool = False
    call: Mapping[str, Any] | None = None
    on_jax: bool = False
    adapt: Any = None


@dataclass(frozen=True)
class LayerMapping:
    """How one Keras layer is written in PyTorch.

    ``any_order`` mappings take tensors however they lie in memory, others get Keras' order.
    ``masks`` says what becomes of a mask: "drops" it (most layers), "keeps" the first input's, or
    "own": the mapping itself decides. A mapping with an argument ``mask`` gets what the call was
    given for it; for others that replaces the first input's mask. ``training`` says what equal
    means while training: "exact", or "statistical" for layers that draw random numbers, from the
    distributions Keras draws from.
    ``arguments`` names what may follow the first argument of a call, in Keras' order.

    Keras casts a layer's floating inputs to its dtype, unless ``autocast`` is off; ``wide`` layers
    compute in float32 at least. Layers whose dtype may be integers or text read ``step.dtype``
    themselves (``any_dtype``); ``quantized`` ones read the mode of a quantized policy. Most
    layers take no strings, unless ``strings`` says so.
    """

    name: str
    function: Lower
    any_order: bool
    masks: Masks
    examples: tuple[Example, ...]
    training: Training = "exact"
    autocast: bool = True
    wide: bool = False
    any_dtype: bool = False
    quantized: bool = False
    arguments: tuple[str, ...] = ()
    strings: bool = False

    def outputs(self, step: Step, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The outputs of a call in Keras' structure; what the mapping left unread is refused."""

        def in_keras_order(leaf: Any) -> Any:
            return step.keras_order(leaf) if isinstance(leaf, Tensor) else leaf

        def as_tensor(leaf: Any) -> Any:
            return step.constant(leaf) if isinstance(leaf, Constant) else leaf

        args, kwargs = map_leaves(as_tensor, args), map_leaves(as_tensor, kwargs)
        given = [leaf for leaf in leaves([args, kwargs]) if isinstance(leaf, Tensor)]
        if not self.strings and any(tensor.dtype == "string" for tensor in given):
            raise step.unsupported("an input of strings")
        if not args:  # Keras' name of the first argument is another than the mapping's
            named = [name for name in FIRST_ARGUMENTS if name in kwargs]
            args = [kwargs.pop(name) for name in named[:1]]
        kwargs |= dict(zip(self.arguments, args[1:], strict=False))
        args = args[:1] + args[1 + len(self.arguments) :]
        if "mask" not in inspect.signature(self.function).parameters:
            args[:1] = self._masked(step, args[:1], kwargs.pop("mask", None))
        if not self.any_order:
            args = map_leaves(in_keras_order, args)
            kwargs = map_leaves(in_keras_order, kwargs)
        start = len(step.model.statements)
        args, kwargs = self._cast(step, args, kwargs)
        outputs = self._called(step, args, kwargs)
        outputs = step.precision.leaving(step, outputs)
        round_parameters(step, step.model.statements[start:])
        if self.masks != "own":
            first = args[0] if args and self.masks == "keeps" else None
            kept = first.mask if isinstance(first, Tensor) else None
            outputs = map_leaves(lambda tensor: replace(tensor, mask=kept), outputs)
        step.finish()
        return outputs

    def _cast(self, step: Step, args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """The arguments as the layer computes with them."""
        step.begin(self.autocast, self.wide)
        policy = step.precision.policy
        quantized = policy.quantization is not None and not self.quantized
        if quantized or not (policy.is_floating or self.any_dtype):
            raise step.unsupported(f"dtype policy {policy}")
        return step.precision.entering(step, args), step.precision.entering(step, kwargs)

    def _masked(self, step: Step, first: list[Any], mask: Any) -> list[Any]:
        """The first argument with the mask that the call was given, if it was given one."""
        if all(leaf is None for leaf in leaves(mask)):
            mask = None  # several inputs, none of them masked
        step.mask_is_explicit = mask is not None
        if mask is None:
            return first
        if not isinstance(mask, Tensor) or not first or not isinstance(first[0], Tensor):
            raise step.unsupported("a mask argument of this kind")
        return [replace(first[0], mask=step.boolean(mask).value)]

    def _called(self, step: Step, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call the mapping; arguments that it does not take are refused."""
        given = {key: value for key, value in kwargs.items() if value is not None}
        signature = inspect.signature(self.function)
        try:
            bound = signature.bind(step, *args, **given)
        except TypeError as error:
            said = quoted(error, 200)
            raise UnsupportedError(f"{step.where}: called in a way not known: {said}") from error
        for name, parameter in signature.parameters.items():
            needs_tensor = parameter.annotation in (Tensor, "Tensor")
            if needs_tensor and not isinstance(bound.arguments.get(name), Tensor):
                raise UnsupportedError(f"{step.where}: called on what is no tensor")
        return self.function(*bound.args, **bound.kwargs)


@dataclass(frozen=True)
class OpMapping(LayerMapping):
    """How one operation of ``keras.ops`` is written; operations know no masks.

    ``calls`` are examples of it.
    """

    calls: tuple[OpCall, ...] = ()

    def outputs(self, step: Step, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The outputs of a call in Keras' structure; what the mapping left unread is refused."""

        def without_mask(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor):
                return leaf
            return replace(leaf if self.any_order else step.keras_order(leaf), mask=None)

        args, kwargs = map_leaves(without_mask, args), map_leaves(without_mask, kwargs)
        outputs = self._called(step, args, kwargs)
        step.finish()
        return outputs


LAYERS: dict[str, LayerMapping] = {}
OPS: dict[str, OpMapping] = {}


@functools.cache
def _load() -> None:
    for package in ("layers", "ops"):
        folder = importlib.import_module(f"keras2torch.{package}")
        for file in pkgutil.iter_modules(folder.__path__):
            importlib.import_module(f"{folder.__name__}.{file.name}")


def all_layers() -> Mapping[str, LayerMapping]:
    """Every layer's mapping by its Keras class name."""
    _load()
    return LAYERS


def all_ops() -> Mapping[str, OpMapping]:
    """Every operation's mapping by its Keras class name."""
    _load()
    return OPS


def find(class_name: str, is_op: bool, where: str) -> LayerMapping:
    """The mapping of a Keras class; ``where`` names the layer in the error."""
    _load()
    known: Mapping[str, LayerMapping] = OPS if is_op else LAYERS
    if class_name not in known:
        kind = "operation" if is_op else "layer"
        why = reason(class_name) if is_op else None
        said = f"is not ported: {why}" if why else "has no port yet"
        raise UnsupportedError(f"{where}: Keras' {kind} {quoted(class_name)} {said}")
    return known[class_name]


def example(
    config: Mapping[str, Any],
    inputs: Any,
    *,
    masked: bool = False,
    call: Mapping[str, Any] | None = None,
    on_jax: bool = False,
    adapt: Any = None,
) -> Example:
    """An example of a layer, see ``Example``."""
    return Example(config, inputs, masked, call, on_jax, adapt)


def layer(
    *names: str,
    examples: Sequence[Example],
    any_order: bool = False,
    masks: Masks = "drops",
    training: Training = "exact",
    autocast: bool = True,
    wide: bool = False,
    any_dtype: bool = False,
    quantized: bool = False,
    arguments: tuple[str, ...] = (),
    strings: bool = False,
) -> Callable[[Lower], Lower]:
    """Register a mapping under its Keras class name (several, where classes differ in a number
    that the mapping reads from the shape). The arguments are the fields of ``LayerMapping``."""

    def register(function: Lower) -> Lower:
        for name in names:
            mapping = LayerMapping(
                name,
                function,
                any_order,
                masks,
                tuple(examples),
                training,
                autocast=autocast,
                wide=wide,
                any_dtype=any_dtype,
                quantized=quantized,
                arguments=arguments,
                strings=strings,
            )
            _register(LAYERS, mapping)
        return function

    return register


def op(
    *names: str, calls: Sequence[OpCall] = (), any_order: bool = False
) -> Callable[[Lower], Lower]:
    """Register a mapping under the class names of ``keras.ops`` operations."""

    def register(function: Lower) -> Lower:
        for name in names:
            _register(OPS, OpMapping(name, function, any_order, "drops", (), calls=tuple(calls)))
        return function

    return register


def _register(known: dict[str, Any], mapping: LayerMapping) -> None:
    if mapping.name in known:
        raise ValueError(f"two mappings for {mapping.name}")
    known[mapping.name] = mapping
