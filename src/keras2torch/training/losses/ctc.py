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
    0, which is the blank. Every step counts.
    """
    logs = F.log_softmax(outputs, -1).transpose(0, 1)
    targets = targets.long()
    steps = torch.full((len(targets),), outputs.shape[1], device=targets.device)
    lengths = (targets != 0).sum(-1)
    return F.ctc_loss(logs, targets, steps, lengths, blank=0, reduction="none")
