"""Writes the logs of an epoch as Keras does."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean


def log_line(logs: Mapping[str, float | list[float]]) -> str:
    """All numbers by name, sorted: ``accuracy: 0.8125 - loss: 0.4312``.

    Of several under one name, such as a score per class, the mean is shown.
    Source: Progbar in keras/src/utils/progbar.py.
    """
    numbers = {name: fmean(v) if isinstance(v, list) else v for name, v in sorted(logs.items())}
    shown = {name: f"{v:.4f}" if abs(v) > 1e-3 else f"{v:.4e}" for name, v in numbers.items()}
    return " - ".join(f"{name}: {text}" for name, text in shown.items())
