"""Images of another size in ``keras.ops.image``. Source: keras/src/ops/image.py."""

from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.resizing import of_one_image, resized_images
from keras2torch.ops.calls import Drawn, call, ints, on_tensorflow
from keras2torch.registry import op


@op("Resize", any_order=True, calls=[
    call("image.resize", (4, 5, 2), size=(8, 3), interpolation="nearest"),
    call("image.resize", (4, 5, 2), size=(8, 10)),
    call("image.resize", (7, 4, 2), size=(3, 4), antialias=True),
    # Keras on JAX has no table of weights.
    on_tensorflow(call("image.resize", (4, 5, 2), size=(6, 7), interpolation="bicubic")),
    call("image.resize", (4, 7, 2), size=(8, 3), interpolation="bicubic", antialias=True),
    call("image.resize", (6, 5, 2), size=(3, 9), interpolation="lanczos3"),
    call("image.resize", (8, 5, 2), size=(3, 4), interpolation="lanczos5", antialias=True),
    call("image.resize", (5, 8, 2), size=(4, 4), crop_to_aspect_ratio=True),
    call("image.resize", (3, 8, 2), size=(4, 4), pad_to_aspect_ratio=True, fill_value=2.5),
    on_tensorflow(call("image.resize", (3, 8, 2), size=(2, 6), interpolation="area")),
    call("image.resize", ints(4, 5, 2, low=0, high=255), size=(7, 4), interpolation="lanczos3"),
    call("image.resize", ints(4, 5, 2, low=0, high=255, dtype="uint8"), size=(3, 9)),
    call("image.resize", Drawn((4, 5, 2), batched=False), size=(3, 9)),
])  # fmt: skip
def resize(step: OpStep, images: Tensor) -> Tensor:
    """As by the layer Resizing."""
    step.config = step.config.without_none("data_format")
    if images.rank == 3:
        return of_one_image(step, images, resize)
    return resized_images(step, images, step.config.window("size", 2))
