"""A small model, its data and its plan, for tests of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from keras2torch.training.data import ArrayData
from keras2torch.training.plan import TrainingPlan


class Small(nn.Module):
    """Ids and numbers to one logit; with dropout, so that random numbers matter."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(30, 4)
        self.gru = nn.GRU(4, 5, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.dense = nn.Linear(5 + 2, 1)

    def logits(self, ids: Tensor, numbers: Tensor) -> Tensor:
        last = self.gru(self.embedding(ids))[0][:, -1]
        return self.dense(self.dropout(torch.cat([last, numbers], dim=1)))

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(ids, numbers))


def small_data(rows: int = 50, seed: int = 0) -> ArrayData:
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(rows, 2)).astype("float32")
    ids = generator.integers(1, 30, (rows, 6))
    labels = (numbers[:, 0] + (ids[:, -1] > 15) + generator.normal(0, 0.5, rows) > 0.5).astype("f4")
    # In another order than the model takes them.
    return ArrayData({"numbers": numbers, "ids": ids}, labels)


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1e-2)


def small_plan(**changes: Any) -> TrainingPlan:
    options: dict[str, Any] = {
        "loss": nn.BCEWithLogitsLoss(),
        "optimizer": adam,
        "epochs": 2,
        "batch_size": 16,
        "method": "logits",
        "activation": torch.sigmoid,
        "threads": 1,
        "seed": 3,
    }
    return TrainingPlan(**{**options, **changes})


def bits(model: nn.Module) -> bytes:
    return b"".join(t.detach().numpy().tobytes() for t in model.state_dict().values())


def fresh(seed: int = 0) -> Small:
    torch.manual_seed(seed)
    return Small()
