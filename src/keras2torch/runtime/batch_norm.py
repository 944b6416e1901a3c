"""What Keras' BatchNormalization does and ``nn.BatchNorm2d`` doesn't."""

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
            nn.init.constant_(tensor, 1.0 if name in ("weight", "running_var") else 0.0)

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
        dims = [dim for dim in range(x.dim()) if dim != self.dim % x.dim()]
        ignored = ~mask.expand_as(x)
        # Keras adds its epsilon, so that no counted value at all gives zeros.
        count = (~ignored).sum(dims, keepdim=True, dtype=x.dtype) + 1e-7
        mean = x.masked_fill(ignored, 0.0).sum(dims, keepdim=True) / count
        apart = (x - mean).masked_fill(ignored, 0.0)
        var = apart.square().sum(dims, keepdim=True) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(var.flatten(), self.momentum)
        y = (x - mean) * torch.rsqrt(var + self.eps)
        if self.weight is not None:
            y = y * self.weight.view_as(mean)
        return y if self.bias is None else y + self.bias.view_as(mean)
