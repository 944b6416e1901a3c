"""Simulated trainings for callbacks: what the logs say, epoch by epoch and batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.recipes.table import find

SIMULATED = ("EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "CSVLogger", "TerminateOnNaN")
EPOCHS, BATCHES = 12, 4


def walk(rng: np.random.Generator, count: int) -> list[float]:
    """Numbers that get better and worse, meet again, and are near each other; now and then NaN."""
    steps = rng.choice([-0.1, -0.05, -0.01, 0.0, 0.01, 0.05, 1e-9], count)
    values = np.round(0.7 + np.cumsum(steps), int(rng.integers(1, 10)))
    if rng.random() < 0.1:
        values[rng.integers(count)] = np.nan
    return [float(np.float32(value)) for value in values]


def history(seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    logs = {name: walk(rng, EPOCHS) for name in names}
    losses = walk(rng, EPOCHS * BATCHES)
    return [
        {
            "logs": {name: values[epoch] for name, values in logs.items()},
            "batches": [
                {"loss": loss, "accuracy": 0.5}
                for loss in losses[epoch * BATCHES : (epoch + 1) * BATCHES]
            ],
        }
        for epoch in range(EPOCHS)
    ]


def cases(seeds: range) -> dict[str, Any]:
    """The histories and, for each, every example of every callback."""
    examples = [(name, c) for name in SIMULATED for c in find("callback", name, "it").examples]
    return {
        "histories": [history(seed) for seed in seeds],
        "trainings": [
            (name, config, number)
            for number in range(len(seeds))
            for name, config in examples
            if name != "CSVLogger" or number < 6
        ],
    }
