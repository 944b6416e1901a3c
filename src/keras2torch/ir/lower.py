"""From a Graph to a Program: every call of a layer is handed to the layer's mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keras2torch import registry
from keras2torch.errors import ConfigError, ModelError, UnsupportedError, WeightsError, quoted
from keras2torch.ir import penalties
from keras2torch.ir.arguments import shape_of
from keras2torch.ir.build import graph_of
from keras2torch.ir.config import Config
from keras2torch.ir.dtypes import FLOATS
from keras2torch.ir.graph import Call, Graph, Layer, Ref, Shape, leaves, map_leaves
from keras2torch.ir.mask_state import MaskState
from keras2torch.ir.named_weights import weights_of
from keras2torch.ir.nested import call_model, return_masks, unmasked
from keras2torch.ir.program import Model, Module, Program, Tensor, Traced, Value
from keras2torch.ir.step import Findings, OpStep, Step
from keras2torch.ir.writer import INTEGER_DTYPES, Writer
from keras2torch.readers.saved import Group

MOST_SAID = 20  # problems that one error names
MOST_PRETENDED = 8  # outputs of a failed call that its followers are looked at with


def program_of(graph: Graph) -> Program:
    """The program of a whole model.

    Raises:
        ModelError: of the first problem's class, naming all problems of the model.
    """
    findings = Findings()
    # Keras trains what is trainable itself, and nothing of a model that is not; the flags of
    # nested models and of wrappers say nothing once their layers have their own.
    model = _ModelLowering(graph, "", None, graph.trainable, findings).lower()
    if findings.problems:
        said = list(dict.fromkeys(str(problem) for problem in findings.problems))
        more = [f"and {len(said) - MOST_SAID} more"] if len(said) > MOST_SAID else []
        raise type(findings.problems[0])("; ".join(said[:MOST_SAID] + more))
    return_masks(model)
    writer = Writer(model, "output")
    model.outputs = map_leaves(writer.keras_order, model.outputs)
    limits = {
        name: findings.limits[tensor.value]
        for name, tensor in model.inputs
        if tensor.value in findings.limits
    }
    samples = {
        name: findings.samples[tensor.value]
        for name, tensor in model.inputs
        if tensor.value in findings.samples
    }
    strings = any(tensor.dtype == "string" for _, tensor in model.inputs)
    notes = tuple(dict.fromkeys(findings.notes))
    return Program(
        model,
        notes,
        limits,
        samples,
        strings or findings.only_tensorflow,
        tuple(findings.weight_options.values()),
        tuple(dict.fromkeys(findings.untrainable)),
    )


class _ModelLowering:
    """One model on its way to one class.

    A nested model is lowered at its first call: its inputs lie in memory as that call's
    ``arguments`` do, so that no permute stands between channels-first layers.
    """

    def __init__(
        self,
        graph: Graph,
        path: str,
        arguments: list[Tensor] | None,
        trainable: bool,
        findings: Findings,
    ) -> None:
        self.graph = graph
        self.arguments = arguments
        self.trainable = trainable
        self.findings = findings
        self.program = Model(graph.name, path)
        self.modules: dict[tuple[str, str], Module] = {}
        self.tensors: dict[Ref, Tensor] = {}
        self.mask_state = MaskState(graph)
        self.latest: Any = None  # outputs in Keras' structure

    def lower(self) -> Model:
        for place, ref in enumerate(leaves(self.graph.inputs)):
            layer = self.graph.layers[ref.layer]
            if layer.class_name != "InputLayer":
                raise UnsupportedError(f"{layer.where}: a model whose input is not an InputLayer")
            tensor = self._input(layer)
            if self.arguments is not None:
                tensor = self._entering(place, tensor)
            self.program.inputs.insert(place, (layer.name, tensor))
            self._keep(Call(layer.name, 0, (), {}), tensor)
        for call in self.graph.calls:
            if self.graph.layers[call.layer].class_name == "InputLayer":
                continue
            try:
                self._keep(call, self._call(call))
            except ModelError as error:
                self.findings.problems.append(error)
                self._pretend(call)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                # Mappings count on what every file of Keras' keeps: shapes that fit together,
                # axes that there are. A file that does not is refused, not followed.
                where = self.graph.layers[call.layer].where
                said = f"its options and inputs don't fit together: {type(error).__name__}"
                self.findings.problems.append(ConfigError(f"{where}: {said}"))
                self._pretend(call)
        if self.graph.unused and not self.findings.problems:
            raise WeightsError(f"the file has weights in {quoted(self.graph.unused)} for no layer")
        missing = [ref for ref in leaves(self.graph.outputs) if ref not in self.tensors]
        if missing and not self.findings.problems:
            raise ConfigError(f"layer {quoted(missing[0].layer)} has no output {missing[0].tensor}")
        if not missing and self.graph.class_name == "Sequential":
            self.program.outputs = self.latest
        elif not missing:
            self.program.outputs = map_leaves(self.tensors.__getitem__, self.graph.outputs)
        return self.program

    def _entering(self, place: int, own: Tensor) -> Tensor:
        """A nested model's input as the first call's argument lies in memory; its mask is an
        input behind the others."""
        given = (self.arguments or [])[place]
        if given.mask is None:
            return replace(given, value=own.value)
        mask = Tensor(Value("mask"), given.shape[:-1], "bool")
        self.program.inputs.append(("mask", mask))
        self.program.masked += (place,)
        return replace(given, value=own.value, mask=mask.value)

    def _input(self, layer: Layer) -> Tensor:
        config = Config(layer.config, layer.where)
        shape = shape_of(config.raw("batch_shape"), layer.where)
        if not shape:
            raise ConfigError(f"{layer.where}: an input must have a batch axis")
        dtype = config.text("dtype", "float32")
        for key in ("sparse", "ragged", "optional"):
            config.require(key, False, False)
        config.ignore("name", "trainable")
        config.finish()
        known = (*INTEGER_DTYPES, *FLOATS, "string")
        if dtype not in known or dtype in ("uint16", "uint32", "uint64"):
            raise UnsupportedError(f"{layer.where}: inputs of dtype {quoted(dtype)}")
        return Tensor(Value(layer.name), shape, dtype)

    def _call(self, call: Call) -> Any:
        """The outputs of one call, in Keras' structure; None where its inputs are missing."""
        layer = self.graph.layers[call.layer]
        if not layer.keras:
            raise UnsupportedError(
                f"{layer.where}: a custom layer, and only Keras' own layers can be ported yet"
            )
        mapping = None if layer.graph else registry.find(layer.class_name, layer.is_op, layer.where)
        args: list[Any] = list(call.args)
        kwargs = dict(call.kwargs)
        refs = [leaf for leaf in leaves([args, kwargs]) if isinstance(leaf, Ref)]
        missing = [ref for ref in refs if ref not in self.tensors]
        if missing and not self.findings.problems:
            raise ConfigError(
                f"{layer.where}: is called on output {missing[0].tensor} of "
                f"{quoted(missing[0].layer)}, which there is not"
            )
        if missing:
            return None
        args, kwargs = (
            map_leaves(lambda leaf: self._tensor(leaf, call), part) for part in (args, kwargs)
        )
        # Keras overrides a recorded `training` with the one it is run in.
        kwargs.pop("training", None)
        if layer.graph is not None:
            self._check_masks(layer, call, kwargs.get("mask"))
            return self._nested(layer, layer.graph, args, kwargs)
        step = (OpStep if layer.is_op else Step)(
            layer.name,
            self.program,
            self.modules,
            Config(layer.config, layer.where),
            weights_of(layer.weights, layer.where),
            self.findings,
            self.trainable,
            self._held,
        )
        penalized = penalties.wanted(step, layer.class_name)
        outputs = mapping.outputs(step, args, kwargs) if mapping else None
        return penalties.penalized(step, penalized, outputs)

    def _tensor(self, leaf: Any, call: Call) -> Any:
        """The tensor of a Ref with the mask that it has when the call runs."""
        if not isinstance(leaf, Ref):
            return leaf
        if self.graph.class_name == "Sequential":
            return self.latest  # a layer is called on all that the one before returns
        tensor = self.tensors[leaf]
        if tensor.mask is not None and self.mask_state.taken(leaf, call):
            return replace(tensor, mask=None)
        return tensor

    def _check_masks(self, layer: Layer, call: Call, masks: Any) -> None:
        """Refuse a mask that Keras hangs on a nested model's argument for others to meet later."""
        refs = leaves([*call.args, call.kwargs.get("inputs")])
        for ref, mask in zip(refs, leaves(masks), strict=False):
            if not isinstance(ref, Ref) or not isinstance(mask, Tensor):
                continue
            own = self._tensor(ref, call).mask
            if own is not mask.value and self.mask_state.used_later(ref, call):
                raise UnsupportedError(f"{layer.where}: a mask that stays on its argument")

    def _nested(self, layer: Layer, graph: Graph, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """A call of a model inside this one: a class of its own, made at the first call."""
        writer = Writer(self.program, layer.name)
        args = args or [kwargs.pop("inputs", None)]
        masks = list(leaves(kwargs.pop("mask", None)))
        unknown = [name for name, value in kwargs.items() if value is not None]
        if unknown:
            raise UnsupportedError(f"{layer.where}: called with {quoted(unknown)}")
        given = [
            self._argument(writer, layer, graph.layers[ref.layer], argument)
            for ref, argument in zip(
                leaves(graph.inputs), self._arguments(layer, graph, args), strict=True
            )
        ]
        for place, mask in enumerate(masks[: len(given)]):
            if isinstance(mask, Tensor):
                given[place] = replace(given[place], mask=writer.boolean(mask).value)
        module = self.modules.get((layer.name, ""))
        if module is None:
            path = f"{self.program.path}{layer.name}/"
            made = _ModelLowering(graph, path, given, self.trainable, self.findings).lower()
            module = Module(layer.name, layer.name, "", model=made)
            self.modules[layer.name, ""] = module
            self.program.modules.append(module)
        inner = module.model
        if inner is None or inner.outputs is None:
            return None
        masked = {place for place, tensor in enumerate(given) if tensor.mask is not None}
        if not masked <= set(inner.masked):
            raise UnsupportedError(f"{layer.where}: called without a mask, then with one")
        for place in sorted(set(inner.masked) - masked):
            given[place] = unmasked(writer, given[place])
        operands = []
        for tensor, (_, own) in zip(given, inner.inputs, strict=False):
            operands.append(writer.ordered(tensor, own.order))
            if own.value in self.findings.limits:
                limits = self.findings.limits
                limits[tensor.value] = min(limits[own.value], limits.get(tensor.value, 1 << 62))
            samples = self.findings.samples
            if own.value in samples:
                known = samples.get(tensor.value, samples[own.value])
                samples[tensor.value] = known.and_also(samples[own.value])
        return call_model(writer, module, inner, operands)

    def _held(self, name: str, options: Mapping[str, Any], weights: Group, args: list[Any]) -> Any:
        """A call of a model that another layer holds."""
        graph = graph_of(options, weights)
        if graph.unused:
            raise WeightsError(f"the file has weights in {quoted(graph.unused)} for no layer")
        layer = Layer(name, graph.class_name, {}, weights, graph=graph)
        return self._nested(layer, graph, args, {})

    def _arguments(self, layer: Layer, graph: Graph, args: list[Any]) -> list[Any]:
        """What a nested model is called on, in the order of its inputs."""
        first = args[0] if len(args) == 1 else args
        if isinstance(first, dict) or isinstance(graph.inputs, dict):
            keys = [set(part) if isinstance(part, dict) else None for part in (first, graph.inputs)]
            if keys[0] != keys[1]:
                raise UnsupportedError(f"{layer.where}: called on other inputs than it names")
        given = list(leaves(first))
        if len(given) != len(list(leaves(graph.inputs))):
            raise ConfigError(f"{layer.where}: is called on {len(given)} tensors")
        return given

    def _argument(self, writer: Writer, layer: Layer, own: Layer, argument: Any) -> Tensor:
        """One argument as the nested model's InputLayer ``own`` takes it; Keras casts to its
        dtype, and a Sequential to its rank."""
        if not isinstance(argument, Tensor):
            raise ConfigError(f"{layer.where}: is called on what is no tensor")
        tensor: Tensor = argument
        if tensor.flat is not None:
            tensor = writer.keras_order(tensor)
        wanted = self._input(own)
        if len(wanted.shape) != tensor.rank:
            raise UnsupportedError(
                f"{layer.where}: takes {wanted.shape} and is called on {tensor.shape}"
            )
        if wanted.dtype in FLOATS and tensor.dtype != "string":
            integers = wanted.dtype == "float32" and tensor.dtype not in FLOATS
            return writer.floating(tensor) if integers else writer.cast(tensor, wanted.dtype)
        if tensor.dtype != wanted.dtype and {tensor.dtype, wanted.dtype} != {"int32", "int64"}:
            raise UnsupportedError(
                f"{layer.where}: takes {wanted.dtype} and is called on {tensor.dtype}"
            )
        return tensor

    def _keep(self, call: Call, outputs: Any) -> None:
        """File the outputs under their Refs and trace them."""
        if outputs is None:
            self._pretend(call)
            return
        flat = list(leaves(outputs))
        self.latest = outputs
        for place, tensor in enumerate(flat):
            ref = Ref(call.layer, call.number, place)
            self.tensors[ref] = tensor
            said = self.graph.recorded.get(ref)
            if said is not None and not _agree(tensor.shape, said[0]):
                raise ConfigError(
                    f"layer {quoted(call.layer)}: its output has shape {tensor.shape}, "
                    f"the file says {said[0]}"
                )
            if said is not None and tensor.dtype != said[1] and {tensor.dtype, said[1]} < {*FLOATS}:
                raise UnsupportedError(
                    f"layer {quoted(call.layer)}: an output of dtype {said[1]} has no exact port "
                    f"yet, only {tensor.dtype} has"
                )
        path = f"{self.program.path}{call.layer}"
        self.program.traced.append(Traced(path, call.number, tuple(flat)))

    def _pretend(self, call: Call) -> None:
        """After a failed call, go on with tensors of the shapes that the file recorded, so that
        the layers after it are looked at too."""
        for tensor in range(MOST_PRETENDED):
            ref = Ref(call.layer, call.number, tensor)
            if ref in self.graph.recorded:
                shape, dtype = self.graph.recorded[ref]
                self.tensors[ref] = Tensor(Value(ref.layer), shape, dtype)


def _agree(shape: Shape, said: Shape) -> bool:
    return len(shape) == len(said) and all(
        a == b or a is None or b is None for a, b in zip(shape, said, strict=True)
    )
