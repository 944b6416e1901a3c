from __future__ import annotations

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.embedding import rows_of, table_of
from keras2torch.registry import Integers, example, layer

SIZES = {"input_dim": 9, "output_dim": 3}
REVERSE_DTYPES = ("float16", "bfloat16", "float32", "float64")


@layer(
    "ReversibleEmbedding",
    masks="own",
    autocast=False,
    examples=[
        example({**SIZES, "mask_zero": True}, Integers((5,), 9)),
        example({**SIZES, "tie_weights": False}, Integers((5,), 9)),
        example(SIZES, (5, 3), call={"reverse": True}),
        example({**SIZES, "tie_weights": False}, (None, 3), call={"reverse": True}),
        example({**SIZES, "logit_soft_cap": 2.5}, (5, 3), masked=True, call={"reverse": True}),
    ],
)
def reversible_embedding(step: Step, x: Tensor, reverse: bool = False) -> Tensor:
    """An embedding whose table, or another of its own, maps vectors back to scores of tokens."""
    tied = step.config.bool("tie_weights", True)
    dtype = step.config.raw("reverse_dtype", None)
    if dtype is not None:
        dtype = step.config.choice("reverse_dtype", REVERSE_DTYPES)
    cap = step.config.float_or_none("logit_soft_cap")
    table = table_of(step)
    back = table if tied else _back(step, table)
    if not reverse:
        return rows_of(step, table, x)
    step.config.ignore("mask_zero")
    if step.precision.policy.compute != step.precision.policy.variable:
        raise step.unsupported(f"dtype policy {step.precision.policy} of a reverse call")
    x = step.floating(x, table)
    cast = "" if dtype is None else f".to(torch.{dtype})"
    scores = "{1}({0})" if not tied and not cast else f"{{0}}{cast} @ {{1}}.weight.T{cast}"
    shape = (*x.shape[:-1], table.parameters["weight"].shape[0])
    y = step.compute(scores, x, back, like=x, shape=shape, dtype=dtype or "float32", mask=None)
    if cap is None:
        return y
    return step.compute(f"torch.tanh({{0}} / {literal(cap)}) * {literal(cap)}", y, like=y)


def _back(step: Step, table: Module) -> Module:
    """The table of its own that maps vectors back."""
    count, size = table.parameters["weight"].shape
    back = step.module("nn.Linear", size, count, part="reverse", bias=False)
    weight = step.weights.take("reverse_embeddings", (size, count)).permute(1, 0)
    step.parameter(back, "weight", weight, "embeddings_initializer")
    return back
