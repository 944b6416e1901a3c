"""Keras' circle loss, of embeddings and their labels.

Source: keras/src/losses/losses.py, after Sun et al. 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def circle(
    outputs: Tensor,
    targets: Tensor,
    gamma: float = 80.0,
    margin: float = 0.4,
    remove_diagonal: bool = True,
) -> Tensor:
    """log(1 + sum over others of the same label * sum over those of other labels), per sample.

    outputs: (batch, size), each of length 1; targets: whole numbers (batch,) or (batch, 1).
    With cosines s and distances d = 1 - s, a sample of the same label counts exp(-gamma (margin +
    d) (margin - d)), one of another exp(gamma (1 + margin - d) (1 - margin - d)). Keras averages
    over the samples whose loss is above 0: those that have both kinds.
    """
    labels = targets.reshape(-1, 1).int()
    same = labels == labels.T
    others = ~same
    if remove_diagonal:
        same = same & ~torch.eye(len(labels), dtype=torch.bool, device=same.device)
    distances = (1 - outputs @ outputs.T).clamp(min=0)
    near = -gamma * (margin + distances) * (margin - distances)
    far = gamma * (1 + margin - distances).clamp(min=0) * (1 - margin - distances)
    near = near.masked_fill(~same, -torch.inf).logsumexp(1)
    far = far.masked_fill(~others, -torch.inf).logsumexp(1)
    return -F.logsigmoid(-(near + far))
