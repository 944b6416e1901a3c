"""Functions of ``keras.ops.nn`` that PyTorch has none for, or none with the same corners."""

import torch
from torch import Tensor


def binary_crossentropies(target: Tensor, output: Tensor) -> Tensor:
    """The loss of each element; probabilities are kept 1e-7 away from 0 and 1.

    Keras: keras/src/ops/nn.py, BinaryCrossentropy.
    """
    output = output.clamp(1e-7, 1 - 1e-7)
    return -(target * output.log() + (1 - target) * (1 - output).log())


def categorical_crossentropies(target: Tensor, output: Tensor, dim: int) -> Tensor:
    """The loss of each distribution along ``dim``, which is made to sum to 1 first.

    Keras: keras/src/ops/nn.py, CategoricalCrossentropy.
    """
    output = output / output.sum(dim=dim, keepdim=True)
    return -(target * output.clamp(1e-7, 1 - 1e-7).log()).sum(dim=dim)


def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    scale: float | None = None,
    is_causal: bool = False,
) -> Tensor:
    """Values weighed by how queries and keys agree; a row that is masked whole weighs all alike.

    query: (batch, time, heads, size); key, value: (batch, steps, heads or fewer, size);
    bias and mask: (batch, heads or 1, time, steps). Keras: keras/src/ops/nn.py.
    """
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 2), value.repeat_interleave(groups, 2)
    logits = torch.einsum("btnh,bsnh->bnts", query, key)
    logits = logits * (query.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        logits = logits + bias
    lowest = -0.7 * torch.finfo(logits.dtype).max
    if mask is not None:
        logits = torch.where(mask.bool(), logits, lowest)
    if is_causal:
        steps = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
        logits = torch.where(steps, logits, lowest)
    return torch.einsum("bnts,bsnh->btnh", torch.softmax(logits, dim=-1), value)


def depth_to_space(x: Tensor, size: int) -> Tensor:
    """Channels spread over blocks of ``size`` by ``size`` pixels, the channel running fastest.

    x: (batch, height, width, channels). Keras: keras/src/ops/nn.py, DepthToSpace.
    """
    x = torch.unflatten(x, 3, (size, size, -1)).permute(0, 1, 3, 2, 4, 5)
    return x.flatten(3, 4).flatten(1, 2)


def space_to_depth(x: Tensor, size: int) -> Tensor:
    """Blocks of ``size`` by ``size`` pixels as channels, the channel running fastest.

    x: (batch, height, width, channels). Keras: keras/src/ops/nn.py, SpaceToDepth.
    """
    x = torch.unflatten(torch.unflatten(x, 2, (-1, size)), 1, (-1, size))
    return x.permute(0, 1, 3, 2, 4, 5).flatten(3)
