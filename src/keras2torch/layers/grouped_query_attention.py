from __future__ import annotations

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import attention_masks as masks
from keras2torch.layers.attention_heads import Heads, attend, common_examples, size_of
from keras2torch.registry import Integers, example, layer

GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}


@layer(
    "GroupQueryAttention",
    masks="own",
    training="statistical",
    examples=[
        *common_examples(GROUPS),
        example(
            {**GROUPS, "num_key_value_heads": 1},
            (5, 4),
            call={"value": (6, 4), "query_mask": Integers((5,), 2)},
        ),
    ],
)
def grouped_query_attention(
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
    """Attention whose heads share keys and values in groups."""
    if query.rank != 3 or value.rank != 3:
        raise step.unsupported(f"inputs of shapes {query.shape} and {value.shape}")
    size = step.config.int("head_dim", low=1)
    heads = Heads(
        count=step.config.int("num_query_heads", low=1),
        groups=step.config.int("num_key_value_heads", low=1),
        size=size,
        value_size=size,
        output=(size_of(step, query),),
        axes=(1,),
    )
    if heads.count % heads.groups:
        raise step.config.wrong("num_key_value_heads", "a divisor of the heads", heads.groups)
    seen = [
        masks.mask_of(step, query, query_mask),
        masks.mask_of(step, value, value_mask),
        masks.mask_of(step, key, key_mask),
        attention_mask,
    ]
    return attend(step, heads, query, value, value if key is None else key, seen, **call)
