"""What the mappings of Keras' image augmentation layers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Source, Step

LARGEST_SIDE = 2**20  # no crop, grid or kernel of an honest layer is near
INTERPOLATIONS = ("nearest", "bilinear")
FORMATS = ("channels_last", "channels_first")
Beside = Literal["keeps", "moves", "casts"]


def augment(
    step: Step,
    data: Any,
    kind: str,
    *args: Any,
    casts: bool,
    beside: Beside = "keeps",
    **options: Any,
) -> Any:
    """``data`` with its images through ``kind(*args, **options)``, a module of ``runtime/``.

    ``data`` are images, or a dict of images and what belongs to them. ``casts``: Keras makes
    integers floating-point in inference too. ``beside`` is what it does to segmentation masks and
    bounding boxes: "keeps" them, "moves" them in training as the images, or "casts" them besides.
    """
    module = step.module(step.helper(kind), *args, **options)
    channels_last = channels_are_last(step)
    if isinstance(data, Tensor):
        return images_through(step, data, module, casts, channels_last)
    parts = parts_of(step, data)
    images = images_through(step, parts["images"], module, casts, channels_last)
    return {**beside_images(step, parts, beside), "images": images}


def channels_are_last(step: Step) -> bool:
    """The image layers' common options; Keras' seed belongs to its own random numbers."""
    step.config.ignore("seed")
    return step.config.choice("data_format", FORMATS, "channels_last") == "channels_last"


def images_through(
    step: Step, x: Tensor, module: Module, casts: bool, channels_last: bool
) -> Tensor:
    """Images through a module that wants channels in front of height and width."""
    x = image_order(step, x, channels_last)
    x = step.floating(x) if casts else x
    return step.compute("{0}({1})", module, x, like=x)


def image_order(step: Step, x: Tensor, channels_last: bool) -> Tensor:
    """A batch of images, or an image that stands in a batch's place, with channels in front."""
    if x.rank not in (3, 4):
        raise step.unsupported(f"an input of shape {x.shape}")
    front = (2, 0, 1) if x.rank == 3 else (0, 3, 1, 2)
    return step.ordered(x, front if channels_last else None)


def parts_of(step: Step, data: Any) -> dict[str, Any]:
    """A dict of images and what belongs to them."""
    if not isinstance(data, Mapping) or not isinstance(data.get("images"), Tensor):
        raise step.unsupported("an input without images")
    for key, part in data.items():
        if key == "bounding_boxes":
            wanted = isinstance(part, Mapping) and set(part) == {"boxes", "labels"}
            parts = list(part.values()) if wanted else [None]
        else:
            parts = [part]
        if not all(isinstance(tensor, Tensor) for tensor in parts):
            raise step.unsupported(f"an input of this kind for {literal(str(key))}")
    return dict(data)


def beside_images(step: Step, parts: dict[str, Any], beside: Beside) -> dict[str, Any]:
    """What belongs to the images, as it leaves the layer."""
    parts = dict(parts)
    if "segmentation_masks" in parts:
        masks = parts["segmentation_masks"]
        masks = step.floating(masks) if beside == "casts" else masks
        parts["segmentation_masks"] = _moved(step, masks, "masks", beside)
    boxes = parts.get("bounding_boxes")
    box_format = step.config.raw("bounding_box_format", None)
    if boxes is not None:
        if not isinstance(box_format, str):
            raise step.unsupported("bounding boxes without a format")
        # Keras makes them float32, whatever the model computes in.
        given = step.compute(
            "{0}.to(torch.float)", boxes["boxes"], like=boxes["boxes"], dtype="float32"
        )
        parts["bounding_boxes"] = {
            "boxes": _moved(step, given, "boxes", beside),
            "labels": boxes["labels"],
        }
    return parts


def _moved(step: Step, x: Tensor, what: str, beside: Beside) -> Tensor:
    if beside == "keeps":
        return x
    step.note(f"{what} are passed on in inference and have no port in training")
    module = step.module(step.helper("NotInTraining"), part=what)
    return step.compute("{0}({1})", module, x, like=x)


def factor(step: Step, key: str, low: float, default: Any = 0.0) -> tuple[float, float]:
    """The range of a random factor: two numbers, or one that stands for -x to x, above ``low``."""
    value = step.config.raw(key, default)
    numbers = value if isinstance(value, list | tuple) else [value]
    if len(numbers) not in (1, 2) or any(type(n) not in (int, float) for n in numbers):
        raise step.config.wrong(key, "a number or two", value)
    if len(numbers) == 1:
        largest = abs(float(numbers[0]))
        return max(-largest, low) + 0.0, largest
    first, second = sorted(map(float, numbers))
    return first + 0.0, second + 0.0


def sampling(step: Step, *, fills: bool = True) -> dict[str, Any]:
    """How images are sampled at other places: the options that are not the modules' defaults.
    Without ``fills`` the layer has no ``fill_mode``."""
    modes = ("constant", "nearest", "reflect", "wrap")
    options: dict[str, Any] = {}
    if step.config.choice("interpolation", INTERPOLATIONS, "bilinear") == "nearest":
        options["interpolation"] = "nearest"
    fill_mode = step.config.choice("fill_mode", modes, "reflect") if fills else "constant"
    if fills and fill_mode != "reflect":
        options["fill_mode"] = fill_mode
    fill_value = step.config.float("fill_value", 0.0)
    if fill_mode == "constant" and fill_value:
        options["fill_value"] = fill_value
    return options


def value_range(step: Step, *, ordered: bool = False) -> tuple[float, float]:
    """The range of the images' values; some layers put it in order."""
    value = step.config.raw("value_range", [0, 255])
    if (
        not isinstance(value, list | tuple)
        or len(value) != 2
        or any(type(n) not in (int, float) for n in value)
    ):
        raise step.config.wrong("value_range", "two numbers", value)
    first, second = map(float, sorted(value) if ordered else value)
    return first, second


def construction(step: Step, kind: str, *args: Any) -> Source:
    """``kind(*args)``, to be an argument of another module."""
    return Source(f"{step.helper(kind)}({', '.join(map(literal, args))})")


def listed(sources: list[Source]) -> Source:
    """A list of constructions."""
    return Source(f"[{', '.join(sources)}]")
