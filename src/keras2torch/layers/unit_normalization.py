from __future__ import annotations

from keras2torch.errors import ConfigError
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.registry import example, layer


@layer(
    "UnitNormalization",
    any_order=True,
    masks="keeps",
    examples=[
        example({}, (4,)),
        example({"axis": 1}, (3, None)),
        example({"axis": [1, -1]}, (3, 2, 4)),
        example({"axis": [0, 2]}, (3, 4), masked=True),
    ],
)
def unit_normalization(step: Step, x: Tensor) -> Tensor:
    """``F.normalize``: a length of 1 along one axis or several."""
    raw = step.config.raw("axis", -1)
    axes = [raw] if type(raw) is int else raw
    if not isinstance(axes, list) or not axes or any(type(axis) is not int for axis in axes):
        raise step.config.wrong("axis", "one or several whole numbers", raw)
    if not all(-x.rank <= axis < x.rank for axis in axes):
        raise ConfigError(f"{step.where}: an input of shape {x.shape} has no axes {axes}")
    if x.dtype in INTEGER_DTYPES:  # Keras runs it on no backend
        raise step.unsupported(f"an input of dtype {x.dtype}")
    dims = sorted({x.dim(axis) for axis in axes})
    if len(dims) == 1:
        dim = -1 if dims[0] == x.rank - 1 else dims[0]
        return step.compute(f"F.normalize({{0}}, dim={dim})", x, like=x)
    length = step.compute(
        f"torch.linalg.vector_norm({{0}}, dim={tuple(dims)}, keepdim=True)",
        x, like=x, shape=tuple(1 if a in dims else s for a, s in enumerate(x.shape)), hint="length",
    )  # fmt: skip
    return step.compute("{0} / {1}.clamp(min=1e-12)", x, length, like=x)
