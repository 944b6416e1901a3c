"""What Keras trains for the tests: models of ``keras_side/trained_models.py`` with optimizers."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]
DECAY = {
    "module": "keras.optimizers.schedules",
    "class_name": "ExponentialDecay",
    "config": {"initial_learning_rate": 0.05, "decay_steps": 7, "decay_rate": 0.8},
    "registered_name": None,
}
# Every optimizer, with the options that change what it gathers.
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"learning_rate": 0.05},
    "SGD momentum": {"learning_rate": 0.02, "momentum": 0.9},
    "SGD nesterov, schedule": {"learning_rate": DECAY, "momentum": 0.8, "nesterov": True},
    "Adam": {"learning_rate": 0.02},
    "Adam amsgrad, clipnorm": {"learning_rate": 0.02, "amsgrad": True, "clipnorm": 0.1},
    "AdamW": {"learning_rate": 0.02, "global_clipnorm": 0.2},
    "Nadam": {"learning_rate": 0.02},
    "Adagrad": {"learning_rate": 0.05},
    "Adadelta": {"learning_rate": 1.0},
    "RMSprop": {"learning_rate": 0.01},
    "RMSprop momentum, centered": {"learning_rate": 0.005, "momentum": 0.8, "centered": True},
    "Adamax": {"learning_rate": 0.02},
    "Ftrl": {"learning_rate": 0.05, "l1_regularization_strength": 0.001},
    "Lion": {"learning_rate": 0.002},
    "Lamb": {"learning_rate": 0.01},
    "Adafactor": {"learning_rate": 0.02},
    "Muon": {"learning_rate": 0.01},
    "Adam, accumulation": {"learning_rate": 0.02, "gradient_accumulation_steps": 3},
    "Adam, EMA": {"learning_rate": 0.02, "use_ema": True, "ema_overwrite_frequency": 7},
}
MODELS = ("dense", "embedding", "convolution", "lstm", "gru")
STEPS = 50
# Models of ``keras_side/variable_orders.py``, and layers that hold others in an order of their own.
NUMBERED_MODELS = ("shared", "nested", "tied", "cells", "wrapped", "dropped")
NUMBERED_EXAMPLES = (
    *("Bidirectional-0", "GroupQueryAttention-7", "MultiHeadAttention-7"),
    "SeparableConv1D-0",
)


def optimizer(name: str, **options: Any) -> dict[str, Any]:
    """An optimizer as Keras serialises it; what stands behind its class is only a name."""
    class_name = name.partition(",")[0].partition(" ")[0]
    return {
        "module": "keras.optimizers",
        "class_name": class_name,
        "config": {**OPTIMIZERS.get(name, {}), **options},
        "registered_name": None,
    }


def _case(identity: str, model: str, chosen: Any, steps: int = STEPS, **options: Any) -> Case:
    return {
        "id": identity,
        "model": model,
        "optimizer": chosen,
        "steps": steps,
        "stops": [],
        **options,
    }


def _formats(chosen: str) -> dict[str, bool]:
    """Keras can't write Adafactor's variables to .h5: several have one name."""
    return {} if chosen == "Adafactor" else {"h5": True}


# Keras itself stops there: it gathers rows of a gradient by their places in the whole.
KERAS_FAILS = ("embedding-RMSprop momentum, centered",)
SWEEP = {
    f"{model}-{name}": _case(f"sweep_{model}_{number}", model, optimizer(name))
    for number, name in enumerate(OPTIMIZERS)
    for model in MODELS
    if f"{model}-{name}" not in KERAS_FAILS
}
FAST_SWEEP = ("embedding-RMSprop",)
# Keras trains 50 steps, saves, and trains 50 more.
RESUMED = {
    name: _case(f"resumed_{number}", model, optimizer(chosen), 100, stops=[50], **_formats(chosen))
    for number, (name, model, chosen) in enumerate(
        [
            ("Adam, two outputs", "two_outputs", "Adam amsgrad, clipnorm"),
            ("SGD, schedule", "gru", "SGD nesterov, schedule"),
            ("RMSprop", "convolution", "RMSprop momentum, centered"),
            ("Nadam", "both_ways", "Nadam"),
            ("Adagrad", "embedding", "Adagrad"),
            ("Adadelta", "lstm", "Adadelta"),
            ("Adamax", "dense", "Adamax"),
            ("Ftrl", "dense", "Ftrl"),
            ("Lion", "convolution", "Lion"),
            ("Lamb", "gru", "Lamb"),
            ("Adafactor", "two_outputs", "Adafactor"),
            ("Adafactor, convolution", "convolution", "Adafactor"),
            ("Muon", "two_outputs", "Muon"),
            ("accumulation", "embedding", "Adam, accumulation"),
            ("EMA", "normalized", "Adam, EMA"),
        ]
    )
}
RESUMED["loss scale"] = _case(
    "resumed_scaled",
    "dense",
    {
        "class_name": "LossScaleOptimizer",
        "config": {
            "inner_optimizer": optimizer("Adam"),
            "initial_scale": 16.0,
            "dynamic_growth_steps": 12,
        },
    },
    100,
    stops=[50],
    h5=True,
)
FAST_RESUMED = "Adam, a short training"
RESUMED[FAST_RESUMED] = {
    **RESUMED["Adam, two outputs"],
    "id": "resumed",
    "steps": 40,
    "stops": [20],
}


def _questions() -> dict[str, Case]:
    adam = optimizer("Adam")
    found = [
        _case("row_1_sgd", "lstm", optimizer("SGD", learning_rate=0.2), 25),
        _case("row_1_adam", "lstm", adam, 25),
        _case("row_2", "both_ways", adam, 25),
        _case("row_6", "volumes", adam, 25),
        _case("row_8_2", "normalized", optimizer("SGD"), 25, size=2),
        _case("row_8_32", "normalized", optimizer("SGD"), 25, size=32),
        _case("row_18", "tiny_gradients", optimizer("Adam", learning_rate=0.001), 50),
        _case("row_19_rmsprop", "dense", optimizer("RMSprop", learning_rate=DECAY), 50),
        _case("row_19_adagrad", "dense", optimizer("Adagrad", learning_rate=DECAY), 50),
        _case("row_19_sgd", "dense", optimizer("SGD", learning_rate=DECAY, momentum=0.9), 50),
        _case("row_20_l2", "regularized", optimizer("SGD"), 25),
        _case("row_20_adamw", "dense", optimizer("AdamW", learning_rate=0.02), 25),
        _case("row_24", "entities", adam, 25, size=32),
        _case("row_30", "frozen_norm", adam, 25),
    ]
    return {case["id"]: case for case in found}


QUESTIONS = _questions()
FAST_QUESTIONS = ("row_1_sgd", "row_8_2")


def fast_cases() -> list[Case]:
    """What ``make test`` runs."""
    return [
        *(SWEEP[name] for name in FAST_SWEEP),
        RESUMED[FAST_RESUMED],
        *(QUESTIONS[name] for name in FAST_QUESTIONS),
    ]


def slow_cases() -> list[Case]:
    """What ``make test-all`` runs besides."""
    every = [*SWEEP.values(), *RESUMED.values(), *QUESTIONS.values()]
    return [case for case in every if case not in fast_cases()]
