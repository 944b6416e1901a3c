"""The checkpoint of a ``train.py`` and the one before: a crash or a full disk leaves one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from keras2torch.training.saving import write_aside


def write_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Write a checkpoint; the one before it stays as ``<name>.before``."""
    new = path.with_name(path.name + ".new")
    write_aside(new, lambda aside: torch.save(contents, aside))
    if path.exists():
        path.replace(path.with_name(path.name + ".before"))
    new.replace(path)


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """The newest checkpoint that can be read, or None where there is none.

    One that is damaged costs what was trained since the one before it, and is told.
    """
    for candidate in (path, path.with_name(path.name + ".before")):
        try:
            return dict(torch.load(candidate, map_location="cpu", weights_only=True))
        except FileNotFoundError:
            continue
        except Exception as error:  # whatever a damaged file makes torch raise
            print(f"{candidate.name} is damaged, the one before is tried: {error}")
    return None
