"""Corners of losses: ranks and dtypes of targets, weights of classes, probabilities of 0 and 1."""

from __future__ import annotations

import numpy as np
from loss_cases import (
    NUMBERS,
    Case,
    inputs,
    of_recipes,
    of_reductions,
    random_of,
    saved,
    shares,
)


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
    both = {"outputs": big, "targets": hot}
    cases.append(Case("row24-softmax", saved("BinaryCrossentropy", {}), both, "softmax"))
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
    # So much for the blank that the targets' probability is below 1e-307.
    silent = random.normal(size=(2, 60, 5)) * 8 + np.array([25.0, 0, 0, 0, 0])
    long = np.tile([1, 2, 3, 4], (2, 13))[:, :50] * (np.arange(50) < [[44], [50]])
    short = random.normal(size=(4, 3, 5))
    given = {
        "CTC": [
            ({}, silent, long),
            ({}, short, np.array([[1, 2, 3, 4], [1, 1, 2, 0], [1, 2, 0, 0], [3, 3, 0, 0]])),
        ],
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
