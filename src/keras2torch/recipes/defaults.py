"""Options that need not be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def without_defaults(options: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """The options that are not as they are anyway."""
    return {k: v for k, v in options.items() if k not in defaults or v != defaults[k]}
