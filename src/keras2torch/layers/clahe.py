"""Keras' ContrastLimitedAdaptiveHistogramEqualization."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import LARGEST_SIDE, augment, value_range
from keras2torch.registry import Integers, example, layer


@layer(
    "ContrastLimitedAdaptiveHistogramEqualization",
    any_order=True,
    examples=[
        example({"tile_grid_size": [2, 2]}, Integers((6, 8, 3), 256)),
        example({"tile_grid_size": [2, 3], "clip_limit": 1.5, "value_range": [0, 1]}, (7, None, 1)),
        example(
            {"tile_grid_size": [3, 2], "clip_limit": 0, "data_format": "channels_first"}, (3, 8, 7)
        ),
    ],
)
def clahe(step: Step, data: Any) -> Any:
    """Equalizes the histogram around each pixel, in training and in inference."""
    if not isinstance(data, Tensor) and set(data) != {"images"}:
        raise step.unsupported("anything but images")
    grid = step.config.window("tile_grid_size", 2, [8, 8])
    if max(grid) > LARGEST_SIDE:
        raise step.unsupported(f"a grid of {grid[0]} x {grid[1]}")
    args = (value_range(step), step.config.float("clip_limit", 4.0), grid)
    kind = "ContrastLimitedAdaptiveHistogramEqualization"
    return augment(step, data, kind, *args, casts=False)
