"""Keras' attention with heads, whose sizes are freer than those of ``nn.MultiheadAttention``.

Sources: keras/src/layers/attention/multi_head_attention.py and grouped_query_attention.py.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def sliding_window_mask(query: Tensor, key: Tensor, size: int) -> Tensor:
    """(T, S): a step sees those that are less than ``size`` steps away, on both sides."""
    rows = torch.arange(query.shape[1], device=query.device)
    columns = torch.arange(key.shape[1], device=query.device)
    return (rows.unsqueeze(1) - columns).abs() < size


def masked_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """``F.scaled_dot_product_attention``, but a query that may see nothing takes the mean of all
    values, as it does in Keras."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1) @ value


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax of the last dimension; where nothing may be seen, all weights are 0."""
    if mask is None:
        return scores.softmax(dim=-1)
    lowest = -3e4 if scores.dtype == torch.float16 else -1e9
    weights = torch.where(mask, scores, lowest).softmax(dim=-1)
    return torch.where(mask, weights, 0)


def by_heads(x: Tensor, heads: int) -> Tensor:
    """(batch, steps, heads * size) to (batch, heads, steps, size)."""
    return torch.unflatten(x, -1, (heads, -1)).transpose(1, 2)


class AttentionHeads(nn.Module):
    """The projections of attention with several heads; a subclass tells which attention."""

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        head_dim: int,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        value_dim: int | None = None,
        out_dim: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        value_dim = value_dim or head_dim
        self.query = nn.Linear(embed_dim, num_heads * head_dim, bias)
        self.key = nn.Linear(kdim or embed_dim, num_heads * head_dim, bias)
        self.value = nn.Linear(vdim or embed_dim, num_heads * value_dim, bias)
        self.output = nn.Linear(num_heads * value_dim, out_dim or embed_dim, bias)
        self.dropout = nn.Dropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Keras starts with Glorot's uniform weights and biases of 0."""
        for part in self.children():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def split(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The projections by heads: (batch, num_heads, T or S, size of a head)."""
        q = by_heads(self.query(query), self.num_heads)
        k = by_heads(self.key(key), self.num_heads)
        v = by_heads(self.value(value), self.num_heads)
        return q, k, v

    def merge(self, heads: Tensor, query: Tensor) -> Tensor:
        """What the heads return, side by side in the last dimension, to (batch, T, out)."""
        merged: Tensor = self.output(heads)
        return merged


class GroupedHeads(AttentionHeads):
    """Heads that share keys and values in groups, and that a gate of the query may scale."""

    def __init__(
        self,
        *sizes: int,
        num_kv_heads: int | None = None,
        gated: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(*sizes, **options)
        self.groups = self.num_heads // (num_kv_heads or self.num_heads)
        self.key = self._smaller(self.key)
        self.value = self._smaller(self.value)
        values, bias = self.output.in_features, self.output.bias is not None
        self.gate = nn.Linear(self.query.in_features, values, bias) if gated else None
        self.reset_parameters()

    def _smaller(self, full: nn.Linear) -> nn.Linear:
        size = full.out_features // self.groups
        return nn.Linear(full.in_features, size, full.bias is not None)

    def split(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        q = by_heads(self.query(query), self.num_heads)
        k = by_heads(self.key(key), self.num_heads // self.groups)
        v = by_heads(self.value(value), self.num_heads // self.groups)
        k = k.repeat_interleave(self.groups, dim=1)
        v = v.repeat_interleave(self.groups, dim=1)
        return q, k, v

    def merge(self, heads: Tensor, query: Tensor) -> Tensor:
        if self.gate is not None:
            heads = heads * torch.sigmoid(self.gate(query))
        return super().merge(heads, query)


class MultiHeadAttention(AttentionHeads):
    """Attention of several heads.

    query: (batch, T, embed_dim), key: (batch, S, kdim), value: (batch, S, vdim). Returns
    (batch, T, out_dim). ``mask`` is True where a query may see a key, and is broadcast to
    (batch, num_heads, T, S).
    """

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        q, k, v = self.split(query, key, value)
        if mask is None:
            heads = F.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
        else:
            heads = masked_attention(q, k, v, mask)
        return self.merge(heads.transpose(1, 2).flatten(2), query)


class MultiHeadAttentionWithWeights(AttentionHeads):
    """Attention that returns its weights (batch, num_heads, T, S) too, and may drop some.

    Shapes and mask are those of MultiHeadAttention, but a query that may see nothing
    takes nothing.
    """

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        q, k, v = self.split(query, key, value)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        weights = masked_softmax(scores, mask)
        heads = self.dropout(weights) @ v
        return self.merge(heads.transpose(1, 2).flatten(2), query), weights


class MultiAxisAttention(AttentionHeads):
    """Attention over some axes of (batch, ..., size); einsum's letters tell which.

    ``scores`` makes the scores of keys and queries by heads, whose last ``axes`` dimensions are
    those of the keys; ``combine`` adds up the values. Returns the weights too.
    """

    def __init__(self, *sizes: int, scores: str, combine: str, axes: int, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.scores = scores
        self.combine = combine
        self.axes = axes

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        q = torch.unflatten(self.query(query), -1, (self.num_heads, -1))
        k = torch.unflatten(self.key(key), -1, (self.num_heads, -1))
        v = torch.unflatten(self.value(value), -1, (self.num_heads, -1))
        scores = torch.einsum(self.scores, k, q) / math.sqrt(q.shape[-1])
        if mask is not None:
            mask = mask.expand_as(scores).flatten(-self.axes)
        weights = masked_softmax(scores.flatten(-self.axes), mask).view_as(scores)
        heads = torch.einsum(self.combine, self.dropout(weights), v)
        return self.merge(heads.flatten(-2), query), weights


class GroupedQueryAttention(GroupedHeads, MultiHeadAttention):
    """MultiHeadAttention whose heads share keys and values in groups, or have a gate."""


class GroupedQueryAttentionWithWeights(GroupedHeads, MultiHeadAttentionWithWeights):
    """MultiHeadAttentionWithWeights with groups of heads, or a gate."""


class GatedMultiAxisAttention(GroupedHeads, MultiAxisAttention):
    """MultiAxisAttention whose heads have a gate."""
