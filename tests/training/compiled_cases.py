"""Compiled models for the names and values of their metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras2torch.recipes.metrics.named import Output

SAMPLES, BATCH = 37, 16  # the last batch is smaller
AUC = {"class_name": "AUC", "module": "keras.metrics", "config": {"name": "auc_3"}}


def metric(class_name: str, module: str = "keras.metrics", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def function(name: str) -> dict[str, Any]:
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


@dataclass(frozen=True)
class Compiled:
    """A compiled model: two outputs ("first" with one sigmoid, "second" with a softmax of three)
    in a list or a dict, one of the two alone, or a masked sequence of softmaxes."""

    id: str
    kind: str
    loss: Any
    metrics: Any = None
    weighted_metrics: Any = None
    targets: tuple[str, ...] = ("column", "numbers")
    weighted: bool = True
    size: float = 1.0  # of the weights: large ones saturate the outputs
    eager: bool = False  # which is faster; Keras finds no logits then

    @property
    def outputs(self) -> list[Output]:
        all_of = {
            "first": Output("first", (None, 1)),
            "second": Output("second", (None, 3)),
            "steps": Output("steps", (None, 2, 3)),
        }
        names = {"one": ["first"], "three": ["second"], "steps": ["steps"]}
        chosen = names.get(self.kind, ["first", "second"])
        losses = self.loss if isinstance(self.loss, list) else [self.loss] * len(chosen)
        if isinstance(self.loss, dict):
            losses = list(self.loss.values())
        return [
            Output(all_of[name].name, all_of[name].shape, loss)
            for name, loss in zip(chosen, losses, strict=True)
        ]

    @property
    def keys(self) -> list[str] | None:
        return ["z", "k"] if self.kind == "dict" else None

    def arrays(self) -> dict[str, Any]:
        random = np.random.default_rng(0)
        x = random.normal(size=(SAMPLES, 4)).round(2)
        x[::3, :2] = 0  # masked where there is a mask
        numbers = random.integers(0, 3, (SAMPLES, 2))
        first = random.integers(0, 2, SAMPLES)
        made = {
            "column": first[:, None].astype(float),
            "flat": first,
            "numbers": numbers[:, 0],
            "number_columns": numbers[:, :1],
            "one_hot": np.eye(3)[numbers[:, 0]],
            "steps": numbers,
            "steps_one_hot": np.eye(3)[numbers],
        }
        found = {"x": x}
        for number, name in enumerate(self.targets):
            found[f"y_{number}"] = made[name]
            if self.weighted:
                shape = (SAMPLES, 2) if "steps" in name else (SAMPLES,)
                found[f"w_{number}"] = random.integers(0, 4, shape) * 0.5 + 0.25
        return found


BINARY, SPARSE = "binary_crossentropy", "sparse_categorical_crossentropy"
CASES = [
    Compiled(
        "two_lists",
        "two",
        [BINARY, SPARSE],
        [["accuracy", "mse", AUC], ["accuracy", "sparse_top_k_categorical_accuracy"]],
        [["accuracy", "auc"], ["acc", SPARSE]],
        targets=("flat", "numbers"),
    ),
    Compiled(
        "by_name",
        "two",
        {"first": BINARY, "second": "categorical_crossentropy"},
        {"second": ["acc", metric("MeanSquaredError", name="acc"), "acc"]},
        {"first": "acc", "second": ["acc", "acc"]},
        targets=("column", "one_hot"),
    ),
    Compiled(
        "same_names",
        "one",
        BINARY,
        [
            "accuracy",
            "acc",
            "accuracy",
            metric("BinaryAccuracy", name="accuracy_1", threshold=0.4),
        ],
        ["accuracy", "accuracy", "mse"],
        targets=("flat",),
        eager=True,
    ),
    Compiled(
        "dict_of_outputs",
        "dict",
        {"z": BINARY, "k": SPARSE},
        {"k": ["accuracy"], "z": ["accuracy", "mae"]},
        {"z": ["mse"]},
    ),
    Compiled(
        "one_each", "two", [BINARY, "mse"], ["accuracy", "accuracy"], targets=("flat", "one_hot")
    ),
    Compiled(
        "mask_and_weights",
        "steps",
        SPARSE,
        ["accuracy", SPARSE],
        ["accuracy", SPARSE, "sparse_categorical_accuracy"],
        targets=("steps",),
        eager=True,
    ),
    Compiled(
        "mask",
        "steps",
        "categorical_crossentropy",
        ["accuracy", "mse", "cosine_similarity", "recall", "root_mean_squared_error"],
        targets=("steps_one_hot",),
        weighted=False,
    ),
    Compiled(
        "saturated",
        "one",
        BINARY,
        ["bce", metric("BinaryCrossentropy", label_smoothing=0.2), "accuracy"],
        ["bce"],
        targets=("column",),
        size=40.0,
    ),
    Compiled(
        "saturated_classes",
        "three",
        SPARSE,
        [SPARSE, "acc", metric("SparseCategoricalCrossentropy", ignore_class=1, name="two")],
        [metric("SparseCategoricalCrossentropy", ignore_class=1, name="two")],
        targets=("numbers",),
        size=40.0,
    ),
    Compiled(
        "functions_and_losses",
        "three",
        "mse",
        [
            *(function(name) for name in ("huber", "cosine_similarity", "mean_squared_error")),
            metric("MeanMetricWrapper", name="wide", fn=function("huber"), delta=0.1),
            metric("MeanSquaredError", "keras.losses", name="per_batch"),
            metric("CategoricalCrossentropy", "keras.losses", name="ce", reduction="sum"),
            "cosine_similarity",
            "Accuracy",
        ],
        weighted=False,
        targets=("one_hot",),
    ),
    Compiled("number_columns", "three", "mse", ["accuracy"], targets=("number_columns",)),
]
