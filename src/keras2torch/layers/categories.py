"""What the layers on categories share: the encodings of their numbers.

Source: keras/src/utils/numerical_utils.py, encode_categorical_inputs.
"""

from __future__ import annotations

from keras2torch.ir.program import Samples, Tensor
from keras2torch.ir.step import Step

CASTS = {"int32": "{0}.int()", "int64": "{0}.long()"}
# Texts of every length class of the hash, and others that are easily taken wrongly.
WORDS = ("a", "B", "", "omar", "stringer", "\u00fcber", "a somewhat longer text", "0", "-1")
LONG_WORDS = ("a text of more than sixteen and less than sixty-five bytes", "long text " * 13)
NUMBERS = (0, 1, 7, 11, -1, -123, 4096, 1_234_567_890)


def cast(step: Step, x: Tensor, dtype: str) -> Tensor:
    """``x`` in another dtype: whole numbers, or the dtype that the layer computes in."""
    if x.dtype == dtype:
        return x
    if dtype not in CASTS and dtype != step.precision.computes:
        raise step.unsupported(f"dtype {dtype}")
    return (
        step.compute(CASTS[dtype], x, like=x, dtype=dtype) if dtype in CASTS else step.floating(x)
    )


def note_if_sparse(step: Step) -> None:
    """The same numbers, but none of Keras' sparse tensors."""
    if step.config.bool("sparse", False):
        step.note("returns a dense tensor where Keras returns a sparse one")


def dtype_of(step: Step, mode: str = "") -> str:
    """The dtype of the layer's outputs: whole numbers in the mode ``int``."""
    policy = step.precision.policy
    if policy.compute != policy.variable:
        raise step.unsupported(f"dtype policy {policy}")
    return "int64" if mode == "int" and policy.is_floating else policy.compute


def sample_values(step: Step, x: Tensor) -> None:
    """Try the input with values that a hash tells apart."""
    if x.dtype == "string":
        step.sample(x, Samples(WORDS + LONG_WORDS))
    elif x.dtype in ("int32", "int64"):
        step.sample(x, Samples(NUMBERS))


def encoded(
    step: Step,
    ids: Tensor,
    mode: str,
    depth: int,
    dtype: str,
    *,
    inside: bool,
    weights: Tensor | None = None,
) -> Tensor:
    """The encoding ``mode`` of whole numbers; all lie between 0 and ``depth`` if ``inside``."""
    if mode == "int":
        return cast(step, ids, dtype)
    if mode == "one_hot":
        if ids.rank > 1 and ids.shape[-1] == 1:
            ids = step.compute("{0}.squeeze(-1)", ids, like=ids, shape=ids.shape[:-1])
        function = "F.one_hot" if inside else step.helper("one_hot")
        hot = step.compute(
            f"{function}({{0}}, {depth})",
            ids,
            like=ids,
            shape=(*ids.shape, depth),
            dtype="int64" if inside else "bool",
        )
        return cast(step, hot, dtype)
    ids = _samples_last(step, ids)
    count = step.helper("count_ids")
    shape = (*ids.shape[:-1], depth)
    if weights is not None:
        weights = _samples_last(step, weights)
        return step.compute(
            f"{count}({{0}}, {depth}, {{1}})", ids, weights, like=weights, shape=shape
        )
    found = step.compute(f"{count}({{0}}, {depth})", ids, like=ids, shape=shape, dtype="int64")
    if mode == "multi_hot":
        found = step.compute("{0} > 0", found, like=found, dtype="bool")
    return cast(step, found, dtype)


def _samples_last(step: Step, x: Tensor) -> Tensor:
    """Keras counts along axis 1, whatever the rank."""
    if x.rank < 3:
        return x
    shape = (x.shape[0], *x.shape[2:], x.shape[1])
    return step.compute("{0}.movedim(1, -1)", x, like=x, shape=shape)
