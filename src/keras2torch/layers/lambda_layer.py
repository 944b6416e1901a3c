from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch import registry
from keras2torch.activations import activate
from keras2torch.errors import quoted
from keras2torch.ir.config import Config
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer

# Of Keras' activations, those with a number or an axis as argument: its name, and the expression.
NUMBERS: Mapping[str, tuple[str, str]] = {
    "leaky_relu": ("negative_slope", "F.leaky_relu({{0}}, {})"),
    "elu": ("alpha", "F.elu({{0}}, {})"),
    "celu": ("alpha", "F.celu({{0}}, {})"),
    "hard_shrink": ("threshold", "F.hardshrink({{0}}, {})"),
    "soft_shrink": ("threshold", "F.softshrink({{0}}, {})"),
}
AXES: Mapping[str, str] = {
    "softmax": "torch.softmax({{0}}, dim={})",
    "log_softmax": "torch.log_softmax({{0}}, dim={})",
}


def _config(name: str, **arguments: Any) -> dict[str, Any]:
    function = {"module": "builtins", "class_name": "function", "config": name}
    return {"function": {**function, "registered_name": "function"}, "arguments": arguments}


@layer(
    "Lambda",
    any_order=True,
    examples=[
        example(_config("tanh"), (5, 4), masked=True),
        example({**_config("relu"), "output_shape": [4]}, (4,)),
        example(_config("relu", max_value=1.0, negative_slope=0.1), (4,)),
        example(_config("elu", alpha=0.5), (4,)),
        example(_config("softmax", axis=1), (3, 4)),
        example(_config("gelu", approximate=True), (4,)),
    ],
)
def lambda_layer(step: Step, x: Tensor) -> Tensor:
    """One of Keras' activations by its name; a Python lambda would be bytecode to be run."""
    function = step.config.raw("function")
    step.config.ignore("output_shape")  # it follows from the function
    step.config.require("mask", None, None)
    kind = function.get("class_name") if isinstance(function, dict) else None
    if kind == "__lambda__":
        raise step.unsupported("a Python lambda, which the file holds as bytecode,")
    if kind != "function" or function.get("registered_name") not in (None, "function"):
        raise step.unsupported(f"a function of the user's own, {quoted(function)},")
    name = function.get("config")
    arguments = Config(step.config.raw("arguments", {}), f"{step.where}, its arguments")
    given = arguments.unread()
    if not given:
        return activate(step, x, name)
    if name == "relu":
        part = step.part("arguments", "arguments", {"config": step.config.raw("arguments")})
        result: Tensor = registry.find("ReLU", False, step.where).outputs(part, [x], {})
        return result
    y = _with_argument(step, x, str(name), arguments)
    arguments.finish()
    return y


def _with_argument(step: Step, x: Tensor, name: str, arguments: Config) -> Tensor:
    """An activation with its one argument."""
    if name in NUMBERS:
        option, template = NUMBERS[name]
        written = literal(arguments.float(option))
    elif name in AXES:
        template, axis = AXES[name], arguments.int("axis", -1)
        if not -x.rank <= axis < x.rank:
            raise arguments.wrong("axis", f"an axis of shape {x.shape}", axis)
        x = step.keras_order(x) if x.flat else x
        written = str(x.dim(axis))
    elif name == "gelu":
        approximate = arguments.bool("approximate", False)
        template, written = "F.gelu({{0}}{})", ', approximate="tanh"' if approximate else ""
    else:
        raise step.unsupported(f"function {quoted(name)} with arguments")
    return step.compute(template.format(written), x, like=x)
