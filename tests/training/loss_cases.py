"""What losses are tested with: every example of every recipe, and the corners of each."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras2torch.recipes.table import all_recipes

Arrays = Mapping[str, Any]
Random = np.random.Generator
NUMBERS = (
    "MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError "
    "Huber LogCosh CosineSimilarity LossFunctionWrapper"
).split()
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight")


@dataclass(frozen=True)
class Case:
    """A loss as Keras saves it, and arrays: ``outputs``, ``targets``, ``weights``, ``mask``.

    With an ``activation`` the outputs are its inputs, and the gradient is with respect to them.
    ``class_weight`` is that of ``fit``, which makes the weights.
    """

    identity: str
    loss: Any
    arrays: Arrays
    activation: str | None = None
    class_weight: Mapping[int, float] | None = None

    @property
    def on_jax(self) -> bool:
        """Whether JAX confirms it: a third of the reductions, and no gradient of a number that
        lies on a bound or of an error of 0, where JAX takes half of it or that of the other side.
        """
        if self.identity.startswith("reduction-"):
            return zlib.crc32(self.identity.encode()) % 3 == 0
        return self.identity not in (
            "row22-KLDivergence",
            "corner-CTC-0",  # where TensorFlow bounds probabilities
            "corner-CTC-1",
            "corner-KLDivergence-0",
            "corner-MeanAbsolutePercentageError-0",
        )

    @property
    def quick(self) -> bool:
        """Whether it is in the short run of the tests."""
        starts = ("row4-MeanS", "row21-num", "row21-one", "row22-BinaryCr", "row22-CategoricalCr")
        some = zlib.crc32(self.identity.encode()) % 20 == 0
        return some or self.identity.startswith(starts) or self.identity.endswith("-0-rank2")


def saved(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """A loss as Keras saves it."""
    return {
        "module": "keras.src.losses.losses" if name == "LossFunctionWrapper" else "keras.losses",
        "class_name": name,
        "config": dict(config),
        "registered_name": None,
    }


def random_of(identity: str) -> Random:
    return np.random.default_rng(zlib.crc32(identity.encode()))


def shares(random: Random, shape: tuple[int, ...]) -> Any:
    """Probabilities, not quite of sum 1."""
    made = random.uniform(0.05, 1, shape)
    return made / made.sum(-1, keepdims=True) * random.uniform(0.9, 1, (*shape[:-1], 1))


def one_hot(random: Random, shape: tuple[int, ...]) -> Any:
    return np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])]


def inputs(name: str, config: Mapping[str, Any], random: Random, shape: tuple[int, ...]) -> Arrays:
    """Outputs and targets of the kind that a loss is for."""
    numbers = random.normal(size=shape) * 3
    scores = numbers if config.get("from_logits") else shares(random, shape)
    if name.startswith("Binary"):
        scores = numbers if config.get("from_logits") else random.uniform(0.01, 0.99, shape)
        return {"outputs": scores, "targets": random.integers(0, 2, shape)}
    if name.startswith("Sparse") or name == "CategoricalGeneralizedCrossEntropy":
        return {"outputs": scores, "targets": random.integers(0, shape[-1], shape[:-1])}
    if name in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy"):
        return {"outputs": scores, "targets": one_hot(random, shape)}
    if name in ("CategoricalHinge", "Hinge", "SquaredHinge"):
        kind = one_hot(random, shape) if name[0] == "C" else random.integers(0, 2, shape)
        return {"outputs": numbers, "targets": kind}
    if name in ("KLDivergence", "Poisson", "Dice", "Tversky"):
        return {"outputs": scores, "targets": shares(random, shape).round(2)}
    if name == "Circle":
        unit = random.normal(size=(6, 5))
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        return {"outputs": unit, "targets": np.array([0, 1, 2, 0, 1, 0])}
    if name == "CTC":
        words = np.array([[1, 2, 2, 0], [3, 0, 0, 0], [1, 2, 3, 1], [0, 0, 0, 0]])
        return {"outputs": random.normal(size=(4, 9, 5)) * 2, "targets": words}
    assert name in NUMBERS, f"{name} needs inputs"
    return {"outputs": numbers, "targets": random.normal(size=shape)}


def of_recipes() -> list[Case]:
    """Every example, for outputs of rank 2 and 3."""
    cases = []
    for entry in all_recipes("loss"):
        name = entry.names[0]
        for number, example in enumerate(entry.examples):
            axis = example.get("axis", -1)
            low = 3 if isinstance(axis, list) or axis == 1 else 2
            high = 2 if name in ("Circle", "CTC", "CategoricalGeneralizedCrossEntropy") else 3
            for rank in range(min(low, high), high + 1):
                identity = f"{name}-{number}-rank{rank}"
                arrays = inputs(name, example, random_of(identity), (6, 5, 4)[3 - rank :])
                loss = saved(name, dict(example))
                cases.append(Case(identity, loss, arrays))
        for name in entry.names[1:]:
            arrays = inputs(entry.names[0], {}, random_of(name), (6, 4))
            if name in KERAS_2_NAMES or name == "categorical_generalized_cross_entropy":
                continue
            cases.append(Case(f"name-{name}", name, arrays))
    return cases


# Names that Keras 2 knows and Keras 3 does not.
KERAS_2_NAMES = ("kullback_leibler_divergence", "logcosh", "huber_loss")


def of_reductions() -> list[Case]:
    """Every reduction with weights of every shape and with masks."""
    cases = []
    for name, shape in (("MeanSquaredError", (6, 4)), ("MeanSquaredError", (6, 5, 4))):
        random = random_of(f"{name}{shape}")
        given = inputs(name, {}, random, shape)
        size = shape[:-1]
        weights = {
            "none": None,
            "each": random.uniform(0, 2, size),
            "column": random.uniform(0, 2, (*size, 1)),
            "by-sample": random.uniform(0, 2, (6, 1)),
            "some-zero": random.integers(0, 2, size),
            "zero": np.zeros(size),
        }
        masks = {"none": None, "some": random.uniform(size=size) < 0.6, "no": np.zeros(size, bool)}
        for reduction, w, m in itertools.product(REDUCTIONS, weights, masks):
            arrays = dict(given)
            arrays |= {} if weights[w] is None else {"weights": weights[w]}
            arrays |= {} if masks[m] is None else {"mask": masks[m]}
            identity = f"reduction-{len(shape)}-{reduction}-weights-{w}-mask-{m}"
            loss = saved(name, {"reduction": reduction})
            cases.append(Case(identity, loss, arrays))
    return cases + of_own_masks() + of_scalars()


def of_own_masks() -> list[Case]:
    """Losses that mask something themselves, with weights and a mask of the outputs besides."""
    cases = []
    for reduction in REDUCTIONS:
        sparse = {"ignore_class": 2, "reduction": reduction}
        for more in ({}, {"from_logits": True}):
            config = {**sparse, **more}
            identity = f"ignored-{reduction}-{len(more)}"
            random = random_of(identity)
            arrays = inputs("SparseCategoricalCrossentropy", config, random, (6, 5, 4))
            extra = {
                "weights": random.uniform(0, 2, (6, 5)),
                "mask": random.uniform(size=(6, 5)) < 0.7,
            }
            loss = saved("SparseCategoricalCrossentropy", config)
            cases.append(Case(identity, loss, arrays))
            cases.append(Case(f"{identity}-both", loss, {**arrays, **extra}))
            column = {**arrays, "targets": arrays["targets"][..., None]}
            cases.append(Case(f"{identity}-column", loss, column))
        loss = saved("Circle", {"reduction": reduction})
        arrays = inputs("Circle", {}, random_of("circle"), (6, 5))
        weights = random_of("weights").uniform(0, 2, 6)
        cases.append(Case(f"circle-{reduction}", loss, {**arrays, "weights": weights}))
        column = {**arrays, "targets": arrays["targets"][:, None]}
        cases.append(Case(f"circle-{reduction}-column", loss, column))
    return cases


def of_scalars() -> list[Case]:
    """A loss that is one number for the whole batch, weighed."""
    arrays = inputs("Dice", {}, random_of("dice"), (6, 4))
    weights = random_of("weights").uniform(0, 2, 6)
    return [
        Case(
            f"scalar-{r}",
            saved("Dice", {"reduction": r}),
            {**arrays, "weights": weights},
        )
        for r in REDUCTIONS
    ]
