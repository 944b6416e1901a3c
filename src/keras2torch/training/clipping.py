"""Clipping of gradients as in Keras: per variable, over all, and value by value.

A sparse gradient counts every occurrence of a row by itself, as Keras on TensorFlow does.
Keras: ``_clip_gradients`` in ``keras/src/optimizers/base_optimizer.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def gradients_of(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The gradients that are there, of sparse ones their values: to be changed in place."""
    return [
        p.grad._values() if p.grad.is_sparse else p.grad for p in parameters if p.grad is not None
    ]


@torch.no_grad()
def clip_norm_(
    parameters: Iterable[Tensor], max_norm: float, joined: Sequence[Sequence[Tensor]] = ()
) -> None:
    """Scale each gradient g to g * max_norm / max(|g|, max_norm), every parameter by itself.

    ``joined`` has the parameters that are one variable in Keras, such as the two biases of a GRU:
    their norm is taken together.
    """
    parameters = list(parameters)
    together = {id(parameter) for group in joined for parameter in group}
    for group in [*joined, *([p] for p in parameters if id(p) not in together)]:
        gradients = gradients_of(group)
        if gradients:
            norm = norm_of(gradients)
            for gradient in gradients:
                gradient.mul_(max_norm / norm.clamp(min=max_norm))


@torch.no_grad()
def clip_global_norm_(parameters: Iterable[Tensor], max_norm: float) -> None:
    """Scale all gradients by min(1, max_norm / norm of them all).

    ``clip_grad_norm_`` of torch adds 1e-6 to the norm.
    """
    parameters = list(parameters)
    gradients = gradients_of(parameters)
    if gradients:
        norm = norm_of(gradients)
        # Of an infinite norm NaN, not 0.
        scale = max_norm / norm.clamp(min=max_norm) + (norm - norm)
        for parameter in parameters:
            if parameter.grad is not None:
                if parameter.grad.is_sparse:
                    # The norm is that of single occurrences of rows, but what Keras scales is
                    # their sum.
                    parameter.grad = parameter.grad.to_dense()
                parameter.grad.mul_(scale.to(parameter.device))


@torch.no_grad()
def clip_value_(parameters: Iterable[Tensor], max_value: float) -> None:
    """Clip the gradients to [-max_value, max_value]."""
    for gradient in gradients_of(parameters):
        gradient.clamp_(-max_value, max_value)


def norm_of(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all values together."""
    first = tensors[0].device
    norms: list[Tensor] = [torch.linalg.vector_norm(tensor).to(first) for tensor in tensors]
    if len(norms) > 1:
        norms = [torch.linalg.vector_norm(torch.stack(norms))]
    return norms[0]
