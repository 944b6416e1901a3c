from typing import Any

from keras2torch.errors import ConfigError
from keras2torch.ir.dtypes import FLOATS
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import merging
from keras2torch.registry import example, layer

LETTERS = "ijklmnopqrstuvwxyz"  # of the axes that stay; b is the batch, d what is summed


@layer(
    "Dot",
    masks="own",
    examples=[
        example({"axes": 1}, [(4,), (4,)]),
        example({"axes": -1, "normalize": True}, [(4,), (4,)]),
        example({"axes": 2}, [(5, 4), (3, 4)]),
        example({"axes": [2, 1]}, [(5, 4), (4, 3)]),
        example({"axes": [1, 2], "normalize": True}, [(4, 5), (3, 4)]),
        example({"axes": [2, 1]}, [(None, 4), (4,)]),
        example({"axes": [1, 2]}, [(4,), (3, 4)]),
        example({"axes": [2, 3]}, [(5, 4), (2, 3, 4)]),
    ],
)
def dot(step: Step, inputs: Any) -> Tensor:
    """Products summed over one axis of each input; Keras drops the masks."""
    tensors = merging.inputs_of(step, inputs)
    if len(tensors) != 2 or min(x.rank for x in tensors) < 2:
        raise step.unsupported("a call on anything but two inputs with an axis each")
    axes = _axes(step, tensors)
    if step.config.bool("normalize", False):
        # 1e-7 is keras.backend.epsilon(), which no file tells.
        tensors = [
            step.compute(f"F.normalize({{0}}, dim={axis}, eps=1e-7)", x, like=x)
            for x, axis in zip(tensors, axes, strict=True)
        ]
    shapes = [x.shape[1:axis] + x.shape[axis + 1 :] for x, axis in zip(tensors, axes, strict=True)]
    rest = shapes[0] + shapes[1]
    like, dtype = tensors[0], merging.common_dtype(tensors)
    tensors = [step.cast(x, dtype) for x in tensors]
    if not rest:
        kept = "" if dtype in FLOATS else f", dtype=torch.{dtype}"
        return step.compute(
            f"({{0}} * {{1}}).sum(dim=1, keepdim=True{kept})",
            *tensors,
            like=like,
            shape=(like.shape[0], 1),
            dtype=dtype,
            mask=None,
        )
    if len(rest) > len(LETTERS):
        raise step.unsupported(f"inputs of shapes {[x.shape for x in tensors]}")
    letters = [LETTERS[: len(shapes[0])], LETTERS[len(shapes[0]) :][: len(shapes[1])]]
    terms = [
        f"b{own[: axis - 1]}d{own[axis - 1 :]}" for own, axis in zip(letters, axes, strict=True)
    ]
    expression = f'torch.einsum("{terms[0]},{terms[1]}->b{letters[0]}{letters[1]}", {{0}}, {{1}})'
    shape = (like.shape[0], *rest)
    return step.compute(expression, *tensors, like=like, shape=shape, dtype=dtype, mask=None)


def _axes(step: Step, inputs: list[Tensor]) -> list[int]:
    """The axis of each input that is summed over, counted from the front."""
    axes = step.config.raw("axes")
    if type(axes) is int:
        axes = [axes, axes]
    if not isinstance(axes, list) or [type(axis) for axis in axes] != [int, int]:
        raise step.config.wrong("axes", "a whole number or two", axes)
    for axis, x in zip(axes, inputs, strict=True):
        if not -x.rank < axis < x.rank or axis == 0:
            raise ConfigError(
                f"{step.where}: an input of shape {x.shape} has no axis {axis} to sum"
            )
    return [axis % x.rank for axis, x in zip(axes, inputs, strict=True)]
