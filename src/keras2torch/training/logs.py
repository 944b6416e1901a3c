"""Writes the logs of an epoch as Keras does."""

from __future__ import annotations

from collections.abc import Mapping


def log_line(logs: Mapping[str, float | list[float]]) -> str:
    """All numbers by name, sorted: ``accuracy: 0.8125 - loss: 0.4312``.

    Of several under one name, such as a score per class, the mean is shown.
    Source: Progbar in keras/src/utils/progbar.py.
    """
    shown = []
    for name, value in sorted(logs.items()):
        mean = sum(value) / len(value) if isinstance(value, list) else value
        shown += [f"{name}: {mean:.4f}" if abs(mean) > 1e-3 else f"{name}: {mean:.4e}"]
    return " - ".join(shown)
