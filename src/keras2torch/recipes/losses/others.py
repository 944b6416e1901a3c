"""Losses of embeddings, of sequences, and of noisy labels."""

from __future__ import annotations

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.losses.call import LossCall, reduction_of
from keras2torch.recipes.table import find, recipe

HUBER = {"module": "builtins", "class_name": "function", "config": "huber"}


@recipe(
    "loss",
    "Circle",
    "circle",
    examples=({}, {"gamma": 16.0, "margin": 0.25}, {"remove_diagonal": False}),
)
def circle(options: Config, backend: str) -> LossCall:
    gamma, margin = options.float("gamma", 80.0), options.float("margin", 0.4)
    given = {"gamma": gamma, "margin": margin}
    if not options.bool("remove_diagonal", True):
        given["remove_diagonal"] = False
    return LossCall("circle", options=given, reduction=reduction_of(options), mask="values > 0")


@recipe("loss", "CTC", "ctc", examples=({}, {"reduction": "sum"}))
def ctc(options: Config, backend: str) -> LossCall:
    name = "bounded_ctc" if backend == "tensorflow" else "ctc"
    return LossCall(name, reduction=reduction_of(options))


@recipe(
    "loss",
    "CategoricalGeneralizedCrossEntropy",
    "categorical_generalized_cross_entropy",
    examples=({}, {"q": 0.2}, {"q": 0.9, "reduction": "sum"}),
)
def categorical_generalized_cross_entropy(options: Config, backend: str) -> LossCall:
    q = options.float("q", 0.5)
    if not 0 < q < 1:
        raise UnsupportedError(f"{options.where}: q={q} must be between 0 and 1")
    name = "categorical_generalized_cross_entropy"
    return LossCall(name, options={"q": q}, reduction=reduction_of(options))


@recipe("loss", "LossFunctionWrapper", examples=({"fn": HUBER, "delta": 0.3},))
def wrapped(options: Config, backend: str) -> LossCall:
    """A function, ``fn``, with its options."""
    name = options.raw("fn")
    if isinstance(name, dict) and name.get("class_name") == "function":
        name = name.get("config")
    if not isinstance(name, str):
        raise options.wrong("fn", "the name of a function", name)
    entry = find("loss", name, options.where)
    if entry.function is wrapped:
        raise ConfigError(f"{options.where}: {quoted(name)} is no function")
    call = entry.function(options, backend)
    assert isinstance(call, LossCall)
    return call
