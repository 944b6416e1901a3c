"""Activations of ``keras.ops.nn`` and ``keras.activations``, called on tensors.

Source: keras/src/ops/nn.py, keras/src/activations/activations.py.
"""

from __future__ import annotations

from keras2torch.activations import EXPRESSIONS, HELPERS
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.relu import relu as relu_layer
from keras2torch.layers.softmax import softmax as softmax_layer
from keras2torch.ops.calls import OpCall, call, ints
from keras2torch.ops.operands import axis_option
from keras2torch.ops.table import elementwise, same
from keras2torch.registry import op


def _named(class_name: str, name: str, *calls: OpCall) -> None:
    """An activation without options, from the table of activations."""
    helper = name if name in HELPERS else ""
    elementwise(class_name, EXPRESSIONS[name], same, *calls, helper=helper)


_named("Relu", "relu", call("relu", (3, 2)), call("relu", ints(3)))
_named("Relu6", "relu6", call("relu6", (3, 2)))
_named("Sigmoid", "sigmoid", call("sigmoid", (3, 2)))
_named("SparseSigmoid", "sparse_sigmoid", call("sparse_sigmoid", (3, 2)))
_named("Softplus", "softplus", call("softplus", (3, 2)))
_named("Softsign", "softsign", call("softsign", (3, 2)))
_named("SparsePlus", "sparse_plus", call("sparse_plus", (3, 2)))
_named("Silu", "silu", call("silu", (3, 2)), call("swish", (3,)))
_named("LogSigmoid", "log_sigmoid", call("log_sigmoid", (3, 2)))
_named("HardSigmoid", "hard_sigmoid", call("hard_sigmoid", (3, 2)))
_named("HardSilu", "hard_silu", call("hard_silu", (3, 2)), call("hard_swish", (3,)))
_named("Selu", "selu", call("selu", (3, 2)))
_named("TanhShrink", "tanh_shrink", call("tanh_shrink", (3, 2)))
_named("HardTanh", "hard_tanh", call("hard_tanh", (3, 2)))


def _one_option(class_name: str, function: str, key: str, default: float, *calls: OpCall) -> None:
    """A function of PyTorch with one number, which is left out where it is the default."""

    def lower(step: OpStep, x: Tensor) -> Tensor:
        value = step.config.float(key, default)
        usual = {"F.leaky_relu": 0.01, "F.softshrink": 0.5, "F.hardshrink": 0.5}.get(function, 1.0)
        given = "" if value == usual else f", {literal(value)}"
        return step.compute(f"{function}({{0}}{given})", step.floating(x), like=step.floating(x))

    op(class_name, any_order=True, calls=calls)(lower)


_one_option("LeakyRelu", "F.leaky_relu", "negative_slope", 0.2, call("leaky_relu", (3, 2)),
            call("leaky_relu", (3, 2), negative_slope=0.3))  # fmt: skip
_one_option("Elu", "F.elu", "alpha", 1.0, call("elu", (3, 2)), call("elu", (3, 2), alpha=0.5))
_one_option("Celu", "F.celu", "alpha", 1.0, call("celu", (3, 2)), call("celu", (3, 2), alpha=0.5))
_one_option("SoftShrink", "F.softshrink", "threshold", 0.5, call("soft_shrink", (3, 2)),
            call("soft_shrink", (3, 2), threshold=0.3))  # fmt: skip
_one_option("HardShrink", "F.hardshrink", "threshold", 0.5, call("hard_shrink", (3, 2)),
            call("hard_shrink", (3, 2), threshold=0.3))  # fmt: skip


@op("ReLU", any_order=True, calls=[
    call("activations.relu", (3, 2), negative_slope=0.1), call("activations.relu", (3, 2)),
    call("activations.relu", (3, 2), max_value=1.5, threshold=0.5),
])  # fmt: skip
def relu(step: OpStep, x: Tensor) -> Tensor:
    """The layer's function."""
    result: Tensor = relu_layer(step, x)
    return result


@op("Gelu", any_order=True, calls=[call("gelu", (3, 2)), call("gelu", (3, 2), approximate=False)])
def gelu(step: OpStep, x: Tensor) -> Tensor:
    """By the tanh formula, as is Keras' default for the operation, or exact."""
    approximate = ', approximate="tanh"' if step.config.bool("approximate", True) else ""
    return step.compute(f"F.gelu({{0}}{approximate})", x, like=x)


@op("Squareplus", any_order=True, calls=[call("squareplus", (3,)), call("squareplus", (3,), b=2)])
def squareplus(step: OpStep, x: Tensor) -> Tensor:
    """A smooth ReLU."""
    b = step.config.float("b", 4.0)
    if b == 4:
        return step.compute(f"{step.helper('squareplus')}({{0}})", x, like=x)
    return step.compute(f"({{0}} + torch.sqrt({{0}}.square() + {literal(b)})) / 2", x, like=x)


@op("Threshold", any_order=True, calls=[call("threshold", (3, 2), 0.5, -1.0)])
def threshold(step: OpStep, x: Tensor) -> Tensor:
    """What is above a number, and another number instead of the rest."""
    limit, value = step.config.float("threshold"), step.config.float("default_value")
    return step.compute(f"F.threshold({{0}}, {literal(limit)}, {literal(value)})", x, like=x)


@op("Glu", any_order=True, calls=[call("glu", (3, 4)), call("glu", (4, 2), axis=1)])
def glu(step: OpStep, x: Tensor) -> Tensor:
    """The first half of an axis, gated by the second."""
    axis = axis_option(step, x.rank, default=-1)
    size = x.shape[axis]
    if size is None or size % 2:
        raise step.unsupported(f"halves of an axis of size {size}")
    x = step.keras_order(x) if x.flat else x
    shape = (*x.shape[:axis], size // 2, *x.shape[axis + 1 :])
    return step.compute(f"F.glu({{0}}, dim={_dim(x, axis)})", x, like=x, shape=shape)


@op("Softmax", any_order=True, calls=[
    call("softmax", (3, 2)), call("softmax", (3, 2), axis=1),
])  # fmt: skip
def softmax(step: OpStep, x: Tensor) -> Tensor:
    """The layer's function."""
    result: Tensor = softmax_layer(step, step.keras_order(x) if x.flat else x)
    return result


@op("LogSoftmax", any_order=True, calls=[
    call("log_softmax", (3, 2)), call("log_softmax", (3, 2), axis=1),
])  # fmt: skip
def log_softmax(step: OpStep, x: Tensor) -> Tensor:
    """The logarithm of a softmax."""
    return _along(step, x, "torch.log_softmax")


@op("Sparsemax", any_order=True, calls=[
    call("sparsemax", (3, 4)), call("sparsemax", (3, 2), axis=1),
])  # fmt: skip
def sparsemax(step: OpStep, x: Tensor) -> Tensor:
    """A softmax with zeros."""
    return _along(step, x, step.helper("sparsemax"))


def _along(step: OpStep, x: Tensor, function: str) -> Tensor:
    x = step.keras_order(x) if x.flat else x
    axis = axis_option(step, x.rank, default=-1)
    return step.compute(f"{function}({{0}}, dim={_dim(x, axis)})", x, like=x)


def _dim(x: Tensor, axis: int) -> int:
    dim = x.dim(axis)
    return -1 if dim == x.rank - 1 else dim
