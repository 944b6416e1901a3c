"""Sparse gradients of an embedding that one pass through a model calls several times."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def keep_occurrences(embedding: nn.Embedding) -> None:
    """Make an embedding's gradients sparse, with a row for each token of all of its calls.

    Where the sparse gradients of two calls meet, torch may add up rows of one token, and so
    square their sum. This keeps what each call's outputs, (..., features), have for gradients,
    and lets them take the place of what torch made of them: of this backward pass alone, so
    gradients are set to zero before each. A gradient that is dense, because the weight is used
    otherwise too, stays.
    """
    if embedding.sparse:
        return
    embedding.sparse = True
    calls: list[tuple[Tensor, Tensor]] = []

    def remember(_: nn.Module, arguments: tuple[Tensor], outputs: Tensor) -> None:
        tokens = arguments[0]
        if outputs.requires_grad:
            outputs.register_hook(lambda gradient: calls.append((tokens, gradient)))  # type: ignore[no-untyped-call]

    def put_in_place(weight: Tensor) -> None:
        if weight.grad is not None and weight.grad.is_sparse:
            rows = torch.cat([tokens.flatten() for tokens, _ in calls])
            values = torch.cat([gradient.flatten(0, -2) for _, gradient in calls])
            weight.grad = torch.sparse_coo_tensor(
                rows[None], values.to(weight.dtype), weight.shape, check_invariants=False
            )
        calls.clear()

    embedding.register_forward_hook(remember)
    embedding.weight.register_post_accumulate_grad_hook(put_in_place)  # type: ignore[no-untyped-call]
