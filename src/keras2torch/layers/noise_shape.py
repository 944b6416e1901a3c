"""The option ``noise_shape`` of Keras' dropouts: along which axes all elements share one fate."""

from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step


def shared_dims(step: Step, x: Tensor) -> tuple[int, ...]:
    """The dimensions, as ``x`` lies in memory, along which elements are dropped together."""
    shape = step.config.raw("noise_shape", None)
    if shape is None:
        return ()
    if not isinstance(shape, list) or any(s is not None and type(s) is not int for s in shape):
        raise step.config.wrong("noise_shape", "a list of whole numbers", shape)
    if len(shape) != x.rank or any(
        wanted not in (None, 1, have) and (have is not None or axis > 0)
        for axis, (wanted, have) in enumerate(zip(shape, x.shape, strict=False))
    ):
        raise step.unsupported(f"noise_shape={shape} of an input of shape {x.shape}")
    together = [axis for axis in range(x.rank) if shape[axis] == 1]
    if all(x.shape[axis] == 1 for axis in together):
        return ()
    return tuple(sorted(x.dim(axis) for axis in together))
