"""Takes the last sigmoid or softmax off a program's outputs, for losses that want logits.

Keras on TensorFlow finds the logits behind such an output again and computes crossentropies of
those (keras/src/backend/tensorflow/nn.py: ``_keras_logits``). It finds them where a layer returns
what the activation returned; behind anything else, a cast included, they are lost.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from keras2torch.ir.graph import Graph, leaves, map_leaves
from keras2torch.ir.penalties import HELPER
from keras2torch.ir.program import Model, Program, Statement, Tensor, Value
from keras2torch.ir.writer import Writer

ACTIVATION = re.compile(r"torch\.(sigmoid|softmax)\(\{0\}(?:, dim=(-?\d+))?\)")
# The layers and operations of Keras that return what their activation returned.
LAYERS = frozenset(
    "Activation Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose Dense "
    "DepthwiseConv1D DepthwiseConv2D EinsumDense SeparableConv1D SeparableConv2D Sigmoid "
    "Softmax".split()
)


@dataclass(frozen=True)
class _Activation:
    """The statement that makes an output and its result, before any permute."""

    statement: Statement
    result: Tensor

    @property
    def expression(self) -> str:
        """The activation of logits whose axes lie as Keras has them."""
        match = ACTIVATION.fullmatch(self.statement.expression)
        if match is None or match[1] == "sigmoid":
            return "torch.sigmoid({0})"
        order = self.result.order or tuple(range(self.result.rank))
        axis = order[int(match[2])]
        return f"torch.softmax({{0}}, dim={-1 if axis == self.result.rank - 1 else axis})"

    @property
    def logits(self) -> Tensor:
        operand = self.statement.operands[0]
        return replace(self.result, value=operand) if isinstance(operand, Value) else self.result


def hidden_logits(program: Program, graph: Graph) -> dict[int, str]:
    """The outputs, by place, whose logits Keras on TensorFlow finds, each with its activation as
    a template over the logits."""
    found = enumerate(_activation(program.model, graph, o) for o in leaves(program.model.outputs))
    return {place: made.expression for place, made in found if made is not None}


def logits_inside(program: Program) -> set[int]:
    """The outputs, by place, whose logits Keras on TensorFlow finds where they can't be had: in a
    nested model, or before a penalty of the last layer's outputs."""
    model = program.model
    return {
        place
        for place, output in enumerate(leaves(model.outputs))
        if _is_inside(model, output.value, False)
    }


def _is_inside(model: Model, value: Value, entered: bool) -> bool:
    made = next((s for s in model.statements if value in s.targets), None)
    if made is None or not made.operands:
        return False
    first = made.operands[0]
    if isinstance(first, Value):
        if made.layer == "output":  # permuted to Keras' order
            return _is_inside(model, first, entered)
        return entered and ACTIVATION.fullmatch(made.expression) is not None
    if first.model is not None:
        inner = list(leaves(first.model.outputs))
        place = made.targets.index(value)
        return place < len(inner) and _is_inside(first.model, inner[place].value, True)
    penalized = first.construct.startswith(f"{HELPER}(")
    return penalized and any(
        _is_inside(model, o, True) for o in made.operands[1:] if isinstance(o, Value)
    )


def take_logits(program: Program, graph: Graph, places: Collection[int]) -> None:
    """Make the model's outputs at these places logits, and ``activations`` what ``forward`` makes
    of them."""
    model = program.model
    logits: dict[Value, Tensor] = {}
    activated: dict[Value, Tensor] = {}
    for place, output in enumerate(leaves(model.outputs)):
        made = _activation(model, graph, output) if place in places else None
        if made is None:
            continue
        layer = made.statement.layer
        logits[output.value] = Writer(model, layer).keras_order(made.logits)
        logits[output.value].value.hint = layer
        activated[output.value] = replace(output, value=Value(layer))
        operands = (logits[output.value].value,)
        target = (activated[output.value].value,)
        model.activations.append(Statement(target, "{0}", made.expression, operands, layer))
        if not _read_inside(model, made.result.value, output.value):
            _trace_instead(model, made.result.value, activated[output.value])
    model.activated = map_leaves(lambda t: activated.get(t.value, t), model.outputs)
    model.outputs = map_leaves(lambda t: logits.get(t.value, t), model.outputs)


def _activation(model: Model, graph: Graph, output: Tensor) -> _Activation | None:
    """The activation that makes an output; None where Keras would not find its logits."""
    value = output.value
    made = _maker(model, value)
    if made is not None and made.layer == "output" and isinstance(made.operands[0], Value):
        value = made.operands[0]  # permuted to Keras' order
        made = _maker(model, value)
    layer = graph.layers.get(made.layer) if made is not None else None
    seen = [t for traced in model.traced for t in traced.outputs if t.value is value]
    if made is None or layer is None or layer.class_name not in LAYERS or not seen:
        return None
    # A float64 model is one of a float64 Keras, whose losses don't cast either.
    exact = output.dtype in ("float32", "float64") and seen[0].flat is None
    matched = ACTIVATION.fullmatch(made.expression) and isinstance(made.operands[0], Value)
    return _Activation(made, seen[0]) if exact and matched else None


def _maker(model: Model, value: Value) -> Statement | None:
    return next((s for s in model.statements if s.targets[0] is value), None)


def _read_inside(model: Model, result: Value, output: Value) -> bool:
    """Whether anything but the output is made of an activation's result."""
    readers = [s for s in model.statements if result in s.operands]
    permuted = {s for s in model.statements if output in s.operands} if output != result else set()
    return bool(permuted) or any(s.targets[0] is not output for s in readers)


def _trace_instead(model: Model, value: Value, tensor: Tensor) -> None:
    """See a layer's output where another value has it."""
    model.traced[:] = [
        replace(t, outputs=tuple(tensor if o.value is value else o for o in t.outputs))
        for t in model.traced
    ]
