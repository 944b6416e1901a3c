"""What Keras' BatchNormalization does and ``nn.BatchNorm2d`` doesn't."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class BatchNorm(nn.Module):
    """Batch normalization of dimension ``dim`` of a tensor of any rank, as in Keras.

    Unlike ``nn.BatchNorm2d`` it averages the biased variance of the batches, accepts one
    value per channel, and, when ``frozen``, uses the running statistics in training too.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        features: int,
        *,
        eps: float = 1e-3,
        momentum: float = 0.01,
        dim: int = 1,
        weight: bool = True,
        bias: bool = True,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.eps, self.momentum, self.dim, self.frozen = eps, momentum, dim, frozen
        self.weight = nn.Parameter(torch.ones(features)) if weight else None
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def reset_parameters(self) -> None:
        """Start afresh, the running statistics too."""
        for name, tensor in [*self.named_parameters(), *self.named_buffers()]:
            nn.init.constant_(tensor, 1.0 if name.endswith(("weight", "_var", "_std")) else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.running_mean, self.running_var
        learns = self.training and not self.frozen
        count = x.numel() // x.shape[self.dim]
        if learns and count == 1:
            # torch refuses a single value; a pair of equal ones has the same moments.
            return self.forward(torch.cat([x, x]))[:1]
        if learns:  # with momentum 1 torch leaves the moments of this batch here
            mean, var = torch.zeros_like(mean), torch.zeros_like(var)
        x = x.movedim(self.dim, 1)
        x = F.batch_norm(x, mean, var, self.weight, self.bias, learns, 1.0, self.eps)
        if learns:
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * ((count - 1) / count), self.momentum)
        return x.movedim(1, self.dim)


class MaskedBatchNorm(BatchNorm):
    """A BatchNorm that learns from the values that a mask counts, and normalizes all."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """mask: booleans that broadcast to the shape of x."""
        if mask is None or not self.training or self.frozen:
            return super().forward(x)
        mean, var = self.moments(x, mask)
        with torch.no_grad():
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(var.flatten(), self.momentum)
        return self.scaled((x - mean) * torch.rsqrt(var + self.eps), mean)

    def moments(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """The mean and variance of the values that count, one per channel and broadcastable."""
        dims = [dim for dim in range(x.dim()) if dim != self.dim % x.dim()]
        if mask is None:
            var, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
            return mean, var
        ignored = ~mask.expand_as(x)
        # Keras adds its epsilon, so that no counted value at all gives zeros.
        count = (~ignored).sum(dims, keepdim=True, dtype=x.dtype) + 1e-7
        mean = x.masked_fill(ignored, 0.0).sum(dims, keepdim=True) / count
        apart = (x - mean).masked_fill(ignored, 0.0)
        return mean, apart.square().sum(dims, keepdim=True) / count

    def scaled(self, y: Tensor, mean: Tensor) -> Tensor:
        """``y * weight + bias``, laid out as ``mean`` is."""
        if self.weight is not None:
            y = y * self.weight.view_as(mean)
        return y if self.bias is None else y + self.bias.view_as(mean)


class RenormBatchNorm(MaskedBatchNorm):
    """Keras' batch renormalization (arXiv:1702.03275): while training, a batch is normalized as
    slow averages of the moments would, the corrections r and d being limited.

    Source: keras/src/layers/normalization/batch_normalization.py.
    """

    running_std: Tensor
    renorm_mean: Tensor
    renorm_std: Tensor

    def __init__(
        self,
        features: int,
        *,
        renorm_momentum: float,
        rmin: float = 0.0,
        rmax: float = float("inf"),
        dmax: float = float("inf"),
        **options: Any,
    ) -> None:
        super().__init__(features, **options)
        self.renorm_momentum, self.rmin, self.rmax, self.dmax = renorm_momentum, rmin, rmax, dmax
        self.register_buffer("running_std", torch.ones(features))
        self.register_buffer("renorm_mean", torch.zeros(features))
        self.register_buffer("renorm_std", torch.ones(features))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """mask: booleans that broadcast to the shape of x."""
        if not self.training or self.frozen:
            return super().forward(x)
        mean, var = self.moments(x, mask)
        std = torch.sqrt(var + self.eps)
        with torch.no_grad():
            slow_std = self.renorm_std.clamp(min=self.eps**0.5).view_as(std)
            r = (std / slow_std).clamp(self.rmin, self.rmax)
            d = ((mean - self.renorm_mean.view_as(mean)) / slow_std).clamp(-self.dmax, self.dmax)
            self.renorm_mean.lerp_(mean.flatten(), self.renorm_momentum)
            self.renorm_std.lerp_(std.flatten(), self.renorm_momentum)
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_std.lerp_(std.flatten(), self.momentum)
            self.running_var.copy_(torch.relu(self.running_std.square() - self.eps))
        return self.scaled((x - mean) / std * r + d, mean)
