"""Recognises the masks that Keras spreads over the features and gathers again.

A Concatenate of masked inputs records, for each, ``expand_dims(mask, -1) | zeros_like(x)``, then
a concatenation, then ``any`` over the features: in PyTorch the masks themselves do.
"""

from __future__ import annotations

from dataclasses import replace

from keras2torch.ir.program import Module, Statement, Tensor, Value
from keras2torch.ir.step import Step
from keras2torch.layers.merging import mask_like

COLUMN = "{0}.unsqueeze(-1)"
ZEROS = "torch.zeros_like({0}, dtype=torch.bool)"
ONES = "torch.ones_like({0}, dtype=torch.bool)"
STEPS = "torch.ones_like({0}[..., 0], dtype=torch.bool)"
SPREAD = "{0}.unsqueeze(-1).expand_as({1})"


def made_by(step: Step, value: Value | Module) -> Statement | None:
    """The statement that makes a value; none for an input."""
    return next((s for s in reversed(step.model.statements) if value in s.targets), None)


def gathered(step: Step, x: Tensor) -> Tensor | None:
    """``any(x, axis=-1)`` where ``x`` is masks spread over their features, side by side."""
    statement = made_by(step, x.value)
    if statement is None or not statement.expression.startswith("torch.cat("):
        return None
    parts = [made_by(step, operand) for operand in statement.operands]
    spread = [part for part in parts if part and part.expression in (SPREAD, ONES)]
    if len(spread) < len(parts):
        return None
    like = mask_like(x)
    if not statement.expression.endswith("dim=-1)"):
        masks = [_mask(step, part, like) for part in spread]
        # The masks lack the last axis only, so theirs is the same dimension.
        return step.compute(statement.expression, *masks, like=like, hint="mask")
    everywhere = [part for part in spread if part.expression == ONES]
    if everywhere:
        return _mask(step, everywhere[0], like)
    values = list(dict.fromkeys(_mask(step, part, like) for part in spread))
    if len(values) == 1:
        return values[0]
    either = " | ".join(f"{{{place}}}" for place in range(len(values)))
    return step.compute(either, *values, like=like, hint="mask")


def _mask(step: Step, spread: Statement, like: Tensor) -> Tensor:
    """The mask that a statement spreads; ones for an input that has none."""
    source = spread.operands[0]
    if spread.expression == SPREAD and isinstance(source, Value):
        return replace(like, value=source)
    return step.compute(STEPS, source, like=like, hint="mask")
