"""The crossentropies."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.losses.call import LossCall, reduction_of
from keras2torch.recipes.table import recipe


def _of_either(name: str, options: Config, **of_logits: Any) -> LossCall:
    """The loss of probabilities or, with ``from_logits``, that of logits."""
    given: dict[str, Any] = {}
    if smoothing := options.float("label_smoothing", 0.0):
        given["label_smoothing"] = smoothing
    if (axis := options.int("axis", -1)) != -1:
        given["axis"] = axis
    reduction = reduction_of(options)
    logits = Call(f"{name}_with_logits", options={**given, **of_logits})
    used = logits if options.bool("from_logits", False) else Call(name, options=given)
    return LossCall(used.function, options=used.options, reduction=reduction, with_logits=logits)


EXAMPLES: tuple[dict[str, Any], ...] = (
    {},
    {"label_smoothing": 0.1},
    {"from_logits": True},
    {"from_logits": True, "label_smoothing": 0.2},
    {"axis": 1},
    {"axis": 1, "from_logits": True},
    {"reduction": "sum"},
    {"reduction": "mean_with_sample_weight"},
)


@recipe("loss", "BinaryCrossentropy", "binary_crossentropy", "bce", "BCE", examples=EXAMPLES)
def binary_crossentropy(options: Config, backend: str) -> LossCall:
    return _of_either("binary_crossentropy", options)


@recipe("loss", "CategoricalCrossentropy", "categorical_crossentropy", examples=EXAMPLES)
def categorical_crossentropy(options: Config, backend: str) -> LossCall:
    derived = {} if backend == "tensorflow" else {"distributions": False}
    return _of_either("categorical_crossentropy", options, **derived)


@recipe(
    "loss",
    "SparseCategoricalCrossentropy",
    "sparse_categorical_crossentropy",
    examples=(
        {},
        {"from_logits": True},
        {"ignore_class": 2},
        {"ignore_class": -1, "from_logits": True},
        {"reduction": "sum"},
        {"ignore_class": 2, "reduction": "mean_with_sample_weight"},
    ),
)
def sparse_categorical_crossentropy(options: Config, backend: str) -> LossCall:
    options.require("axis", -1, -1)
    from_logits = options.bool("from_logits", False)
    ignored = options.int_or_none("ignore_class", low=-(2**24))
    reduction = reduction_of(options)
    given: dict[str, Any] = {}
    mask = None
    if ignored is not None:
        given["ignore_class"] = ignored
        mask = f"(targets.long() != {ignored}).reshape(values.shape)"
    logits = Call("sparse_categorical_crossentropy_with_logits", options=given)
    first = {"normalize": True} if backend == "jax" else {}
    clipped = Call("sparse_categorical_crossentropy", options={**given, **first})
    used = logits if from_logits else clipped
    return LossCall(
        used.function,
        options=used.options,
        reduction=reduction,
        mask=mask,
        # What it ignores it sets to 0 in the outputs, which therefore are those of a softmax no
        # more.
        with_logits=logits if ignored is None else None,
    )
