"""From the bytes of a saved model to plain data: one reader per format, no meaning yet."""

from __future__ import annotations

from pathlib import Path

from keras2torch.errors import FormatError, quoted
from keras2torch.readers.saved import Saved

HINT = "name a file of weights, and with --config the JSON of model.to_json()"

__all__ = ["Saved", "read"]


def read(path: str | Path, config: Path | None = None) -> Saved:
    """Read a saved Keras model; the format is told by its first bytes, never by its name.

    ``config`` is the JSON of ``model.to_json()``, for weights that were saved without their model.

    Raises:
        FormatError: there is no such file, or it is none that Keras writes.
        UnsupportedError: a format without a reader yet.
        ConfigError, WeightsError: the file's parts contradict the format.
    """
    path = Path(path)
    if config is not None:
        from keras2torch.readers import weights_file

        return weights_file.read(path, config)
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        raise FormatError(f"there is no file {quoted(path)}")
    if not path.is_file():
        raise FormatError(f"{quoted(path)} is not a regular file")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise FormatError(f"{quoted(path)} can't be read: {error.strerror}") from error
    if start.startswith(b"PK"):
        from keras2torch.readers import keras_v3

        return keras_v3.read(path)
    if start == b"\x89HDF\r\n\x1a\n":
        from keras2torch.readers import keras_h5

        return keras_h5.read(path)
    if start.startswith(b"{"):
        raise FormatError(f"{quoted(path)} is a description or a map of weights, no model: {HINT}")
    raise FormatError(f"{quoted(path)} is not a saved Keras model: neither a zip archive nor HDF5")


def _read_folder(path: Path) -> Saved:
    """A SavedModel, or the unzipped form of a ``.keras`` file."""
    if (path / "saved_model.pb").exists():
        from keras2torch.readers import saved_model

        return saved_model.read(path)
    from keras2torch.readers import keras_v3

    return keras_v3.read(path)
