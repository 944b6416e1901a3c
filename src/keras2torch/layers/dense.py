from typing import Any

from keras2torch.activations import activate
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import calibrated, float8, quantization
from keras2torch.registry import Integers, example, layer


@layer(
    "Dense",
    any_order=True,
    quantized=True,
    masks="keeps",
    examples=[
        example({"units": 3}, (4,)),
        example({"units": 3, "use_bias": False, "activation": "relu"}, (5, 4)),
        example({"units": 2, "activation": "softmax", "kernel_initializer": "he_normal"}, (4,)),
        example({"units": 2, "trainable": False, "kernel_regularizer": "l2"}, (2, 3, 4)),
        example({"units": 2}, Integers((4,), 9)),
    ],
)
def dense(step: Step, x: Tensor) -> Tensor:
    """A linear map of the last axis.

    After a Flatten of channels-first memory the columns of the weight are reordered instead of
    the activations.
    """
    units = step.config.int("units", low=1)
    use_bias = step.config.bool("use_bias", True)
    size = x.shape[-1]
    if size is None:
        raise step.unsupported("a last axis of unknown size")
    adapters = quantization.merged_adapters(step)
    quantized = quantization.quantization_of(step, {"int8": True})
    if quantized is not None:
        x = step.keras_order(x)
        bias = (units,) if use_bias else None
        shape = (size, units)
        if quantized.mode == "float8":
            linear = float8.linear(step, shape, shape, bias)
        elif quantized.mode in ("gptq", "awq"):
            linear = calibrated.linear(step, quantized, shape, bias)
        else:
            linear = quantization.linear(step, quantized, shape, shape, bias, (units,))
        y = step.compute("{0}({1})", linear, step.floating(x), like=x, shape=(*x.shape[:-1], units))
        return activate(step, y, step.config.raw("activation", None))
    if x.flat is None:
        x = step.keras_order(x)
    options: dict[str, Any] = {} if use_bias else {"bias": False}
    linear = step.module("nn.Linear", size, units, **options)
    weight = step.weights.take("kernel", (size, units)).permute(1, 0)
    if x.flat is not None:
        weight = weight.reorder_columns(*x.flat)
    step.parameter(linear, "weight", weight, "kernel_initializer", frozen=adapters)
    if use_bias:
        step.parameter(linear, "bias", step.weights.take("bias", (units,)), "bias_initializer")
    else:
        step.config.ignore("bias_initializer")
    x = step.floating(x, linear)
    y = step.compute("{0}({1})", linear, x, like=x, shape=(*x.shape[:-1], units), flat=None)
    return activate(step, y, step.config.raw("activation", None))
