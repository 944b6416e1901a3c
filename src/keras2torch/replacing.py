"""Gives a folder that was written aside its name, whatever else goes on there.

A process can be killed at any point, and two can write to one place at the same time: who looks
finds the older folder or a newer one, whole, or for a moment none, never parts of two.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

ATTEMPTS = 100  # folders of others that may come in between


def replace_folder(aside: Path, out: Path, own: Collection[str]) -> None:
    """Make ``aside``, a folder beside ``out``, the folder ``out``.

    What an older ``out`` holds under names that are not in ``own`` is its owner's and stays.

    Raises:
        OSError: it can't be done, or others never stop writing there.
    """
    for attempt in range(ATTEMPTS):
        with tempfile.TemporaryDirectory(
            prefix=f".{out.name}-", dir=out.parent, ignore_cleanup_errors=True
        ) as older:
            if out.is_dir():
                _keep(out, aside, own)
                with contextlib.suppress(FileNotFoundError):  # another process took it away
                    os.rename(out, older)
            try:
                os.rename(aside, out)
                return
            except OSError:  # another process has put its own there
                if attempt == ATTEMPTS - 1 or not out.is_dir():
                    raise


def _keep(out: Path, aside: Path, own: Collection[str]) -> None:
    """Take the owner's own files over, as links to the same bytes."""
    for entry in out.iterdir():
        target = aside / entry.name
        if entry.name in own or target.exists():
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, target, symlinks=True, copy_function=os.link)
        else:
            os.link(entry, target, follow_symlinks=False)
