from dataclasses import replace

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "Masking",
    masks="own",
    examples=[
        example({}, (5, 4)),
        example({"mask_value": -1.5}, (5, 4)),
        example({"mask_value": 1}, (4,)),
        example({"mask_value": 2}, (5, 4), masked=True),
    ],
)
def masking(step: Step, x: Tensor) -> Tensor:
    """Masks the steps whose features all have ``mask_value``, and makes them 0."""
    value = step.config.raw("mask_value", 0.0)
    if type(value) not in (int, float):
        raise step.unsupported("a mask_value that is no number")
    flags = replace(x, dtype="bool", mask=None)
    differs = step.compute(f"{{0}} != {literal(value)}", x, like=flags, dtype="bool", hint="mask")
    mask = step.compute(
        "{0}.any(dim=-1)", differs, like=flags, shape=x.shape[:-1], dtype="bool", hint="mask"
    )
    if value == 0 and _is_data(step, x):
        return replace(x, mask=mask.value)  # the masked steps are 0 already
    return step.compute("torch.where({0}.unsqueeze(-1), {1}, 0)", mask, x, like=x, mask=mask.value)


def _is_data(step: Step, x: Tensor) -> bool:
    """Whether this is an input of the whole model, which has no gradient to be stopped."""
    return not step.model.path and any(x.value is own.value for _, own in step.model.inputs)
