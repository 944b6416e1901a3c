"""What a recipe of a loss returns: the function, and all that Keras does around it."""

from __future__ import annotations

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

    ``reduction`` is a function of (values, weights, mask) that makes one number of the values.
    ``mask`` is what the loss itself masks, an expression of ``values`` and ``targets``, or None.
    ``with_logits`` is the same loss of logits, if Keras on TensorFlow looks for them.
    """

    reduction: str = "mean_loss"
    mask: str | None = None
    with_logits: Call | None = None

    def behind(self, activation: str, shape: Sequence[int | None]) -> Call | None:
        """The function of (logits, targets) that Keras on TensorFlow computes.

        None if it takes the outputs as they are. ``activation`` is the model's last operation,
        "sigmoid" or "softmax"; ``shape`` the output's, with its batch axis.
        """
        if self.with_logits is None or len(shape) < 3 or shape[-1] != 1:
            return self.with_logits
        if activation != "sigmoid":
            raise UnsupportedError(f"{self.function}: the output has a softmax over one class")
        if not self.with_logits.function.startswith("binary"):
            return self.with_logits
        return replace(self.with_logits, options={**self.with_logits.options, "squeezed": True})


def reduction_of(options: Config) -> str:
    """The function for the option ``reduction``; reads what every loss has besides."""
    options.ignore("name")  # of the layer of the log, Keras' History takes the outputs' names
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
