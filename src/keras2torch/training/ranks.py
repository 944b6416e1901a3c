"""Tensors brought to one rank, as Keras' losses and metrics do before they compare them."""

from torch import Tensor


def same_rank(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both at one rank where the ranks differ by one and the higher one ends in an axis of 1.

    (batch, 1) and (batch,) become (batch, 1) twice; at higher ranks the axis of 1 is dropped
    instead. All else is left as it is, to be broadcast.
    Source: squeeze_or_expand_to_same_rank in keras/src/losses/loss.py.
    """
    if second.dim() == first.dim() + 1:
        second, first = same_rank(second, first)
    elif first.dim() == second.dim() + 1 and first.shape[-1] == 1:
        if second.dim() == 1:
            return first, second.unsqueeze(-1)
        return first.squeeze(-1), second
    return first, second
