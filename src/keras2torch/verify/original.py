"""The original of a port, as the processes that run it want it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras2torch.ir.keras2 import is_keras2
from keras2torch.porting import port
from keras2torch.readers import read
from keras2torch.sources import described_by, located


@dataclass(frozen=True)
class Original:
    """A model's file or folder; ``config`` is the JSON of its description, for weights alone.

    ``keras2`` tells whether Keras 2 (tf_keras) runs it, ``trusted`` whether Keras may run code
    that stands in the file.
    """

    path: Path
    config: Path | None
    sha256: str
    keras2: bool
    trusted: bool

    @property
    def worker(self) -> str:
        """The module that runs it."""
        return f"keras2torch.verify.{'keras2_worker' if self.keras2 else 'keras_worker'}"

    def job(self, precision: str) -> dict[str, Any]:
        """What the worker is told about it."""
        config = None if self.config is None else str(self.config)
        told = {"model": str(self.path), "config": config, "trusted": self.trusted}
        return {**told, "precision": precision}


@contextmanager
def original_of(
    model: str | Path, config: str | Path | None = None, trust_model: bool = False
) -> Iterator[Original]:
    """The original, for as long as the context lasts.

    A model that can't be ported is not handed to Keras either: so nothing of a hostile file gets
    there, a Lambda's bytecode least of all. ``trust_model`` hands over every model.

    Raises:
        ModelError: as ``port``.
    """
    with located(model) as path, described_by(config) as description:
        if not trust_model:
            port(path, config=description)
        with read(path, description) as saved:
            original = Original(path, description, saved.sha256, is_keras2(saved), trust_model)
        yield original
