"""Keras' losses. Each mapping returns a ``LossCall``; ``loss_call`` is the way to get one.

How a loss is written, for outputs, targets and optional weights::

    values = binary_crossentropy(outputs, targets)
    loss = mean_loss(values, weights)

- ``call.source("outputs", "targets")`` is the first line, ``call.reduction`` the name of the
  function in the second one, which ``reduced`` writes. Both are definitions of ``training/``.
- If the loss masks something itself, ``call.mask`` is an expression of ``values`` and ``targets``:
  ``masked_mean_loss(values, values > 0, weights)``. If the model's output carries a mask, that is
  handed over instead, or both, joined by ``&``.
- Keras on TensorFlow finds the logits behind the outputs of a sigmoid or softmax. So if the
  backend is TensorFlow and the model's last operation is one of the two,
  ``call.behind("sigmoid", shape)`` is asked for the function that gets the logits instead::

      values = binary_crossentropy_with_logits(logits, targets)

  None means that the loss takes the outputs. Either activation counts, whatever the loss: behind
  a softmax, too, binary crossentropy takes the softmax's inputs as the logits of sigmoids. Layers
  that return their input itself (``linear``, Dropout at rate 0, Identity) don't count as
  operations; everything else hides the logits, be it a reshape or a cast: outputs of half
  precision are cast to float32 before the loss, and their probabilities are taken as they are.
- The loss is computed in float32 (float64 in a model of that): outputs come in that dtype.
"""

from __future__ import annotations

from typing import Any

from keras2torch.recipes.losses.call import LossCall
from keras2torch.recipes.table import call_of

__all__ = ["LossCall", "loss_call"]


def loss_call(value: Any, where: str, backend: str) -> LossCall:
    """The call for a loss as Keras saves it: a name, or ``class_name`` with its ``config``."""
    call = call_of("loss", value, where, backend)
    if not isinstance(call, LossCall):
        raise TypeError(f"the recipe of loss {value!r} returns no LossCall")
    return call
