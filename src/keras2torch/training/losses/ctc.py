"""Keras' CTC loss.

Source: keras/src/losses/losses.py, keras/src/backend/jax/nn.py; ctc_loss_and_grad in
tensorflow/python/ops/ctc_ops.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def ctc(outputs: Tensor, targets: Tensor) -> Tensor:
    """-log of the probability of the targets over all alignments, one value per sample.

    outputs: logits (batch, steps, classes); targets: whole numbers (batch, length), filled up with
    0, which is the blank. Every step counts. Targets that need more steps than there are have no
    alignment; Keras on JAX has a loss of 100,000 for them.
    """
    values = plain_ctc(outputs, targets)
    if values.isinf().any():
        raise ValueError(f"targets of CTC need more steps than the {outputs.shape[1]} there are")
    return values


def bounded_ctc(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same as TensorFlow computes it: an alignment may also begin and end anywhere, at a
    probability of 1e-307. So no loss is far above 707, and targets without an alignment have one.
    """
    values = plain_ctc(outputs, targets)
    return any_alignment(outputs, targets.long()) if (values > 690).any() else values


def plain_ctc(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss, infinite where there is no alignment."""
    targets = targets.long()
    if ((targets[:, :-1] == 0) & (targets[:, 1:] != 0)).any():
        raise ValueError("targets of CTC have a blank, 0, before their end")
    logs = F.log_softmax(outputs, -1).transpose(0, 1)
    lengths = (targets != 0).sum(-1)
    steps = torch.full_like(lengths, outputs.shape[1])
    return F.ctc_loss(logs, targets, steps, lengths, blank=0, reduction="none")


def any_alignment(outputs: Tensor, targets: Tensor, log_zero: float = -706.8936235) -> Tensor:
    """The loss over alignments that begin at the first label and end anywhere. Its gradient is that
    over those that begin anywhere too, and has nothing of the labels behind the targets' end.
    """
    scale = outputs.logsumexp(-1, keepdim=True)
    logs = outputs - scale.detach()
    emitted = logs.gather(2, targets[:, None].expand(-1, logs.shape[1], -1))
    emitted = torch.where((targets == 0)[:, None], emitted.detach(), emitted)
    loss = -log_alignments(logs, emitted, targets, -1e30, log_zero)
    slope = scale.sum((1, 2)) - log_alignments(logs, emitted, targets, log_zero, log_zero)
    return loss.detach() + slope - slope.detach()


def log_alignments(
    logs: Tensor, emitted: Tensor, targets: Tensor, early: float, late: float
) -> Tensor:
    """log of the sum over all alignments, where one that begins behind the start has ``early``
    added to its logarithm, and one that does not end at the targets' end has ``late``.

    logs: (batch, steps, classes), emitted: those of the targets (batch, steps, length). States are
    the start and the labels, and a blank behind each of them.
    """
    never = -1e30
    repeated = F.pad(targets[:, 1:] == targets[:, :-1], (1, 0))  # only a blank lies between
    number = torch.arange(targets.shape[1] + 1, device=logs.device).expand(len(targets), -1)
    label = torch.where(number == 0, 0.0, early).to(logs.dtype)
    blank = torch.full_like(label, early)
    for seen, step in zip(emitted.unbind(1), logs.unbind(1), strict=True):
        moved = torch.logaddexp(torch.where(repeated, never, label[:, :-1]), blank[:, :-1])
        blank = torch.logaddexp(blank, label) + step[:, :1]
        label = F.pad(torch.logaddexp(label[:, 1:], moved) + seen, (1, 0), value=never)
    length = (targets != 0).sum(-1, keepdim=True)
    end = torch.where(number == length, 0.0, late)
    return (torch.logaddexp(label, blank) + end).logsumexp(-1)
