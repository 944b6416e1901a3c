from __future__ import annotations

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import attention_masks as masks
from keras2torch.layers.attention_heads import WEIGHTS, Heads, attend, common_examples, size_of
from keras2torch.registry import Integers, example, layer

MOST_AXES = 12  # einsum needs a letter for each, two for those attended to
SIZES = {"num_heads": 2, "key_dim": 3}


@layer(
    "MultiHeadAttention",
    masks="own",
    training="statistical",
    examples=[
        *common_examples(SIZES),
        example(
            {**SIZES, "value_dim": 5, "output_shape": 6}, (5, 4), call={"value": (6, 3), **WEIGHTS}
        ),
        example({**SIZES, "output_shape": [2, 3]}, (5, 4), call={"value": (6, 3)}),
        example(
            {**SIZES, "attention_axes": [1, 2]},
            (2, 3, 4),
            call={"value": (3, 2, 4), "attention_mask": Integers((2, 3, 3, 2), 2), **WEIGHTS},
        ),
        example(
            {**SIZES, "attention_axes": 2, "use_gate": True}, (2, 3, 4), call={"value": (2, 4, 4)}
        ),
        example({**SIZES, "attention_axes": -3}, (5, 3, 4), call={"value": (2, 3, 4)}),
    ],
)
def multi_head_attention(
    step: Step,
    query: Tensor,
    value: Tensor,
    key: Tensor | None = None,
    query_mask: Any = None,
    value_mask: Any = None,
    key_mask: Any = None,
    attention_mask: Any = None,
    **call: Any,
) -> Any:
    """Attention of several heads. Keras takes no mask of the query but the one it carries."""
    rank = value.rank
    if query.rank != rank or not 3 <= rank <= MOST_AXES:
        raise step.unsupported(f"inputs of shapes {query.shape} and {value.shape}")
    size = step.config.int("key_dim", low=1)
    count = step.config.int("num_heads", low=1)
    output = step.config.raw("output_shape", None)
    output = step.config.ints("output_shape") if isinstance(output, list) else output
    axes = step.config.raw("attention_axes", None)
    axes = [axes] if type(axes) is int else axes
    if axes is not None:
        axes = step.config.ints("attention_axes", low=-rank) if isinstance(axes, list) else ()
        axes = tuple(axis if axis >= 0 else rank + axis for axis in axes)
    heads = Heads(
        count=count,
        groups=count,
        size=size,
        value_size=step.config.int_or_none("value_dim", low=1) or size,
        output=output or (size_of(step, query),),
        axes=tuple(range(1, rank - 1)) if axes is None else axes,
    )
    if not heads.axes or any(not 1 <= axis <= rank - 2 for axis in heads.axes):
        raise step.unsupported(f"attention_axes={heads.axes} of an input of shape {query.shape}")
    key_given = (key, key_mask) if key is not None else (None, key_mask)
    seen = [
        masks.mask_of(step, query),
        masks.mask_of(step, value, value_mask),
        masks.mask_of(step, *key_given),
        attention_mask,
    ]
    return attend(step, heads, query, value, value if key is None else key, seen, **call)
