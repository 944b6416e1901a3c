"""Checkpoints that outlive a crash, a full disk and a truncated file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from keras2torch.training.saving import write_aside


def write_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Write a checkpoint; the one before it stays as ``<name>.before``."""
    before = path.with_name(path.name + ".before")
    kept = path.with_name(path.name + ".kept")
    if path.exists():
        kept.unlink(missing_ok=True)
        os.link(path, kept)
        kept.replace(before)
    write_aside(path, lambda aside: torch.save(contents, aside))


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """The newest checkpoint that can be read, or None where there is none.

    One that is damaged costs what was trained since the one before it, and is told.
    """
    for candidate in (path, path.with_name(path.name + ".before")):
        try:
            contents: dict[str, Any] = torch.load(candidate, weights_only=True, map_location="cpu")
            return contents
        except FileNotFoundError:
            continue
        except Exception as error:  # whatever a damaged file makes torch raise
            print(f"{candidate.name} is damaged, the one before is tried: {error}")
    return None
