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
            "corner-KLDivergence-0",
            "corner-MeanAbsolutePercentageError-0",
        )

    @property
    def quick(self) -> bool:
        """Whether it is in the short run of the tests."""
        some = zlib.crc32(self.identity.encode()) % 9 == 0
        ends = ("-0-rank2", "-behind-sigmoid", "-behind-softmax", "-squeezed")
        rows = ("row4-MeanSquaredError", "row21-", "row22-Categorical")
        return some or self.identity.endswith(ends) or self.identity.startswith(rows)


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


def of_ranks() -> list[Case]:
    """Row 4: targets and outputs whose ranks differ by one."""
    cases = []
    plain = [n for n in NUMBERS if n not in ("CosineSimilarity", "LossFunctionWrapper")]
    names = [*plain, "Hinge", "SquaredHinge", "Poisson", "KLDivergence", "BinaryCrossentropy"]
    for name in [*names, "BinaryFocalCrossentropy"]:
        for shape in ((6, 1), (6, 5, 1)):
            identity = f"row4-{name}-{len(shape)}"
            arrays = inputs(name, {}, random_of(identity), shape)
            flat = {**arrays, "targets": arrays["targets"][..., 0]}
            loss = saved(name, {})
            cases.append(Case(identity, loss, flat))
            turned = {"outputs": arrays["outputs"][..., 0], "targets": arrays["targets"]}
            cases.append(Case(f"{identity}-turned", loss, turned))
    return cases


def of_dtypes() -> list[Case]:
    """Targets of every dtype."""
    cases = []
    for name in (
        "BinaryCrossentropy",
        "MeanSquaredError",
        "SparseCategoricalCrossentropy",
        "Hinge",
    ):
        for dtype in ("int8", "uint8", "int64", "bool", "float32", "float16"):
            arrays = inputs(name, {}, random_of(name + dtype), (6, 4))
            arrays = {**arrays, "targets": (arrays["targets"] > 0).astype(dtype)}
            cases.append(Case(f"{name}-{dtype}", saved(name, {}), arrays))
    return cases


def of_class_weights() -> list[Case]:
    """Row 21: weights of classes, for targets of every kind."""
    random = random_of("row21")
    classes = np.array([0, 2, 1, 3, 2, 2])
    shares_, binary = shares(random, (6, 4)), random.uniform(0.1, 0.9, (6, 1))
    given = {
        "numbers": ("SparseCategoricalCrossentropy", shares_, classes),
        "column": ("SparseCategoricalCrossentropy", shares_, classes[:, None].astype("uint8")),
        "one-hot": ("CategoricalCrossentropy", shares_, np.eye(4)[classes]),
        "one-hot-bool": ("CategoricalCrossentropy", shares_, np.eye(4)[classes] > 0),
        "soft": ("CategoricalCrossentropy", shares_, np.eye(4)[classes] * 0.7 + 0.075),
        "float": ("BinaryCrossentropy", binary, np.array([0.0, 1, 1, 0, 1, 0])),
        "bool": ("BinaryCrossentropy", binary, np.array([[0], [1], [1], [0], [1], [0]]) > 0),
        "rounded": ("MeanSquaredError", binary, np.array([0.5, 1.5, 2.5, 0.4999, 1.2, -0.5])),
    }
    weights = {0: 0.3, 1: 2.0, 2: 1.7}  # class 3 has none
    return [
        Case(
            f"row21-{kind}",
            saved(name, {}),
            {"outputs": outputs, "targets": targets},
            class_weight=weights,
        )
        for kind, (name, outputs, targets) in given.items()
    ]


SATURATED = np.array([[1.0, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [1, 1e-9, 0], [0.2, 1, 1]])


def of_saturation() -> list[Case]:
    """Row 22: probabilities of exactly 0 and 1, and logits far out."""
    cases = []
    big = np.array([[40.0, -40, 0], [-40, 40, 20], [0, 0, 0], [1000, -1000, 5], [90, 16, -90]])
    hot = np.eye(3)[[1, 0, 2, 1, 1]]
    for name in (
        "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy "
        "BinaryFocalCrossentropy CategoricalFocalCrossentropy KLDivergence"
    ).split():
        targets = hot.argmax(1) if name.startswith("Sparse") else hot
        loss = saved(name, {})
        cases.append(Case(f"row22-{name}", loss, {"outputs": SATURATED, "targets": targets}))
        if name == "KLDivergence":
            continue
        arrays = {"outputs": big, "targets": targets}
        logits = saved(name, {"from_logits": True})
        cases.append(Case(f"row22-{name}-logits", logits, arrays))
        for activation in ("sigmoid", "softmax"):
            identity = f"row22-{name}-behind-{activation}"
            cases.append(Case(identity, loss, arrays, activation))
            if "Focal" in name:
                cases.append(Case(f"{identity}-logits", logits, arrays, activation))
            if name.startswith("Sparse"):
                ignoring = saved(name, {"ignore_class": 0})
                cases.append(Case(f"{identity}-ignoring", ignoring, arrays, activation))
            else:
                smooth = saved(name, {"label_smoothing": 0.1})
                cases.append(Case(f"{identity}-smooth", smooth, arrays, activation))
    # 1 - sigmoid(20) has lost most of its digits, and the focal loss has powers of it.
    some = np.where(np.abs(big) < 100, big / 10, big)
    for name, outputs in (("BinaryCrossentropy", big), ("BinaryFocalCrossentropy", some)):
        flat = {"outputs": outputs.reshape(5, 3, 1), "targets": hot.reshape(5, 3)}
        loss = saved(name, {"label_smoothing": 0.1})
        cases.append(Case(f"row22-{name}-squeezed", loss, flat, "sigmoid"))
        kept = {**flat, "targets": flat["targets"][..., None]}
        cases.append(Case(f"row22-{name}-kept", loss, kept, "sigmoid"))
        column = {"outputs": outputs.reshape(15, 1), "targets": hot.reshape(15)}
        cases.append(Case(f"row22-{name}-column", loss, column, "sigmoid"))
    return cases


def of_corners() -> list[Case]:
    """What targets and outputs may be besides."""
    random = random_of("corners")
    logits = random.normal(size=(4, 3)) * 2
    odd = np.array([[0.0, 0, 0], [1, 1, 0], [0.2, 0.3, 0.1], [0, 2, 0]])
    far = np.array([[-50.0, 50, 30], [-1e3, 1e3, 1e-9], [1e-5, 21, -21], [0, 0, 0]])
    none = np.zeros((4, 3))
    classes = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [1, 1, 1]]) * 2.0 - 1
    given = {
        "CategoricalCrossentropy": [
            ({"from_logits": True}, logits, odd),
            ({}, shares(random, (4, 3)), odd),
        ],
        "LogCosh": [({}, far, none)],
        "Huber": [({}, far, none)],
        "MeanSquaredLogarithmicError": [({}, far, none), ({}, -far, far)],
        "MeanAbsolutePercentageError": [({}, far, none)],
        "CosineSimilarity": [({}, logits, none), ({}, logits * 1e-9, odd)],
        "KLDivergence": [({}, odd, odd)],
        "Poisson": [({}, odd, none)],
        "Hinge": [({}, logits, classes), ({}, logits, classes * 0.5)],
        "SquaredHinge": [({}, logits, classes)],
        "Dice": [({}, none, none)],
        "Tversky": [({"axis": [1]}, none, none)],
    }
    return [
        Case(
            f"corner-{name}-{n}",
            saved(name, config),
            {"outputs": outputs, "targets": targets},
        )
        for name, rows in given.items()
        for n, (config, outputs, targets) in enumerate(rows)
    ]


ALL = {
    case.identity: case
    for case in (
        *of_recipes(),
        *of_reductions(),
        *of_ranks(),
        *of_dtypes(),
        *of_saturation(),
        *of_corners(),
        *of_class_weights(),
    )
}


@dataclass(frozen=True)
class Compiled:
    """What ``compile()`` gets, for outputs of these names in this order; ``keyed``: a dict of them.

    ``outputs``, ``targets`` and ``weights`` are arrays by the outputs' names.
    """

    loss: Any
    loss_weights: Any = None
    names: tuple[str, ...] = ("b", "a")
    keyed: bool = False
    weighted: tuple[str, ...] = ()

    def arrays(self) -> dict[str, Any]:
        """Probabilities and targets that suit most losses, by role and name."""
        random = random_of("compiled")
        found = {}
        for name in self.names:
            found[f"outputs/{name}"] = shares(random, (6, 4))
            found[f"targets/{name}"] = one_hot(random, (6, 4))
        return found | {f"weights/{name}": random.uniform(0, 2, 6) for name in self.weighted}


SMOOTH = saved("CategoricalCrossentropy", {"label_smoothing": 0.2, "reduction": "sum"})
FUNCTION = {
    "module": "builtins",
    "class_name": "function",
    "config": "mean_absolute_error",
    "registered_name": "function",
}
COMPILED = {
    "one": Compiled("mse", names=("a",)),
    "one-weighed": Compiled("mse", 0.25, ("a",), weighted=("a",)),
    "one-in-a-list": Compiled(["mse"], [0.25], ("a",)),
    "one-by-name": Compiled({"a": SMOOTH}, {"a": 0.25}, ("a",)),
    "the-same-for-all": Compiled("mse"),
    "list": Compiled(["mse", FUNCTION]),
    "list-weighed": Compiled(["mse", SMOOTH], [0.25, 2.0], weighted=("a", "b")),
    "by-name": Compiled({"a": "mse", "b": "mae"}),
    "by-name-weighed": Compiled({"a": "mse", "b": SMOOTH}, {"b": 0.25, "a": 2.0}),
    "by-name-weighed-by-list": Compiled({"a": "mse", "b": "mae"}, [0.25, 2.0]),
    "some": Compiled(["mse", None]),
    "some-weighed": Compiled([None, "mse"], [0.25, 2.0], weighted=("a",)),
    "three": Compiled(["mse", "mae", "kld"], [1.0, 0.0, -0.5], ("b", "c", "a")),
    "keyed-the-same": Compiled("mse", keyed=True),
    "keyed": Compiled({"b": "mse", "a": SMOOTH}, {"b": 0.25, "a": 2.0}, keyed=True),
    "keyed-some": Compiled({"a": "mse"}, keyed=True),
    "keyed-some-weighed": Compiled({"a": "mse"}, {"a": 2.0}, keyed=True),
}
# Keras gives to "b" what is meant for "a", and the reverse.
MISDEALT = (
    Compiled(["mse", "mae"], keyed=True),
    Compiled(["mse", "mae"], {"b": 0.25, "a": 2.0}),
    Compiled({"b": "mse", "a": "mae"}, [0.25, 2.0], keyed=True),
)
