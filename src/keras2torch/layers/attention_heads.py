"""What the attention layers with several heads share: their options, module and call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import attention_masks as masks
from keras2torch.registry import Example, Integers, example

WEIGHTS = {"return_attention_scores": True}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def common_examples(sizes: dict[str, Any]) -> list[Example]:
    """What both layers have in common."""
    hidden = {"value_mask": Integers((6,), 2), "attention_mask": Integers((5, 6), 2)}
    return [
        example(sizes, (5, 4), call={"value": (6, 4)}),
        example(
            {**sizes, "use_bias": False}, (None, 4), call={"value": (None, 4), "key": (None, 3)}
        ),
        example(sizes, (5, 4), call={"value": (5, 4), "use_causal_mask": True}),
        example(sizes, (5, 4), call={"value": (6, 4), **hidden}),
        example(sizes, (5, 4), call={"value": (6, 4), **hidden, **WEIGHTS}),
        example({**sizes, "dropout": 0.3, "seed": 3}, (5, 4), call={"value": (6, 4)}),
        example({**sizes, "sliding_window": 2}, (5, 4), call={"value": (7, 4)}),
        example(
            {**sizes, "sliding_window": 2, "use_gate": True},
            (5, 4),
            call={"value": (5, 4), "use_causal_mask": True, **WEIGHTS},
        ),
        example(
            {**sizes, "use_gate": True, "kernel_initializer": "he_normal"},
            (5, 4),
            masked=True,
            call={"value": (6, 4), "key_mask": Integers((6,), 2), "key": (6, 4)},
        ),
    ]


@dataclass(frozen=True)
class Heads:
    """The options of an attention layer; ``output`` is the shape behind (batch, T)."""

    count: int
    groups: int
    size: int
    value_size: int
    output: tuple[int, ...]
    axes: tuple[int, ...]


def attend(
    step: Step,
    heads: Heads,
    query: Tensor,
    value: Tensor,
    key: Tensor,
    seen: list[Any],
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
) -> Any:
    """``seen`` are the masks of query, value and key, and the call's own."""
    query_mask = query.mask
    query, value, key = (step.floating(x) for x in (query, value, key))
    window = step.config.int_or_none("sliding_window", low=1)
    rate = step.config.rate("dropout", 0.0)
    step.config.ignore("seed")  # it belongs to Keras' own random numbers
    weighted = rate > 0 or return_attention_scores or query.rank != 3
    causal = use_causal_mask and not weighted and not any(seen) and window is None
    mask = _mask(step, heads, query, value, seen, window, use_causal_mask and not causal)
    module = _module(step, heads, query, value, key, weighted, rate)
    operands = [query, key, value, *([mask] if mask else [])]
    places = ", ".join(f"{{{place}}}" for place in range(1, len(operands) + 1))
    called = f"{{0}}({places}{', is_causal=True' if causal else ''})"
    shape = (*query.shape[:-1], *heads.output)
    flat = (*query.shape[:-1], prod(heads.output))
    like = replace(query, mask=query_mask, flat=None)
    if not weighted:
        output = step.compute(called, module, *operands, like=like, shape=flat)
    else:
        hints = (step.name, "weights")
        results = step.unpack("{0}, {1}", hints, called, module, *operands, shape=flat)
        output = replace(like, value=results[0], shape=flat)
    if len(heads.output) > 1:
        output = step.compute(
            f"torch.unflatten({{0}}, -1, {heads.output})", output, like=output, shape=shape
        )
    if not return_attention_scores:
        return output
    others = [size for axis, size in enumerate(query.shape[:-1]) if axis not in heads.axes]
    scored = [x.shape[axis] for x in (query, value) for axis in heads.axes]
    weights = replace(like, value=results[1], shape=(*others, heads.count, *scored), mask=None)
    return output, weights


def _mask(
    step: Step,
    heads: Heads,
    query: Tensor,
    value: Tensor,
    seen: list[Any],
    window: int | None,
    causal: bool,
) -> Tensor | None:
    """All masks in one for the scores (batch, heads, T, S), or none."""
    steps = seen[:3]
    own = masks.mask_of(step, None, seen[3]) if seen[3] else None
    # The heads' axis comes in at once, unless a mask has it and Keras aligns the others with it.
    by_heads = (
        query.rank == 3
        and all(mask.rank == 2 for mask in steps if mask)
        and (own is None or own.rank < 4)
    )
    found: list[Tensor | None] = [
        (masks.columns if place else masks.rows)(step, mask, by_heads)
        for place, mask in enumerate(steps)
        if mask
    ]
    if causal:
        found.append(_between(step, "causal_mask", query, value))
    if window is not None:
        found.append(_between(step, "sliding_window_mask", query, value, f", {window}"))
    if own is not None:
        found.append(masks.raised(step, own, -3, 4) if by_heads and own.rank == 3 else own)
    mask = masks.all_of(step, found)
    if mask is None:
        return None
    return masks.raised(step, mask, -2 * len(heads.axes) - 1, query.rank + len(heads.axes))


def _between(step: Step, name: str, query: Tensor, value: Tensor, options: str = "") -> Tensor:
    """A mask that tells of any two steps whether one may see the other."""
    return step.compute(
        f"{step.helper(name)}({{0}}, {{1}}{options})",
        query,
        value,
        like=query,
        shape=(query.shape[1], value.shape[1]),
        dtype="bool",
        mask=None,
        hint="mask",
    )


def size_of(step: Step, x: Tensor) -> int:
    size = x.shape[-1]
    if size is None:
        raise step.unsupported("a last axis of unknown size")
    return size


def _module(
    step: Step,
    heads: Heads,
    query: Tensor,
    value: Tensor,
    key: Tensor,
    weighted: bool,
    rate: float,
) -> Module:
    """The layer's module with its weights; what is as usual is not written."""
    use_bias = step.config.bool("use_bias", True)
    gated = step.config.bool("use_gate", False)
    width, sizes = prod(heads.output), [size_of(step, x) for x in (query, key, value)]
    options: dict[str, Any] = {
        "num_kv_heads": heads.groups if heads.groups != heads.count else None,
        "kdim": sizes[1] if sizes[1] != sizes[0] else None,
        "vdim": sizes[2] if sizes[2] != sizes[0] else None,
        "value_dim": heads.value_size if heads.value_size != heads.size else None,
        "out_dim": width if width != sizes[0] else None,
        "bias": None if use_bias else False,
        "gated": True if gated else None,
        "dropout": rate or None,
    }
    kind = "GroupedQueryAttention" if gated or options["num_kv_heads"] else "MultiHeadAttention"
    if query.rank != 3:
        kind = "GatedMultiAxisAttention" if gated else "MultiAxisAttention"
        options.update(_equations(query.rank, heads.axes))
    elif weighted:
        kind += "WithWeights"
    written = {key: option for key, option in options.items() if option is not None}
    module = step.module(step.helper(kind), sizes[0], heads.count, heads.size, **written)
    usual = _usual_start(step)
    if usual and step.trainable and not module.reset:
        module.reset.append("{0}.reset_parameters()")
    parts = [
        ("query", sizes[0], heads.count, heads.size),
        ("key", sizes[1], heads.groups, heads.size),
    ]
    if gated:
        parts.append(("gate", sizes[0], heads.count, heads.value_size))
    parts.append(("value", sizes[2], heads.groups, heads.value_size))
    for name, *shape in parts:
        _linear(step, module, name, (shape[0],), (shape[1], shape[2]), use_bias, usual)
    _linear(step, module, "output", (heads.count, heads.value_size), heads.output, use_bias, usual)
    if not use_bias:
        step.config.ignore("bias_initializer")
    return module


def _usual_start(step: Step) -> bool:
    """Whether the weights start as the module itself starts them."""
    names = [step.config.raw(f"{part}_initializer", None) for part in ("kernel", "bias")]
    classes = [name.get("class_name") if isinstance(name, dict) else name for name in names]
    return classes == ["GlorotUniform", "Zeros"]


def _linear(
    step: Step,
    module: Module,
    name: str,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    use_bias: bool,
    usual: bool,
) -> None:
    """One projection: in Keras an EinsumDense, here a Linear on what that leaves apart."""
    stored = f"{name}_dense"  # Keras stores a part under its first attribute's name
    weights = step.weights.child(stored if step.weights.has(stored) else f"_{stored}")
    fans = (prod(inputs), prod(outputs))
    optional = name == "gate"
    kernel = weights.take("kernel", (*inputs, *outputs)).reshape(*fans).permute(1, 0)
    started = (None, None) if usual else ("kernel_initializer", "bias_initializer")
    step.parameter(module, f"{name}.weight", kernel, started[0], fans, optional)
    if use_bias:
        bias = weights.take("bias", outputs)
        bias = bias if len(outputs) == 1 else bias.reshape(fans[1])
        step.parameter(module, f"{name}.bias", bias, started[1], optional=optional)


def _equations(rank: int, axes: tuple[int, ...]) -> dict[str, Any]:
    """Scores and sums over ``axes`` of (batch, ..., heads, size) in einsum's letters."""
    query = LETTERS[: rank + 1]
    fresh = iter(LETTERS[rank + 1 :])
    key = "".join(next(fresh) if axis in axes else query[axis] for axis in range(rank + 1))
    apart = [letter for axis, letter in enumerate(query[:-1]) if axis not in axes]
    scores = "".join([*apart, *(query[axis] for axis in axes), *(key[axis] for axis in axes)])
    return {
        "scores": f"{key},{query}->{scores}",
        "combine": f"{scores},{key}->{query}",
        "axes": len(axes),
    }
