from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import attention_masks as masks
from keras2torch.registry import Integers, example, layer

QKV = [(5, 4), (6, 3), (6, 4)]
CALL = {"return_attention_scores": True}


@layer(
    "Attention",
    masks="own",
    training="statistical",
    examples=[
        example({}, [(5, 4), (6, 4)]),
        example({}, QKV, call={"use_causal_mask": True}),
        example({"use_scale": True}, QKV, call=CALL),
        example({"dropout": 0.3, "seed": 3}, QKV),
        example({"score_mode": "concat"}, QKV),
        example({"score_mode": "concat", "use_scale": True}, [(None, 4), (None, 4)]),
        example({"use_scale": True}, QKV, call={"mask": [Integers((5,), 2), Integers((6,), 2)]}),
        example(
            {},
            [(5, 4), (5, 4)],
            call={"mask": [Integers((5,), 2), Integers((5,), 2)], "use_causal_mask": True, **CALL},
        ),
        example({}, [(2, 5, 4), (2, 6, 4)], call=CALL),
    ],
)
def attention(step: Step, inputs: Any, mask: Any = None, **call: Any) -> Any:
    """Dot-product attention: ``F.scaled_dot_product_attention`` where that is all there is."""
    mode = step.config.choice("score_mode", ("dot", "concat"), "dot")
    scaled = step.config.bool("use_scale", False)
    kind = "DotProductAttention" if mode == "dot" else "ConcatAttention"
    options: dict[str, Any] = {"scaled": True} if scaled else {}
    module = None
    dropout = _dropout(step)
    if _needs_module(step, inputs, mask, call) or scaled or mode == "concat":
        module = step.module(step.helper(kind), **options, **dropout)
    if scaled and module:
        _weight(step, module, "scale", "scale")
    if mode == "concat" and module:
        _weight(step, module, "weight", "concat_score_weight")
    return _attend(step, module, inputs, mask, **call)


@layer(
    "AdditiveAttention",
    masks="own",
    training="statistical",
    examples=[
        example({}, [(5, 4), (6, 4)]),
        example({"use_scale": False}, QKV, call=CALL),
        example({"dropout": 0.3}, QKV, call={"use_causal_mask": True}),
        example({}, QKV, call={"mask": [Integers((5,), 2), Integers((6,), 2)]}),
    ],
)
def additive_attention(step: Step, inputs: Any, mask: Any = None, **call: Any) -> Any:
    """Bahdanau's attention, whose scores are sums of tanh(query + key)."""
    scaled = step.config.bool("use_scale", True)
    size = _query_value_key(step, inputs)[0].shape[-1]
    if size is None:
        raise step.unsupported("a last axis of unknown size")
    options: dict[str, Any] = {} if scaled else {"scaled": False}
    kind = step.helper("AdditiveAttention")
    module = step.module(kind, size, **options, **_dropout(step))
    if scaled:
        step.parameter(module, "scale", step.weights.take("scale", (size,)))
        limit = literal((3 / size) ** 0.5)  # Keras' glorot_uniform: both fans are its size
        target = '{0}.get_parameter("scale")'
        _started(step, module, f"nn.init.uniform_({target}, -{limit}, {limit})")
    return _attend(step, module, inputs, mask, **call)


def _dropout(step: Step) -> dict[str, Any]:
    step.config.ignore("seed")  # it belongs to Keras' own random numbers
    rate = step.config.rate("dropout", 0.0)
    return {"dropout": rate} if rate else {}


def _weight(step: Step, module: Module, key: str, name: str) -> None:
    """A number that Keras starts at 1."""
    step.parameter(module, key, step.weights.take(name, ()))
    _started(step, module, f'nn.init.ones_({{0}}.get_parameter("{key}"))')


def _started(step: Step, module: Module, statement: str) -> None:
    if step.trainable and statement not in module.reset:
        module.reset.append(statement)


def _query_value_key(step: Step, inputs: Any) -> list[Tensor]:
    """The three inputs in Keras' order; without a key, the value is the key."""
    tensors = list(inputs) if isinstance(inputs, (list, tuple)) else []
    if len(tensors) not in (2, 3) or not all(isinstance(x, Tensor) for x in tensors):
        raise step.unsupported("a call on anything but [query, value] or [query, value, key]")
    if len({x.rank for x in tensors}) > 1 or tensors[0].rank < 3:
        raise step.unsupported(f"inputs of shapes {[x.shape for x in tensors]}")
    return [step.floating(x) for x in (tensors if len(tensors) == 3 else [*tensors, tensors[1]])]


def _masks(step: Step, inputs: list[Tensor], mask: Any) -> list[Tensor | None]:
    """The masks of query and value; Keras looks at those the inputs carry if it is given none."""
    if mask is not None and (not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3)):
        raise step.unsupported("a mask that is no list of two or three")
    if mask is None:
        return [masks.mask_of(step, x) for x in inputs[:2]]
    return [None if m is None else masks.mask_of(step, None, m) for m in mask[:2]]


def _needs_module(step: Step, inputs: Any, mask: Any, call: dict[str, Any]) -> bool:
    """Whether more is asked for than the values' mean."""
    tensors = _query_value_key(step, inputs)
    hidden = _masks(step, tensors, mask)[1] is not None
    rate = step.config.rate("dropout", 0.0)
    return hidden or rate > 0 or bool(call.get("return_attention_scores"))


def _attend(
    step: Step,
    module: Module | None,
    inputs: Any,
    mask: Any,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
) -> Any:
    query, value, key = _query_value_key(step, inputs)
    query_mask, value_mask = _masks(step, [query, value], mask)
    if value_mask is not None and (query.rank != 3 or value_mask.rank != 2):
        raise step.unsupported(f"a mask of shape {value_mask.shape}")
    shape = (*query.shape[:-1], value.shape[-1])
    kept = query_mask.value if query_mask else None
    like = replace(query, mask=kept, flat=None)
    if module is None:
        given = "{0}, {1}, {2}, " + ("is_causal=True, " if use_causal_mask else "") + "scale=1.0"
        expression = f"F.scaled_dot_product_attention({given})"
        output = step.compute(expression, query, key, value, like=like, shape=shape)
        return _zeroed(step, output, query_mask)
    seen = masks.columns(step, value_mask) if value_mask else None
    if use_causal_mask:
        name = step.helper("causal_mask")
        dim = "" if query.rank == 3 else ", dim=-2"
        causal = step.compute(
            f"{name}({{0}}, {{1}}{dim})",
            query,
            key,
            like=query,
            shape=(query.shape[-2], key.shape[-2]),
            dtype="bool",
            mask=None,
            hint="mask",
        )
        seen = masks.all_of(step, [seen, causal])
    operands = [query, key, value, *([seen] if seen else [])]
    places = ", ".join(f"{{{place}}}" for place in range(1, len(operands) + 1))
    results = step.unpack(
        "{0}, {1}", (step.name, "weights"), f"{{0}}({places})", module, *operands, shape=shape
    )
    output = _zeroed(step, replace(like, value=results[0], shape=shape), query_mask)
    weights = replace(like, value=results[1], shape=(*query.shape[:-1], key.shape[-2]), mask=None)
    return (output, weights) if return_attention_scores else output


def _zeroed(step: Step, output: Tensor, mask: Tensor | None) -> Tensor:
    """Masked steps of the query become 0."""
    if mask is None:
        return output
    return step.compute("torch.where({0}.unsqueeze(-1), {1}, 0)", mask, output, like=output)
