"""Formats emitted source with ruff, as its owner's editor would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from keras2torch.errors import MissingExtra

LINE_LENGTH = "88"


def formatted(text: str) -> str:
    """The source as ``ruff format`` writes it.

    Raises:
        MissingExtra: ruff is not installed.
    """
    beside = Path(sys.executable).with_name("ruff")
    program = str(beside) if beside.exists() else shutil.which("ruff")
    if program is None:
        raise MissingExtra("ruff formats the emitted code and is missing: pip install ruff")
    command = [program, "format", "--isolated", "--line-length", LINE_LENGTH, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout
