from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "PReLU",
    any_order=True,
    masks="keeps",
    examples=[
        example({}, (4,)),
        example({"alpha_initializer": "glorot_uniform"}, (2, 3, 4)),
        example({"shared_axes": [1]}, (None, 4), masked=True),
        example({"shared_axes": [1, 2], "alpha_regularizer": "l2"}, (None, None, 4)),
        example({"shared_axes": [2]}, (3, 4)),
        example({"shared_axes": [1, 2], "trainable": False}, (3, 4)),
        example({"shared_axes": 1}, (3, 4)),
        example({"shared_axes": [-1]}, (3, 4)),
    ],
)
def prelu(step: Step, x: Tensor) -> Tensor:
    """A leaky ReLU with learned slopes, each shared over ``shared_axes``.

    ``nn.PReLU`` has one slope, or one per channel where the channels come right after the batch.
    """
    shape = _weight_shape(step, x)
    weight = step.weights.take("alpha", shape)
    if max(shape, default=1) == 1:
        module = step.module("nn.PReLU")
        weight = weight.reshape(1)
    elif max(shape[:-1], default=1) == 1 and x.dim(-1) == 1 and x.flat is None:
        module = step.module("nn.PReLU", shape[-1])
        weight = weight.reshape(shape[-1])
    else:
        if x.flat is not None or (x.order and x.order[0] != 0):
            x = step.keras_order(x)
        if x.order is not None:
            weight = weight.permute(*[axis - 1 for axis in x.order[1:]])
        module = step.module(step.helper("ElementwisePReLU"), *weight.shape)
    known = module.parameters.get("weight", weight)
    if (known.shape, known.how) != (weight.shape, weight.how):
        raise step.unsupported("calls on tensors that lie in memory in several orders")
    step.parameter(module, "weight", weight, "alpha_initializer")
    return step.compute("{0}({1})", module, x, like=x)


def _weight_shape(step: Step, x: Tensor) -> tuple[int, ...]:
    """The shape of Keras' alpha: 1 on shared axes, which Keras counts from 1."""
    shared = step.config.raw("shared_axes", None)
    shared = [shared] if type(shared) is int else shared or []
    if not isinstance(shared, list) or any(type(axis) is not int for axis in shared):
        raise step.config.wrong("shared_axes", "whole numbers", shared)
    shape = list(x.shape[1:])
    for axis in shared:
        if not -len(shape) < axis <= len(shape):
            raise step.config.wrong("shared_axes", f"axes of shape {x.shape}", shared)
        shape[axis - 1] = 1
    if None in shape:
        raise step.unsupported("a slope for every element of an axis of unknown size")
    return tuple(size or 0 for size in shape)
