"""The checkpoints of ``fit`` in their folder: written aside, flushed, renamed."""

from __future__ import annotations

import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from keras2torch.errors import TrainingError, quoted

ENDING = ".checkpoint.pt"


def save_checkpoint(folder: Path, step: int, state: Mapping[str, Any], keep: int = 2) -> None:
    """Write the state after ``step`` updates; of the older ones the newest ``keep - 1`` stay.

    Raises:
        TrainingError: it can't be written, the disk is full say; the older ones are untouched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{step:012d}{ENDING}"
    write_durably(file, state)
    for older in sorted(folder.glob(f"*{ENDING}"))[:-keep]:
        older.unlink(missing_ok=True)


def write_durably(file: Path, state: Mapping[str, Any]) -> None:
    """``torch.save`` to a file that is there whole or not at all.

    Raises:
        TrainingError: it can't be written.
    """
    aside = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        with aside.open("wb") as opened:
            torch.save(dict(state), opened)
            opened.flush()
            os.fsync(opened.fileno())
        aside.rename(file)
        directory = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except (OSError, RuntimeError) as error:  # torch has its own for a file that takes no more
        cause = error if isinstance(error, OSError) else error.__context__
        why = cause.strerror if isinstance(cause, OSError) and cause.strerror else quoted(error)
        raise TrainingError(f"{quoted(file)} can't be written: {why}; what was there stays") from (
            error
        )
    finally:
        aside.unlink(missing_ok=True)


def read_whole(file: Path) -> dict[str, Any] | None:
    """What ``write_durably`` wrote, or None if the file is damaged. Runs nothing that is in it."""
    try:
        with zipfile.ZipFile(file) as stored:
            if stored.testzip() is not None:
                return None
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # whatever a damaged file makes the readers raise
        return None
    return found if isinstance(found, dict) else None


def newest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint, or None if there is none; a damaged one is told and left out.

    Raises:
        TrainingError: there are some, and all are damaged.
    """
    files = sorted(folder.glob(f"*{ENDING}"), reverse=True)
    for file in files:
        found = read_whole(file)
        if found is not None:
            return found
        warnings.warn(f"{file} is damaged; the one before is taken", stacklevel=2)
    if files:
        raise TrainingError(f"every checkpoint in {quoted(folder)} is damaged")
    return None
