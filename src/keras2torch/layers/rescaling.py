from __future__ import annotations

from typing import Any

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.readers.limits import LIMITS
from keras2torch.registry import Integers, example, layer

MOST_NUMBERS = 4096  # channels of an image; the list becomes source text


@layer(
    "Rescaling",
    any_order=True,
    masks="keeps",
    examples=[
        example({"scale": 1 / 255, "offset": 0.0}, Integers((3, 2), 256)),
        example({"scale": 1 / 127.5, "offset": -1}, (3, 4, 2)),
        example({"scale": 2, "offset": 0.1}, (4,)),
        example({"scale": [0.1, 0.2, 0.3], "offset": 0.0}, (2, 3)),
        example({"scale": [0.1, 0.2, 0.3], "offset": [1.0, 2.0, 3.0]}, (2, 2, 3)),
        example({"scale": 0.5, "offset": [1.0, 2.0, 3.0]}, (5, 3), masked=True),
        example({"scale": [[0.5], [0.25]], "offset": [0.3]}, (2, 3)),
    ],
)
def rescaling(step: Step, x: Tensor) -> Tensor:
    """``x * scale + offset``; with lists, one number per channel."""
    scale, offset = _numbers(step, "scale", None), _numbers(step, "offset", 0.0)
    if isinstance(scale, list) or isinstance(offset, list):
        return _by_channel(step, step.floating(x), scale, offset)
    expression = "{0}" if scale == 1 else f"{{0}} * {literal(scale)}"
    if offset:
        expression += f" {'+' if offset > 0 else '-'} {literal(abs(offset))}"
    x = step.floating(x)
    return x if expression == "{0}" else step.compute(expression, x, like=x)


def _by_channel(step: Step, x: Tensor, scale: Any, offset: Any) -> Tensor:
    """Lists run along the last axes, as NumPy broadcasts them."""
    depth = max(len(_shape(scale)), len(_shape(offset)))
    for numbers in (scale, offset):
        shape = _shape(numbers)
        last = x.shape[x.rank - len(shape) :] if len(shape) <= x.rank else ()
        if len(last) != len(shape) or any(
            a not in (1, b) for a, b in zip(shape, last, strict=True)
        ):
            raise step.unsupported(f"numbers of shape {shape} for an input of shape {x.shape}")
    options: dict[str, Any] = {}
    if depth == 1 and x.dim(-1) != x.rank - 1:
        options["shape"] = (-1, *(1,) * (x.rank - 1 - x.dim(-1)))
    else:
        x = step.keras_order(x)
    rescale = step.module(step.helper("Rescaling"), scale, offset, **options)
    return step.compute("{0}({1})", rescale, x, like=x)


def _shape(value: Any) -> tuple[int, ...]:
    return (len(value), *_shape(value[0])) if isinstance(value, list) else ()


def _numbers(step: Step, key: str, default: Any) -> Any:
    """A finite number, or lists of such, nested evenly."""
    value = step.config.raw(key, default)
    if isinstance(value, dict) and value.get("class_name") == "__numpy__":
        inner = value.get("config")
        value = inner.get("value") if isinstance(inner, dict) else None
    if _count(value) > MOST_NUMBERS:
        raise step.config.wrong(key, f"a number or lists of at most {MOST_NUMBERS}", value)
    return value


def _count(value: Any, depth: int = 0) -> int:
    """How many numbers there are; more than allowed where something else is among them."""
    if type(value) in (int, float):
        return 1
    if not isinstance(value, list) or not value or depth > LIMITS.tensor_rank:
        return MOST_NUMBERS + 1
    kinds = {len(part) if isinstance(part, list) else 0 for part in value}
    counts = [_count(part, depth + 1) for part in value]
    return sum(counts) if len(kinds) == 1 else MOST_NUMBERS + 1
