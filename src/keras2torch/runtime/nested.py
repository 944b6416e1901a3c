"""Strings in PyTorch: nested lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def map_nested(function: Callable[[Any], int | str], values: Any) -> Any:
    """``function`` of every string or number in nested lists."""
    if isinstance(values, (str, int, float)):
        return function(values)
    return [map_nested(function, part) for part in values]
