from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.resizing import interpolated, of_one_image
from keras2torch.layers.window import resized, spatial
from keras2torch.registry import Integers, example, layer


@layer(
    "CenterCrop",
    any_order=True,
    examples=[
        example({"height": 3, "width": 4}, (6, 7, 2)),
        example({"height": 4, "width": 3, "data_format": "channels_first"}, (2, 5, 8)),
        example({"height": 5, "width": 4}, (3, 6, 2)),
        example({"height": 4, "width": 5}, (None, 7, 2)),
        example({"height": 8, "width": 5}, (None, None, 2)),
        example({"height": 2, "width": 2, "data_format": "channels_first"}, (6, 5)),
        example({"height": 2, "width": 2}, Integers((5, 4, 2), 256)),
    ],
)
def center_crop(step: Step, x: Tensor) -> Tensor:
    """The middle of images. A smaller one is cut to the wanted shape and resized."""
    if x.rank == 3:
        return of_one_image(step, x, center_crop)
    config = step.config
    size = (config.int("height", low=1), config.int("width", low=1))
    config.ignore("factor", "bounding_box_format")  # of images, which have no boxes here
    x = spatial(step, step.floating(x), 2)
    height, width = x.memory_shape[2:]
    shape = resized(x, (*x.memory_shape[:2], *size)).shape
    if height is None or width is None:
        return step.compute(f"{step.helper('center_crop')}({{0}}, {size})", x, like=x, shape=shape)
    if height < size[0] or width < size[1]:
        x = step.compute(f"{step.helper('aspect_crop')}({{0}}, {size})", x, like=x)
        return interpolated(step, x, size, "bilinear", antialias=False)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    rows, columns = f"{top}:{top + size[0]}", f"{left}:{left + size[1]}"
    return step.compute(f"{{0}}[:, :, {rows}, {columns}]", x, like=x, shape=shape)
