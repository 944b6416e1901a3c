"""Keras' SpectralNormalization, which is not that of ``nn.utils.parametrizations``."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def spectral_norm(module: nn.Module, *, iterations: int, dim: int = 0) -> nn.Module:
    """Divide the module's weight by its largest singular value before each training step.

    As in Keras the weight itself is overwritten, and gradients don't pass through the
    singular value. ``dim`` is the weight's dimension of outputs; ``vector_u``, which is
    iterated, has one number for each. Source: spectral_normalization.py of Keras.
    """
    weight = module.get_parameter("weight")
    module.register_buffer("vector_u", 0.02 * torch.randn(1, weight.shape[dim]))

    def normalize(module: nn.Module, _: Any) -> None:
        if not module.training:
            return
        with torch.no_grad():
            weight, u = module.get_parameter("weight"), module.get_buffer("vector_u")
            if not weight.any():
                return
            matrix = weight.movedim(dim, -1).reshape(-1, weight.shape[dim])
            new_u, v = u, u @ matrix.T
            for _ in range(iterations):
                v = F.normalize(new_u @ matrix.T)
                new_u = F.normalize(v @ matrix)
            weight.div_((v @ matrix @ new_u.T).item())
            u.copy_(new_u)

    module.register_forward_pre_hook(normalize)
    return module
