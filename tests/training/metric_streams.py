"""Random batches for metrics, of unequal size, of every kind that a metric is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Batch = dict[str, Any]
Make = Callable[[np.random.Generator, int], Batch]
SIZES = (7, 12, 1, 5)


def _weights(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.integers(0, 4, shape) * 0.25 + 0.125


def _shares(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Probabilities, among them those where thresholds are."""
    shares = random.uniform(size=shape)
    special = random.choice([0.0, 0.25, 0.5, 0.75, 1.0, 0.3], shape)
    return np.where(random.uniform(size=shape) < 0.3, special, shares)


def _classes(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Probabilities of classes, some of them the same."""
    scores = np.exp(random.integers(0, 4, shape) + (random.uniform(size=shape) < 0.5) * 0.5)
    return scores / scores.sum(-1, keepdims=True)


def _one_hot(random: np.random.Generator, *shape: int) -> np.ndarray:
    return np.eye(shape[-1])[random.integers(0, shape[-1], shape[:-1])]


def binary(random: np.random.Generator, size: int) -> Batch:
    return {
        "outputs": _shares(random, size, 1),
        "targets": random.integers(0, 2, (size, 1)),
        "weights": _weights(random, size),
    }


def binary_flat(random: np.random.Generator, size: int) -> Batch:
    batch = binary(random, size)
    return {**batch, "targets": batch["targets"][:, 0].astype(float)}


def both_flat(random: np.random.Generator, size: int) -> Batch:
    batch = binary_flat(random, size)
    return {**batch, "outputs": batch["outputs"][:, 0]}


def logits(random: np.random.Generator, size: int) -> Batch:
    return {**binary(random, size), "outputs": random.normal(size=(size, 1)) * 2}


def labels(random: np.random.Generator, size: int) -> Batch:
    return {
        "outputs": _shares(random, size, 4),
        "targets": random.integers(0, 2, (size, 4)),
        "weights": _weights(random, size),
    }


def labels_weighted(random: np.random.Generator, size: int) -> Batch:
    return {**labels(random, size), "weights": _weights(random, size, 4)}


def classes(random: np.random.Generator, size: int) -> Batch:
    return {
        "outputs": _classes(random, size, 6),
        "targets": _one_hot(random, size, 6),
        "weights": _weights(random, size),
    }


def numbered(random: np.random.Generator, size: int) -> Batch:
    return {**classes(random, size), "targets": random.integers(0, 6, size)}


def numbered_column(random: np.random.Generator, size: int) -> Batch:
    return {**classes(random, size), "targets": random.integers(0, 6, (size, 1))}


def steps(random: np.random.Generator, size: int) -> Batch:
    return {
        "outputs": _classes(random, size, 3, 6),
        "targets": _one_hot(random, size, 3, 6),
        "weights": _weights(random, size, 3),
    }


def steps_by_sample(random: np.random.Generator, size: int) -> Batch:
    return {**steps(random, size), "weights": _weights(random, size)}


def steps_masked(random: np.random.Generator, size: int) -> Batch:
    return {**steps(random, size), "mask": random.uniform(size=(size, 3)) < 0.6}


def steps_numbered(random: np.random.Generator, size: int) -> Batch:
    return {**steps(random, size), "targets": random.integers(0, 6, (size, 3))}


def sorted_numbers(random: np.random.Generator, size: int) -> Batch:
    numbers = np.argsort(random.uniform(size=(size, 6)))
    return {**numbered(random, size), "outputs": numbers.astype(float)}


def whole(random: np.random.Generator, size: int) -> Batch:
    return {
        "outputs": random.integers(0, 3, (size, 1)).astype(float),
        "targets": random.integers(0, 3, size),
        "weights": _weights(random, size),
    }


def pixels(random: np.random.Generator, size: int) -> Batch:
    """Numbers of three classes, and of some that are none."""
    return {
        "outputs": random.integers(-1, 4, (size, 4)).astype(float),
        "targets": random.integers(-1, 4, (size, 4)),
        "weights": _weights(random, size, 4) * 4,
    }


def pixels_flat(random: np.random.Generator, size: int) -> Batch:
    return {role: array[:, 0] for role, array in pixels(random, size).items()}


def tables(random: np.random.Generator, size: int) -> Batch:
    return {
        "outputs": random.normal(size=(size, 4, 3)),
        "targets": random.normal(size=(size, 4, 3)),
        "weights": _weights(random, size),
    }


def counts(random: np.random.Generator, size: int) -> Batch:
    return {**values(random, size), "outputs": random.gamma(2.0, size=(size, 3))}


def signs(random: np.random.Generator, size: int) -> Batch:
    return {**values(random, size), "targets": random.choice([-1.0, 1.0], (size, 3))}


def sides(random: np.random.Generator, size: int) -> Batch:
    """Classes 0 and 1 for margins, flat where outputs are columns."""
    return {**column(random, size), "targets": random.integers(0, 2, size)}


def values(random: np.random.Generator, size: int) -> Batch:
    return {
        "outputs": random.normal(size=(size, 3)),
        "targets": random.normal(size=(size, 3)) * 2,
        "weights": _weights(random, size),
    }


def column(random: np.random.Generator, size: int) -> Batch:
    return {
        "outputs": random.normal(size=(size, 1)),
        "targets": random.normal(size=size),
        "weights": _weights(random, size),
    }


def stream(make: Make, precision: str) -> list[Batch]:
    """The batches of one kind; real numbers in this precision."""
    random = np.random.default_rng(0)
    return [
        {
            role: array.astype(precision) if array.dtype.kind == "f" else array
            for role, array in make(random, size).items()
        }
        for size in SIZES
    ]
