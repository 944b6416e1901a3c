"""What a recipe of a loss returns: the function, and all that Keras does around it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call

REDUCTIONS = {
    "sum_over_batch_size": "mean_loss",
    "mean": "mean_loss",
    "auto": "mean_loss",  # Keras 2
    "sum": "sum_loss",
    "mean_with_sample_weight": "mean_loss_by_weight",
}


@dataclass(frozen=True)
class LossCall(Call):
    """A loss of (outputs, targets): one value per sample or position.

    ``reduction`` is a function of (values, weights) that makes one number of the values.
    ``mask`` is what the loss itself masks, an expression of ``values`` and ``targets``, or None.
    ``with_logits`` is the same loss of logits, if Keras on TensorFlow looks for them.
    """

    reduction: str = "mean_loss"
    mask: str | None = None
    with_logits: Call | None = None
    behind_softmax: Call | None = None  # where that is another one

    def behind(self, activation: str, shape: Sequence[int | None]) -> Call | None:
        """The function of (logits, targets) that Keras on TensorFlow computes.

        None if it takes the outputs as they are. ``activation`` is the model's last operation,
        "sigmoid" or "softmax"; ``shape`` the output's, with its batch axis.
        """
        call = self.with_logits
        if activation == "softmax" and self.behind_softmax is not None:
            call = self.behind_softmax
        if call is None or len(shape) < 3 or shape[-1] != 1:
            return call
        # Targets with one axis less make Keras squeeze the outputs, and forget the logits.
        if activation != "sigmoid" or not call.function.startswith("binary"):
            raise UnsupportedError(f"loss {self.function}: the output has only one class")
        return replace(call, function=call.function.replace("_with_logits", "_of_steps"))


def reduced(reduction: str, weights: str, masks: Sequence[str] = ()) -> tuple[str, set[str]]:
    """One number of ``values``, as an expression, and the definitions that it needs."""
    if not masks:
        return f"{reduction}(values, {weights})", {reduction}
    mask = masks[0]
    if len(masks) > 1:
        mask = " & ".join(f"({mask})" if _compares(mask) else mask for mask in masks)
    if reduction == "mean_loss":
        return f"masked_mean_loss(values, {mask}, {weights})", {"masked_mean_loss"}
    own = f"masked_weights({mask}, {weights})"
    return f"{reduction}(values, {own})", {reduction, "masked_weights"}


def _compares(expression: str) -> bool:
    return isinstance(ast.parse(expression, mode="eval").body, ast.Compare)


def reduction_of(options: Config) -> str:
    """The function for the option ``reduction``; reads what every loss has besides."""
    # Its name says nothing, logs have the outputs' names; "fn" is the class' function in Keras 2.
    options.ignore("name", "fn")
    dtype = options.raw("dtype", None)
    if isinstance(dtype, dict):
        inner = dtype.get("config")
        dtype = inner.get("name") if isinstance(inner, dict) else dtype
    if dtype not in (None, "float32"):
        raise UnsupportedError(
            f"{options.where}: dtype={quoted(dtype)} has no exact port yet, compile it without"
        )
    reduction = options.raw("reduction", "sum_over_batch_size")
    if reduction in (None, "none"):
        raise UnsupportedError(
            f"{options.where}: reduction=None leaves no number to train on, "
            'compile it with "sum_over_batch_size" or "sum"'
        )
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise options.wrong("reduction", "one of " + ", ".join(sorted(REDUCTIONS)), reduction)
    return REDUCTIONS[reduction]
