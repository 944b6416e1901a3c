"""Modules with float32 parameters that compute in half precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call


def call_in(dtype: torch.dtype, module: nn.Module, *inputs: Any, **options: Any) -> Any:
    """Call a module with its parameters rounded to ``dtype``, or its buffers if it has none.

    The parameters themselves stay as they are, usually float32, and are trained there: Keras'
    ``mixed_float16`` and ``mixed_bfloat16``. Source: keras/src/backend/common/variables.py,
    ``AutocastScope``.
    """
    kept: list[tuple[str, Tensor]] = [*module.named_parameters()]
    kept = kept or [*module.named_buffers()]
    rounded = {name: tensor.to(dtype) for name, tensor in kept if tensor.is_floating_point()}
    return functional_call(module, rounded, inputs, options)


def callable_in(dtype: torch.dtype, module: nn.Module) -> Callable[..., Any]:
    """The same for a function that is given the module to call."""

    def call(*inputs: Any, **options: Any) -> Any:
        return call_in(dtype, module, *inputs, **options)

    return call
