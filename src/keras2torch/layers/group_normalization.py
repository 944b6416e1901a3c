from __future__ import annotations

from typing import Any

from keras2torch.ir.dtypes import HALVES
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.registry import Integers, example, layer


@layer(
    "GroupNormalization",
    any_order=True,
    masks="keeps",
    autocast=False,
    wide=True,
    examples=[
        example({"groups": 2}, (4,)),
        example({"groups": 2}, (3, 5, 4)),
        example({"groups": -1, "epsilon": 1e-5}, (None, None, 3)),
        example({"groups": 2, "axis": 1, "trainable": False}, (4, 2, 3)),
        example({"groups": 3, "axis": -2, "scale": False}, (2, 6, 4)),
        example(
            {"groups": 1, "axis": 2, "center": False, "gamma_initializer": "he_normal"}, (2, 6, 4)
        ),
        example({"groups": 2, "center": False, "scale": False}, (5, 4), masked=True),
        example({"groups": 2}, Integers((3, 4), 9)),
        example({"groups": -1}, (1, 3)),
    ],
)
def group_normalization(step: Step, x: Tensor) -> Tensor:
    """``nn.GroupNorm``, with the axis of the groups right after the batch in memory."""
    config = step.config
    axis = config.int("axis", -1)
    if not -x.rank <= axis < x.rank or axis % x.rank == 0 or x.shape[axis] is None:
        raise step.unsupported(f"axis {axis} of an input of shape {x.shape}")
    axis, channels = axis % x.rank, x.shape[axis] or 0
    groups = config.int("groups", 32, low=-1)
    groups = channels if groups == -1 else groups
    if groups == 0 or channels % groups:
        raise config.wrong("groups", f"a divisor of {channels}", groups)
    order = (0, axis, *(a for a in range(1, x.rank) if a != axis))
    y = step.ordered(step.floating(x), None if order == tuple(range(x.rank)) else order)

    scale, center = config.bool("scale", True), config.bool("center", True)
    options: dict[str, Any] = {"eps": config.float("epsilon", 1e-3)}
    # nn.GroupNorm refuses a single value, which is all that there is of one sample.
    single = groups == channels and all(size == 1 for size in y.memory_shape[2:])
    # Half precision comes with large values, where the order of operations shows.
    half = step.precision.policy.compute in HALVES
    plain = scale == center and not single and not half
    if not plain:
        options |= {"weight": scale, "bias": center}
    elif not scale:
        options["affine"] = False
    kind = "nn.GroupNorm" if plain else step.helper("AnyGroupNorm")
    norm = step.module(kind, groups, channels, **options)
    for used, name, key in ((scale, "gamma", "weight"), (center, "beta", "bias")):
        if used:
            weight = step.weights.take(name, (channels,))
            step.parameter(norm, key, weight, f"{name}_initializer")
        else:
            config.ignore(f"{name}_initializer")
    # torch 2.14 crashes in the gradient of an input that is permuted and itself has no gradient.
    call = "{0}({1}.contiguous())" if y.order != x.order and x.rank > 3 else "{0}({1})"
    if x.dtype in INTEGER_DTYPES:
        call += ".trunc()"  # Keras casts the result back to whole numbers, and to numbers again
    return step.compute(call, norm, y, like=y)
