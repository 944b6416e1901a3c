"""Python values as source text: the only place that writes one."""

from __future__ import annotations

import math
from typing import Any


def literal(value: Any) -> str:
    """The source of a plain value, ASCII only.

    Exact types only: a subclass of str or a NumPy scalar has no business here.

    Raises:
        TypeError: a value that is not plain.
    """
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if kind is str:
        # Braces are the operands' places in the templates that literals become part of.
        return ascii(value).replace("{", r"\x7b").replace("}", r"\x7d")
    if kind is tuple:
        inner = ", ".join(literal(part) for part in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if kind is list:
        return "[" + ", ".join(literal(part) for part in value) + "]"
    raise TypeError(f"no literal for {kind.__name__}")
