"""Keras' attention without heads. Source: keras/src/layers/attention/attention.py."""

import torch
from torch import Tensor, nn


def causal_mask(query: Tensor, key: Tensor, dim: int = 1) -> Tensor:
    """(T, S): a step sees itself and what comes before it; the steps lie in ``dim``."""
    shape = query.shape[dim], key.shape[dim]
    return torch.ones(shape, dtype=torch.bool, device=query.device).tril()


def lowered_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax of the last dimension; scores where the mask is False are lowered by 1e9 before."""
    if mask is not None:
        scores = torch.where(mask, scores, scores - min(1e9, torch.finfo(scores.dtype).max))
    return scores.softmax(dim=-1)


class DotProductAttention(nn.Module):
    """Luong's attention; its scores may have a learned scale.

    query: (batch, T, size), key: (batch, S, size), value: (batch, S, out). Returns (batch, T, out)
    and the weights (batch, T, S). ``mask`` is True where a value may be seen.
    """

    def __init__(self, *, scaled: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(())) if scaled else None
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        scores = query @ key.transpose(-2, -1)
        if self.scale is not None:
            scores = scores * self.scale
        weights: Tensor = self.dropout(lowered_softmax(scores, mask))
        return weights @ value, weights


class ConcatAttention(nn.Module):
    """Keras' ``score_mode="concat"``: the scores are a multiple of sum(tanh(query + key)).

    Shapes and mask are those of DotProductAttention.
    """

    def __init__(self, *, scaled: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(())) if scaled else None
        self.weight = nn.Parameter(torch.ones(()))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        pairs = query.unsqueeze(-2) + key.unsqueeze(-3)  # (batch, T, S, size)
        if self.scale is not None:
            pairs = pairs * self.scale
        scores = self.weight * torch.tanh(pairs).sum(dim=-1)
        weights: Tensor = self.dropout(lowered_softmax(scores, mask))
        return weights @ value, weights


class AdditiveAttention(nn.Module):
    """Bahdanau's attention without projections: sum(scale * tanh(query + key)).

    Shapes and mask are those of DotProductAttention.
    Source: keras/src/layers/attention/additive_attention.py.
    """

    def __init__(self, size: int, *, scaled: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size)) if scaled else None
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        pairs = torch.tanh(query.unsqueeze(-2) + key.unsqueeze(-3))  # (batch, T, S, size)
        scores = (pairs if self.scale is None else pairs * self.scale).sum(dim=-1)
        weights: Tensor = self.dropout(lowered_softmax(scores, mask))
        return weights @ value, weights
