"""What several commands take, and where they print and write."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras2torch.errors import DataError, quoted

if TYPE_CHECKING:
    from rich.console import Console

# Not the argument's own help: of some versions of click and typer, none shows it.
MODEL = (
    "MODEL is a file or folder that Keras saved, hf://USER/REPO, kaggle://HANDLE, or "
    "FILE.py:OBJECT, a model or a function that builds one."
)


class Backend(StrEnum):
    """The backends of Keras that can be followed."""

    tensorflow = "tensorflow"
    jax = "jax"


ModelName = Annotated[str, typer.Argument(metavar="MODEL")]
ConfigFile = Annotated[
    str | None,
    typer.Option(
        help="The JSON of model.to_json(), or FILE.py:OBJECT, where MODEL holds weights alone."
    ),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result here too.")]


def console() -> Console:
    """Standard output, for tables."""
    from rich.console import Console

    return Console()


def refuse_unwritable(*files: Path | None) -> None:
    """Refuse files that can't be written, before what takes minutes.

    Raises:
        DataError: a file's folder is missing, or a folder has its name.
    """
    for file in files:
        if file is not None and (file.is_dir() or not file.parent.is_dir()):
            why = "a folder has that name" if file.is_dir() else "there is no such folder"
            raise DataError(f"{quoted(file)} can't be written: {why}")


def write_text(file: Path, text: str) -> None:
    """Write a file.

    Raises:
        DataError: it can't be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{quoted(file)} can't be written: {error.strerror}") from error
