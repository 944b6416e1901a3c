"""The errors of keras2torch.

    Keras2TorchError
    ├── ModelError           the model can't be ported
    │   ├── FormatError      the container: not a file Keras writes, or a damaged one
    │   ├── ConfigError      the model's description: an impossible value or graph
    │   ├── WeightsError     the weights: missing, surplus, or of another shape than the layer's
    │   └── UnsupportedError an honest model that has no exact port yet
    ├── PortError            the port: a folder or file that holds none, or a damaged one
    ├── DataError            the user's data: arrays that don't fit the model
    ├── TrainingError        a training that can't start, go on or be resumed
    ├── ReferenceError       the original could not be run in Keras
    └── MissingExtra         a package is not installed; the message names the extra that brings it

Every message is one printable line: what must hold, and what was found.
"""

__all__ = [
    "ConfigError",
    "DataError",
    "FormatError",
    "Keras2TorchError",
    "MissingExtra",
    "ModelError",
    "PortError",
    "ReferenceError",
    "TrainingError",
    "UnsupportedError",
    "WeightsError",
    "quoted",
]


class Keras2TorchError(Exception):
    """Root of every error this package raises on purpose."""


class ModelError(Keras2TorchError):
    """The model can't be ported."""


class FormatError(ModelError):
    """The container is not one that Keras writes, or it is damaged."""


class ConfigError(ModelError):
    """The model's description holds something that no model can have."""


class WeightsError(ModelError):
    """Weights are missing, surplus, or shaped otherwise than their layer says."""


class UnsupportedError(ModelError):
    """An honest model that has no exact port yet."""


class PortError(Keras2TorchError):
    """The port's folder or file is missing something or damaged."""


class DataError(Keras2TorchError):
    """The user's data does not fit the model."""


class TrainingError(Keras2TorchError):
    """A training can't start, go on or be resumed: its settings, its device, its checkpoints."""


class ReferenceError(Keras2TorchError):
    """The original could not be run in Keras."""


class MissingExtra(Keras2TorchError):
    """An optional package is needed; names the extra that brings it."""


def quoted(text: object, limit: int = 80) -> str:
    """Text from a file, made printable: ASCII only, quoted, cut at ``limit`` characters."""
    shown = ascii(text if isinstance(text, str) else str(text))
    return shown if len(shown) <= limit else shown[: limit - 4] + "...'"
