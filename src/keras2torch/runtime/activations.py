"""Activations of Keras that PyTorch lacks. Source: keras/src/backend/tensorflow/nn.py."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def squareplus(x: Tensor) -> Tensor:
    """Keras' squareplus with b=4: (x + sqrt(x^2 + 4)) / 2."""
    return (x + torch.sqrt(x.square() + 4)) / 2


def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, the parabola (x + 1)^2 / 4 up to 1, and x from there on."""
    inner = x.clamp(-1, 1)
    return torch.where(x < 1, (inner + 1).square() / 4, x)


def sparsemax(x: Tensor, dim: int) -> Tensor:
    """Keras' sparsemax: x less a threshold, at least 0.

    Unlike Martins & Astudillo's (arXiv:1602.02068), Keras' threshold adds up all partial sums
    of the largest elements, where theirs takes the last. The result need not sum to 1.
    """
    largest = x.sort(dim=dim, descending=True).values
    sums = largest.cumsum(dim)
    support = largest > (sums - 1) / torch.ones_like(x).cumsum(dim)
    size = support.sum(dim=dim, keepdim=True)
    threshold = ((sums * support).sum(dim=dim, keepdim=True) - 1) / size
    return torch.relu(x - threshold)


def thresholded_relu(
    x: Tensor, negative_slope: float, max_value: float | None, threshold: float
) -> Tensor:
    """x above the threshold, at most max_value, and a line of this slope below the threshold.

    Source: ReLU.static_call in keras/src/activations/activations.py.
    """
    upper = F.threshold(x, threshold, 0.0).clamp(max=max_value)
    return upper - negative_slope * torch.relu(threshold - x)


class ElementwisePReLU(nn.Module):
    """A leaky ReLU with a learned slope for every element; axes of size 1 share theirs."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x) - self.weight * torch.relu(-x)


def keras2_hard_sigmoid(x: Tensor) -> Tensor:
    """A line of slope 0.2 between 0 and 1: what ``hard_sigmoid`` was in Keras 1 and 2.

    Source: tf_keras/src/backend.py.
    """
    return torch.clamp(0.2 * x + 0.5, 0, 1)
