"""Hands a Keras model over to PyTorch: the same model, in code you would have written yourself."""

from keras2torch.errors import (
    ConfigError,
    DataError,
    FormatError,
    Keras2TorchError,
    MissingExtra,
    ModelError,
    PortError,
    ReferenceError,
    TrainingError,
    UnsupportedError,
    WeightsError,
)
from keras2torch.loading import load
from keras2torch.porting import Port, port
from keras2torch.verify.check import Report, check

__all__ = [
    "ConfigError",
    "DataError",
    "FormatError",
    "Keras2TorchError",
    "MissingExtra",
    "ModelError",
    "Port",
    "PortError",
    "ReferenceError",
    "Report",
    "TrainingError",
    "UnsupportedError",
    "WeightsError",
    "check",
    "load",
    "port",
]
