"""Orders of ``keras.ops`` where PyTorch leaves open which of equal elements comes first."""

from torch import Tensor


def top_k(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The ``k`` largest along the last axis and where they stand; of equal ones the first.

    Keras: keras/src/ops/math.py, TopK.
    """
    values, places = x.sort(dim=-1, descending=True, stable=True)
    return values[..., :k], places[..., :k].int()
