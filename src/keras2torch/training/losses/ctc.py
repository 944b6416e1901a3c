"""Keras' CTC loss.

Source: keras/src/losses/losses.py, keras/src/backend/{tensorflow,jax}/nn.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def ctc(outputs: Tensor, targets: Tensor) -> Tensor:
    """-log of the probability of the targets over all alignments, one value per sample.

    outputs: logits (batch, steps, classes); targets: whole numbers (batch, length), filled up with
    0, which is the blank. Every step counts. Targets that need more steps than there are have no
    alignment: an error here, a loss of about 707 in Keras on TensorFlow, of 100,000 on JAX. These
    are the most that a sample's loss can be there.
    """
    targets = targets.long()
    first, second = targets[:, :-1], targets[:, 1:]
    if ((first == 0) & (second != 0)).any():
        raise ValueError("targets of CTC have a blank, 0, before their end")
    lengths = (targets != 0).sum(-1)
    needed = lengths + ((first == second) & (second != 0)).sum(-1)  # a blank between equal ones
    if (needed > outputs.shape[1]).any():
        raise ValueError(f"targets of CTC need more steps than the {outputs.shape[1]} there are")
    logs = F.log_softmax(outputs, -1).transpose(0, 1)
    steps = torch.full_like(lengths, outputs.shape[1])
    return F.ctc_loss(logs, targets, steps, lengths, blank=0, reduction="none")
