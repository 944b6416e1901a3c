from __future__ import annotations

from keras2torch.ir.graph import Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import quantization, quantized_tables
from keras2torch.layers.embedding import rows_of, table_of
from keras2torch.registry import Integers, example, layer

SIZES = {"input_dim": 9, "output_dim": 3}
REVERSE_DTYPES = ("float16", "bfloat16", "float32", "float64")


@layer(
    "ReversibleEmbedding",
    masks="own",
    autocast=False,
    quantized=True,
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
    policy = step.precision.policy
    quantized = quantization.quantization_of(step, {"int8": True, "int4": True})
    table = table_of(step)
    count, size = step.config.int("input_dim"), step.config.int("output_dim")
    if tied:
        back = table
    elif quantized is not None:
        back = quantized_tables.reverse_table(step, quantized, table, count, size)
    else:
        back = _back(step, table)
    if not reverse:
        return rows_of(step, table, x)
    step.config.ignore("mask_zero")
    if policy.compute != policy.variable:
        raise step.unsupported(f"dtype policy {policy} of a reverse call")
    shape = (*x.shape[:-1], count)
    if quantized is not None:
        y = _quantized(step, quantized, x, back, shape, tied)
        return y if cap is None else _capped(step, y, cap)
    x = step.floating(x, table)
    cast = "" if dtype is None else f".to(torch.{dtype})"
    scores = "{1}({0})" if not tied and not cast else f"{{0}}{cast} @ {{1}}.weight.T{cast}"
    y = step.compute(scores, x, back, like=x, shape=shape, dtype=dtype or "float32", mask=None)
    if cap is None:
        return y
    return _capped(step, y, cap)


def _capped(step: Step, y: Tensor, cap: float) -> Tensor:
    return step.compute(f"torch.tanh({{0}} / {literal(cap)}) * {literal(cap)}", y, like=y)


def _quantized(
    step: Step,
    quantized: quantization.Quantization,
    x: Tensor,
    back: Module,
    shape: Shape,
    tied: bool,
) -> Tensor:
    """The scores from a quantized table. Keras does not use ``reverse_dtype`` here."""
    x = step.floating(x)
    given = "{1}"
    if quantized.round_inputs:
        given = f"{step.helper('rounded_to_int8')}({given})"
    call = f"F.linear({given}, {{0}}.weight({{1}}.dtype))" if tied else f"{{0}}({given})"
    return step.compute(call, back, x, like=x, shape=shape, mask=None)


def _back(step: Step, table: Module) -> Module:
    """The table of its own that maps vectors back."""
    count, size = table.parameters["weight"].shape
    back = step.module("nn.Linear", size, count, part="reverse", bias=False)
    weight = step.weights.take("reverse_embeddings", (size, count)).permute(1, 0)
    step.parameter(back, "weight", weight, "embeddings_initializer")
    return back
