"""Losses of numbers."""

from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.losses.call import LossCall, reduction_of
from keras2torch.recipes.table import recipe


@recipe("loss", "MeanSquaredError", "mean_squared_error", "mse", "MSE")
def mean_squared_error(options: Config, backend: str) -> LossCall:
    return LossCall("mean_squared_error", reduction=reduction_of(options))
