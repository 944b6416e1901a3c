"""Keras' TimeDistributed: a layer or a model on every step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keras2torch import registry
from keras2torch.errors import quoted
from keras2torch.ir.build import MODEL_CLASSES
from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Module, Tensor, Value
from keras2torch.ir.step import Step
from keras2torch.registry import Integers, example, layer

# Layers that do the same to every place of the axes before their last.
ANY_RANK = ("Activation", "Dense", "ELU", "Embedding", "Identity", "LeakyReLU", "ReLU", "Rescaling")
MASKED = ("GlobalAveragePooling1D", "Softmax")  # mind a mask, and are told of one for each step


def _inner(kind: str, **options: Any) -> dict[str, Any]:
    return {"layer": {"class_name": kind, "config": options}}


@layer(
    "TimeDistributed",
    any_order=True,
    masks="own",
    examples=[
        example(_inner("Dense", units=3, activation="relu"), (None, 4), masked=False),
        example(_inner("Dense", units=3, use_bias=False), (5, 4), masked=True),
        example(_inner("Embedding", input_dim=9, output_dim=3), Integers((3, 5), 9)),
        example(
            _inner("Conv2D", filters=3, kernel_size=3, strides=2, padding="same"), (3, 6, 5, 2)
        ),
        example(_inner("Conv1D", filters=3, kernel_size=2), (None, 6, 2)),
        example(_inner("GRU", units=3, return_sequences=True), (3, 5, 2)),
        example(_inner("Bidirectional", **_inner("LSTM", units=3)), (None, 5, 2)),
        example(_inner("BatchNormalization"), (3, 4, 2)),
        example(_inner("BatchNormalization", axis=1), (3, 4, 2)),
        example(_inner("BatchNormalization"), (5, 4), masked=True),
        example(_inner("Softmax", axis=1), (3, 4, 2)),
        example(_inner("Flatten"), (3, 4, 2)),
        example(_inner("TimeDistributed", **_inner("MaxPooling1D")), (3, 2, 4, 2)),
        example(
            _inner("Dropout", rate=0.2) | {"trainable": False},
            (3, 4),
        ),
    ],
)
def time_distributed(step: Step, x: Tensor) -> Tensor:
    """The layer itself where it acts on the last axis; otherwise the layer on all steps of all
    sequences at once, or step by step where it looks at a whole batch."""
    if x.rank < 3:
        raise step.unsupported(f"an input of shape {x.shape}")
    raw = step.config.raw("layer")
    kind = raw.get("class_name") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(kind, str):
        raise step.config.wrong("layer", "a layer", raw)
    if kind in ANY_RANK:
        y = _called(step, kind, raw, replace(x, mask=None))
    elif _looks_at_batch(raw):
        y = _step_by_step(step, kind, raw, x)
    elif x.mask is not None and kind in MASKED and len(step.shape_of(x.mask) or ()) < 3:
        raise step.unsupported(f"a mask for the steps of a {kind}")
    else:
        inner = _called(step, kind, raw, _flattened(step, x))
        y = _unflattened(step, inner, x)
    return replace(y, mask=x.mask)


def _called(step: Step, kind: str, raw: Mapping[str, Any], x: Tensor) -> Tensor:
    """The wrapped layer or model, called on ``x``."""
    if kind in MODEL_CLASSES:
        if x.mask is not None and _minds_masks(raw.get("config")):
            raise step.unsupported("a mask for the steps of a model whose layers mind masks")
        outputs = step.inner_model("layer", raw, [replace(x, mask=None)])
    else:
        part = step.part("layer", "layer", raw)
        outputs = registry.find(kind, False, part.where).outputs(part, [x], {})
    if not isinstance(outputs, Tensor):
        raise step.unsupported(f"a layer of class {quoted(kind)} with several outputs")
    return outputs


def _minds_masks(part: Any) -> bool:
    """Whether a layer somewhere in a model's config computes otherwise with a mask."""
    if isinstance(part, Mapping):
        kind = part.get("class_name")
        mapping = registry.all_layers().get(kind) if isinstance(kind, str) else None
        if kind in MASKED or (mapping is not None and mapping.masks == "own"):
            return True
        return any(map(_minds_masks, part.values()))
    return isinstance(part, list) and any(map(_minds_masks, part))


def _looks_at_batch(raw: Any) -> bool:
    """Whether a layer's steps can't be joined to one batch: it takes statistics over the batch
    while training, or it has a state from step to step."""
    if isinstance(raw, Mapping):
        config = raw.get("config")
        if raw.get("class_name") == "BatchNormalization":
            return True
        if isinstance(config, Mapping) and config.get("stateful") is True:
            return True
        return any(map(_looks_at_batch, raw.values()))
    return isinstance(raw, list) and any(map(_looks_at_batch, raw))


def _sequence_first(step: Step, x: Tensor) -> Tensor:
    """The tensor with batch and time in front in memory."""
    return x if x.order is not None and x.order[:2] == (0, 1) else step.keras_order(x)


def _step_order(x: Tensor) -> tuple[int, ...] | None:
    """How one step of ``x`` lies in memory."""
    return x.order and (0, *(axis - 1 for axis in x.order[2:]))


def _flattened(step: Step, x: Tensor) -> Tensor:
    """All steps of all sequences as one batch."""
    x = _sequence_first(step, x)
    mask = None
    if x.mask is not None:
        shape = step.shape_of(x.mask)
        if shape is None or len(shape) < 2:
            raise step.unsupported("a mask of this kind")
        flags = Tensor(x.mask, shape, "bool")
        mask = step.compute(
            "{0}.flatten(0, 1)", flags, like=flags, shape=(None, *shape[2:]), hint="mask"
        ).value
    shape = (None, *x.shape[2:])
    return step.compute(
        "{0}.flatten(0, 1)", x, like=x, shape=shape, order=_step_order(x), mask=mask
    )


def _unflattened(step: Step, y: Tensor, x: Tensor) -> Tensor:
    """The steps of ``y`` as sequences like those of ``x``."""
    if y.flat is not None or (y.order is not None and y.order[0] != 0):
        y = step.keras_order(y)
    time = x.shape[1]
    sizes = "{1}.shape[:2]" if time is None else f"(-1, {time})"
    return step.compute(
        f"torch.unflatten({{0}}, 0, {sizes})",
        y,
        *([x] if time is None else []),
        like=y,
        shape=(*x.shape[:2], *y.shape[1:]),
        order=y.order and (0, 1, *(axis + 1 for axis in y.order[1:])),
    )


def _step_by_step(step: Step, kind: str, raw: Mapping[str, Any], x: Tensor) -> Tensor:
    """The layer called on one step after the other; what it does must be one expression."""
    x = _sequence_first(step, x)
    shape: Shape = (x.shape[0], *x.shape[2:])
    now = replace(x, value=Value("step"), shape=shape, order=_step_order(x), mask=None)
    if x.mask is not None:
        step.note("in training, its batch statistics count masked steps as well")
    before = len(step.model.statements)
    y = _called(step, kind, raw, now)
    made = step.model.statements[before:]
    if len(made) != 1 or made[0].target != "{0}" or y.flat is not None:
        raise step.unsupported(f"a layer of class {quoted(kind)}, which is to run step by step,")
    del step.model.statements[before:]
    modules = [operand for operand in made[0].operands if isinstance(operand, Module)]
    places = [
        f"{{{modules.index(operand)}}}" if isinstance(operand, Module) else "step"
        for operand in made[0].operands
    ]
    expression = made[0].expression.format(*places)
    return step.compute(
        f"torch.stack([{expression} for step in {{{len(modules)}}}.unbind(1)], dim=1)",
        *modules,
        x,
        like=y,
        shape=(*x.shape[:2], *y.shape[1:]),
        order=y.order and (0, 1, *(axis + 1 for axis in y.order[1:])),
    )
