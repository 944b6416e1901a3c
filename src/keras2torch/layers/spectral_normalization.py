from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keras2torch import registry
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.registry import Integers, example, layer

KERNELS = ("Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose",
           "Conv3DTranspose")  # fmt: skip


def _of(kind: str, **options: Any) -> dict[str, Any]:
    return {"layer": {"class_name": kind, "config": options}}


@layer(
    "SpectralNormalization",
    any_order=True,
    examples=[
        example(_of("Dense", units=3), (4,)),
        example(
            _of("Conv2D", filters=3, kernel_size=2, activation="relu") | {"power_iterations": 2},
            (4, 5, 2),
        ),
        example(_of("Embedding", input_dim=9, output_dim=3), Integers((4,), 9)),
        example(_of("Dense", units=3, trainable=False), (5, 4), masked=True),
    ],
)
def spectral_normalization(step: Step, x: Tensor) -> Tensor:
    """The layer inside; its weight is divided by its largest singular value in training only."""
    options = step.config.raw("layer")
    iterations = step.config.int("power_iterations", 1, low=1)
    if not isinstance(options, Mapping) or options.get("registered_name") is not None:
        raise step.unsupported("wrapping a custom layer")
    kind = options.get("class_name")
    if kind not in (*KERNELS, "Embedding"):
        raise step.unsupported(f"wrapping a layer of class {kind!r}")
    inner = step.part("layer", "layer", options)
    y: Tensor = registry.find(kind, False, inner.where).outputs(inner, [replace(x, mask=None)], {})

    module = step.modules[step.name, ""]
    kernel = module.parameters["weight"]
    # Keras counts the kernel among its own variables too.
    step.weights.take("kernel", kernel.origin)
    module.buffers["vector_u"] = step.weights.take("vector_u", (1, kernel.origin[-1]))
    dim = ", dim=1" if kind == "Embedding" else ""
    wrapped = f"iterations={iterations}{dim})"
    if not module.construct.endswith(wrapped):
        name = step.helper("spectral_norm")
        module.construct = f"{name}({module.construct}, {wrapped}"
        module.reset = [
            statement.replace("{0}.weight", '{0}.get_parameter("weight")').replace(
                "{0}.bias", '{0}.get_parameter("bias")'
            )
            for statement in module.reset
        ]
        if step.trainable:
            start = 'nn.init.trunc_normal_({0}.get_buffer("vector_u"), 0.0, 0.02, -0.04, 0.04)'
            module.reset.append(start)
    if x.dtype not in INTEGER_DTYPES:
        return y
    # Keras casts the output to the input's dtype, whichever that is.
    return step.compute(f"{{0}}.to(torch.{x.dtype})", y, like=y, dtype=x.dtype)
