"""One file per Keras layer: how it is written in PyTorch, with its examples.

Files are found by listing this folder; a new layer is a new file and nothing else.
"""

from __future__ import annotations

import importlib
import pkgutil

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.layers.registry import MAPPINGS, LayerMapping

for _file in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_file.name}")


def find(class_name: str, where: str) -> LayerMapping:
    """The mapping of a Keras class; ``where`` names the layer in the error."""
    if class_name not in MAPPINGS:
        raise UnsupportedError(
            f"{where}: Keras' {quoted(class_name)} has no port yet; docs/support.md lists those "
            "that have"
        )
    return MAPPINGS[class_name]
