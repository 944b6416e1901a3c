"""The focal crossentropies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.losses.call import LossCall, reduction_of
from keras2torch.recipes.table import recipe

MOST_CLASSES = 2**16


def _given(options: Config) -> dict[str, Any]:
    """What both have, where it is not what the functions take by default."""
    gamma = options.float("gamma", 2.0)
    smoothing = options.float("label_smoothing", 0.0)
    axis = options.int("axis", -1)
    return {
        **({} if gamma == 2 else {"gamma": gamma}),
        **({"label_smoothing": smoothing} if smoothing else {}),
        **({} if axis == -1 else {"axis": axis}),
    }


@recipe(
    "loss",
    "BinaryFocalCrossentropy",
    "binary_focal_crossentropy",
    examples=(
        {},
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5},
        {"from_logits": True, "label_smoothing": 0.1},
        {"from_logits": True, "apply_class_balancing": True, "axis": 1},
        {"gamma": 0.5, "reduction": "sum"},
    ),
)
def binary_focal_crossentropy(options: Config, backend: str) -> LossCall:
    alpha = options.float("alpha", 0.25)
    balanced = options.bool("apply_class_balancing", False)
    given = {**({"alpha": alpha} if balanced else {}), **_given(options)}
    reduction = reduction_of(options)
    name = "binary_focal_crossentropy"
    logits = Call(f"{name}_with_logits", options=given)
    if options.bool("from_logits", False):
        used = f"{name}_of_sigmoid" if backend == "jax" else logits.function
        return LossCall(used, options=given, reduction=reduction)
    return LossCall(
        name,
        options=given,
        reduction=reduction,
        with_logits=logits,
        behind_softmax=replace(logits, options={**given, "softmax": True}),
    )


def _shares(options: Config) -> float | list[float]:
    """The option ``alpha``: a number, or one for each class, as a list or as NumPy's array."""
    alpha = options.raw("alpha", 0.25)
    if isinstance(alpha, dict) and alpha.get("class_name") == "__numpy__":
        inner = alpha.get("config")
        alpha = inner.get("value") if isinstance(inner, dict) else None
    if type(alpha) in (int, float):
        return float(alpha)
    if not isinstance(alpha, list) or not 0 < len(alpha) <= MOST_CLASSES:
        raise options.wrong("alpha", "a number, or one for each class", alpha)
    if any(type(share) not in (int, float) for share in alpha):
        raise options.wrong("alpha", "finite numbers", alpha)
    return [float(share) for share in alpha]


@recipe(
    "loss",
    "CategoricalFocalCrossentropy",
    "categorical_focal_crossentropy",
    examples=(
        {},
        {"alpha": [0.2, 0.5, 0.3, 0.1], "gamma": 1.5},
        {"from_logits": True, "label_smoothing": 0.1},
        {"from_logits": True, "axis": 1},
        {"alpha": 0.5, "reduction": "sum"},
    ),
)
def categorical_focal_crossentropy(options: Config, backend: str) -> LossCall:
    given: dict[str, Any] = {}
    if (alpha := _shares(options)) != 0.25:
        given["alpha"] = alpha
    given |= _given(options)
    name = "categorical_focal_crossentropy"
    if options.bool("from_logits", False):
        name = f"{name}_with_logits"
    return LossCall(name, options=given, reduction=reduction_of(options))
