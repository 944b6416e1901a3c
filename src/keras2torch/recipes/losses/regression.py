"""Losses of numbers, of counts and of margins."""

from __future__ import annotations

from keras2torch.errors import UnsupportedError
from keras2torch.ir.config import Config
from keras2torch.recipes.losses.call import LossCall, reduction_of
from keras2torch.recipes.table import recipe

REDUCED: tuple[dict[str, str], ...] = (
    {},
    {"reduction": "sum"},
    {"reduction": "mean_with_sample_weight"},
)


@recipe("loss", "MeanSquaredError", "mean_squared_error", "mse", "MSE", examples=REDUCED)
def mean_squared_error(options: Config, backend: str) -> LossCall:
    return LossCall("mean_squared_error", reduction=reduction_of(options))


@recipe("loss", "MeanAbsoluteError", "mean_absolute_error", "mae", "MAE", examples=REDUCED)
def mean_absolute_error(options: Config, backend: str) -> LossCall:
    return LossCall("mean_absolute_error", reduction=reduction_of(options))


@recipe(
    "loss",
    "MeanAbsolutePercentageError",
    "mean_absolute_percentage_error",
    "mape",
    "MAPE",
    examples=REDUCED,
)
def mean_absolute_percentage_error(options: Config, backend: str) -> LossCall:
    return LossCall("mean_absolute_percentage_error", reduction=reduction_of(options))


@recipe(
    "loss",
    "MeanSquaredLogarithmicError",
    "mean_squared_logarithmic_error",
    "msle",
    "MSLE",
    examples=REDUCED,
)
def mean_squared_logarithmic_error(options: Config, backend: str) -> LossCall:
    return LossCall("mean_squared_logarithmic_error", reduction=reduction_of(options))


@recipe(
    "loss",
    "Huber",
    "huber",
    "huber_loss",
    examples=({}, {"delta": 0.3}, {"delta": 2.5, "reduction": "sum"}),
)
def huber(options: Config, backend: str) -> LossCall:
    delta = options.float("delta", 1.0)
    if delta <= 0:
        raise UnsupportedError(f"{options.where}: delta={delta} is no bound, it must be above 0")
    # Keras does not save it, so it is written where its owner sees it.
    return LossCall("huber", options={"delta": delta}, reduction=reduction_of(options))


@recipe("loss", "LogCosh", "log_cosh", "logcosh", examples=REDUCED)
def log_cosh(options: Config, backend: str) -> LossCall:
    return LossCall("log_cosh", reduction=reduction_of(options))


@recipe(
    "loss",
    "CosineSimilarity",
    "cosine_similarity",
    examples=({}, {"axis": 1}, {"reduction": "sum"}),
)
def cosine_similarity(options: Config, backend: str) -> LossCall:
    axis = options.int("axis", -1)
    given = {} if axis == -1 else {"axis": axis}
    return LossCall("cosine_similarity", options=given, reduction=reduction_of(options))


@recipe(
    "loss",
    "KLDivergence",
    "kl_divergence",
    "kld",
    "KLD",
    "kullback_leibler_divergence",
    examples=REDUCED,
)
def kl_divergence(options: Config, backend: str) -> LossCall:
    return LossCall("kl_divergence", reduction=reduction_of(options))


@recipe("loss", "Poisson", "poisson", examples=REDUCED)
def poisson(options: Config, backend: str) -> LossCall:
    return LossCall("poisson", reduction=reduction_of(options))


@recipe("loss", "Hinge", "hinge", examples=REDUCED)
def hinge(options: Config, backend: str) -> LossCall:
    return LossCall("hinge", reduction=reduction_of(options))


@recipe("loss", "SquaredHinge", "squared_hinge", examples=REDUCED)
def squared_hinge(options: Config, backend: str) -> LossCall:
    return LossCall("squared_hinge", reduction=reduction_of(options))


@recipe("loss", "CategoricalHinge", "categorical_hinge", examples=REDUCED)
def categorical_hinge(options: Config, backend: str) -> LossCall:
    return LossCall("categorical_hinge", reduction=reduction_of(options))
