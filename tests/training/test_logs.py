"""The line of logs."""

from __future__ import annotations

from keras2torch.training.logs import log_line


def test_several_numbers_under_one_name() -> None:
    logs = {"loss": 0.25, "f1_score": [0.5, 1.0], "auc": 0.0005}
    assert log_line(logs) == "auc: 5.0000e-04 - f1_score: 0.7500 - loss: 0.2500"
