"""The functions of ``keras.ops`` that are not ported, each with the reason: one table."""

from __future__ import annotations

from collections.abc import Mapping

_CODE = "it holds a Python function, which is code and not data"
_DATA = "the shape of its result depends on the data"
_SIGNS = "the signs of its vectors are each library's own"
_NONE = "it makes no operation: its result is in the file as an array or a number"
_RELOAD = "Keras itself can't load a saved model with it"
_COMPLEX = "complex numbers are ported inside Fourier transforms only"
_RANDOM = "it draws random numbers"
_DIFFER = "Keras' backends differ in its results"

REFUSED: Mapping[str, str] = {
    # Python functions
    **dict.fromkeys(
        "associative_scan cond custom_gradient fori_loop jvp map scan switch vectorize "
        "vectorized_map while_loop".split(),
        _CODE,
    ),
    # No operations
    **dict.fromkeys(
        "arange bartlett blackman convert_to_numpy dtype empty eye full hamming hanning identity "
        "is_tensor kaiser ndim ones shape size tri zeros".split(),
        _NONE,
    ),
    **dict.fromkeys("bincount histogram nonzero unique".split(), _DATA),
    **dict.fromkeys("eig eigh svd".split(), _SIGNS),
    **dict.fromkeys("adaptive_average_pool adaptive_max_pool rearrange".split(), _RELOAD),
    **dict.fromkeys("polar view_as_complex view_as_real".split(), _COMPLEX),
    **dict.fromkeys("argpartition ctc_decode istft lstsq lu_factor matrix_rank".split(), _DIFFER),
    "image.elastic_transform": _RANDOM,
    "image.perspective_transform": "Keras solves for the transform in float32 only",
    "conv_transpose": "Keras itself can't run a saved model with it",
    "ctc_loss": "for labels that are longer than their sequence Keras' backends differ",
    "view": "it reads the bytes of numbers, which are others in another precision",
}


def reason(class_name: str) -> str | None:
    """Why an operation is refused, by its class; none where that is not known."""
    wanted = class_name.lower()
    for function, why in REFUSED.items():
        if function.rpartition(".")[2].replace("_", "") == wanted:
            return why
    return None


def table() -> str:
    """The operations that are ported and those that are not, for the documentation."""
    from keras2torch.registry import all_ops

    ported = sorted({call.function for mapping in all_ops().values() for call in mapping.calls})
    lines = ["## Operations", "", "Functions of `keras.ops` called on tensors of a model:", ""]
    lines += [", ".join(f"`{name}`" for name in ported) + ".", "", "Refused:", ""]
    lines += ["| Function | Why |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in sorted(REFUSED.items())]
    return "\n".join(lines) + "\n"
