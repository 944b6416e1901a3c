"""Writes files so that who looks finds the old one or the new one, whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written beside ``path``, then give it its name.

    It is on the disk before: a crash in between leaves the older file.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
