"""Products of matrices and tensors in ``keras.ops``. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

import re
from typing import Any

from keras2torch.errors import ConfigError
from keras2torch.ir.graph import Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers import merging
from keras2torch.ops.calls import Array, call, ints, line
from keras2torch.ops.operands import axis_in, axis_option, cast, dtype_of, items_of
from keras2torch.ops.promotion import result_type
from keras2torch.ops.reductions import flat
from keras2torch.registry import op


def factors(step: OpStep, given: Any) -> list[Tensor]:
    """Tensors and arrays in Keras' order and of one dtype."""
    items = items_of(step, list(given))
    tensors = [step.keras_order(x) for x in items if isinstance(x, Tensor)]
    if len(tensors) != len(items):
        raise step.unsupported("a product with a number")
    dtype = result_type(*map(dtype_of, tensors))
    if dtype == "bool":
        raise step.unsupported("a product of booleans")
    if all(x.dtype == "int8" for x in tensors):
        dtype = "int32"
    return [cast(step, x, dtype) for x in tensors]


@op("Matmul", calls=[
    call("matmul", (3, 2), (2, 4)), call("matmul", (2, 3, 4), (2, 4, 3)),
    call("matmul", (3, 2), (3, 2, 4)),
    call("matmul", (3, 2), Array([[0.5, 1.0, 2.0], [1.5, -1.0, 0.0]])),
    call("matmul", (3, 2), Array([0.5, 1.0])), call("matmul", ints(3, 2), ints(2, 3)),
    call("matmul", ints(3, 2, dtype="int8"), ints(2, 3, dtype="int8")),
])  # fmt: skip
def matmul(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The matrix product, over the last two axes."""
    if isinstance(x2, Tensor) and isinstance(x1, Tensor) and x2.rank > x1.rank > 2:
        x1 = step.keras_order(x1)
    x1, x2 = factors(step, (x1, x2))
    if not x1.rank or not x2.rank:
        raise step.unsupported("a product with a scalar")
    batch = merging.broadcast(step, [x1.shape[:-2], x2.shape[:-2]]) if _deep(x1, x2) else ()
    rows, columns = x1.shape[-2:-1], x2.shape[-1:] if x2.rank > 1 else ()
    return step.compute("{0} @ {1}", x1, x2, like=x1, shape=(*batch, *rows, *columns))


def _deep(x1: Tensor, x2: Tensor) -> bool:
    return max(x1.rank, x2.rank) > 2


@op("Dot", calls=[
    call("dot", (2,), Array([[0.5, 1.0], [2.0, 3.0]])), call("dot", (3, 2), Array([0.5, 1.0])),
    call("dot", (3, 2), Array([[[0.5], [1.0]], [[2.0], [3.0]]])),
])  # fmt: skip
def dot(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The last axis of one with the last but one of the other."""
    x1, x2 = factors(step, (x1, x2))
    if x2.rank < 2 or max(x1.rank, x2.rank) == 2:
        shape = (*x1.shape[:-1], *(x2.shape[-1:] if x2.rank > 1 else ()))
        return step.compute("{0} @ {1}", x1, x2, like=x1, shape=shape)
    shape = (*x1.shape[:-1], *x2.shape[:-2], x2.shape[-1])
    return step.compute(
        "torch.tensordot({0}, {1}, dims=([-1], [-2]))", x1, x2, like=x1, shape=shape
    )


@op("Inner", calls=[call("inner", (3, 2), Array([[0.5, 1.0], [2.0, 3.0]]))])
def inner(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The last axis of one with the last of the other."""
    x1, x2 = factors(step, (x1, x2))
    shape = (*x1.shape[:-1], *x2.shape[:-1])
    return step.compute(
        "torch.tensordot({0}, {1}, dims=([-1], [-1]))", x1, x2, like=x1, shape=shape
    )


@op("Vdot", calls=[call("vdot", (3, 2), (3, 2))])
def vdot(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The sum of all products."""
    x1, x2 = (flat(step, x) for x in factors(step, (x1, x2)))
    return step.compute("torch.dot({0}, {1})", x1, x2, like=x1, shape=())


@op("Tensordot", calls=[
    call("tensordot", (3, 2), Array([[0.5, 1.0, 2.0], [2.0, 3.0, 1.0]]), axes=1),
    call("tensordot", (3, 2), (3, 2), axes=[[0, 1], [0, 1]]),
    call("tensordot", (3, 2), Array([[0.5, 1.0], [2.0, 3.0], [0.1, 0.2]]), axes=[[1, 2], [0, 1]]),
])  # fmt: skip
def tensordot(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """Products summed over axes of both."""
    x1, x2 = factors(step, (x1, x2))
    axes = step.config.raw("axes", 2)
    if type(axes) is int and 0 <= axes <= min(x1.rank, x2.rank):
        own = [list(range(x1.rank - axes, x1.rank)), list(range(axes))]
        text = f"torch.tensordot({{0}}, {{1}}, dims={axes})"
    else:
        if not isinstance(axes, list) or len(axes) != 2:
            raise step.config.wrong("axes", "a number or two lists of axes", axes)
        pairs = [[a] if type(a) is int else a for a in axes]
        if not all(isinstance(p, list) and all(type(a) is int for a in p) for p in pairs):
            raise step.config.wrong("axes", "a number or two lists of axes", axes)
        own = [[axis_in(step, a, x.rank) for a in p] for p, x in zip(pairs, (x1, x2), strict=True)]
        text = f"torch.tensordot({{0}}, {{1}}, dims={literal(tuple(own))})"
    kept = [x1.shape[axis] for axis in range(x1.rank) if axis not in own[0]]
    kept += [x2.shape[axis] for axis in range(x2.rank) if axis not in own[1]]
    return step.compute(text, x1, x2, like=x1, shape=tuple(kept))


@op("Einsum", calls=[
    call("einsum", "bij,bjk->bik", (3, 2), (2, 4)),
    call("einsum", "...j,jk->...k", (3, 2), Array([[0.5], [1.0]])),
    call("einsum", "bii->bi", (3, 3)), call("einsum", "bij->b", (3, 2)),
    call("einsum", "ij,kj", (2,), (2,)),
    call("einsum", "bi,bj->bij", ints(3), ints(2)),
])  # fmt: skip
def einsum(step: OpStep, *operands: Any) -> Tensor:
    """Products and sums along axes that are named by letters."""
    subscripts = step.config.text("subscripts").replace(" ", "")
    if not re.fullmatch(r"[A-Za-z.,]{1,200}(->[A-Za-z.]{0,60})?", subscripts):
        raise step.config.wrong("subscripts", "letters of axes", subscripts)
    tensors = factors(step, operands)
    places = ", ".join(f"{{{place}}}" for place in range(len(tensors)))
    shape = einsum_shape(step, subscripts, [x.shape for x in tensors])
    text = f"torch.einsum({literal(subscripts)}, {places})"
    return step.compute(text, *tensors, like=tensors[0], shape=shape)


def einsum_shape(step: OpStep, subscripts: str, shapes: list[Shape]) -> Shape:
    """The shape of a result; letters that differ in size are refused."""
    given, arrow, wanted = subscripts.partition("->")
    terms = given.split(",")
    if len(terms) != len(shapes):
        raise ConfigError(f"{step.where}: {len(shapes)} tensors for {len(terms)} terms")
    sizes: dict[str, list[int | None]] = {}
    rests: list[Shape] = []
    for term, shape in zip(terms, shapes, strict=True):
        front, dots, back = term.partition("...")
        if "." in front + back or len(front + back) > len(shape):
            raise ConfigError(f"{step.where}: term {term!r} of a tensor of shape {shape}")
        if not dots and len(term) != len(shape):
            raise ConfigError(f"{step.where}: term {term!r} of a tensor of shape {shape}")
        rests.append(shape[len(front) : len(shape) - len(back)])
        ends = (*shape[: len(front)], *shape[len(shape) - len(back) :])
        for letter, size in zip(front + back, ends, strict=True):
            sizes.setdefault(letter, []).append(size)
    if not arrow:
        once = sorted(c for c in sizes if given.count(c) == 1)
        wanted = ("..." if "..." in given else "") + "".join(once)
    found: list[int | None] = []
    for part in re.findall(r"\.\.\.|.", wanted):
        if part == "...":
            found += merging.broadcast(step, rests)
        elif part not in sizes:
            raise ConfigError(f"{step.where}: letter {part!r} comes from nowhere")
        else:
            found.append(merging.broadcast(step, [(size,) for size in sizes[part]])[0])
    return tuple(found)


@op("Kron", calls=[call("kron", line(3), line(2))])
def kron(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """Every element of one times the whole of the other."""
    x1, x2 = factors(step, (x1, x2))
    if x1.rank != x2.rank:
        raise step.unsupported("tensors of different ranks")
    shape = tuple(
        None if None in p else (p[0] or 0) * (p[1] or 0)
        for p in zip(x1.shape, x2.shape, strict=True)
    )
    return step.compute("torch.kron({0}, {1})", x1, x2, like=x1, shape=shape)


@op("Cross", calls=[call("cross", (2, 3), (2, 3)), call("cross", (3, 2), (3, 2), axis=1)])
def cross(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The vector product of vectors of three."""
    x1, x2 = factors(step, (x1, x2))
    common = step.config.raw("axis", None)
    keys = ("axisa", "axisb", "axisc")
    axes = [axis_option(step, x1.rank, key, -1) for key in keys]
    if common is not None:
        axes = [axis_option(step, x1.rank)] * 3
    if len(set(axes)) > 1 or x1.rank != x2.rank or {x1.shape[axes[0]], x2.shape[axes[0]]} != {3}:
        raise step.unsupported("vectors of other than three elements, or on different axes,")
    shape = merging.broadcast(step, [x1.shape, x2.shape])
    return step.compute(
        f"torch.linalg.cross({{0}}, {{1}}, dim={axes[0]})", x1, x2, like=x1, shape=shape
    )


@op("Trace", calls=[
    call("trace", (3, 3), axis1=1, axis2=2), call("trace", ints(3, 4), offset=1, axis1=1, axis2=2),
])  # fmt: skip
def trace(step: OpStep, x: Tensor) -> Tensor:
    """The sum along a diagonal."""
    y = diagonal(step, x)
    dtype = "int32" if x.dtype in ("bool", "int8", "int16", "int32") else x.dtype
    if dtype == "uint8":
        raise step.unsupported("a result of dtype uint32")
    stated = ", dtype=torch.int32" if dtype == "int32" else ""
    return step.compute(f"{{0}}.sum(-1{stated})", y, like=y, shape=y.shape[:-1], dtype=dtype)


@op("Diagonal", calls=[
    call("diagonal", (3, 3), axis1=1, axis2=2),
    call("diagonal", (3, 4), offset=-1, axis1=1, axis2=2),
    call("diagonal", (3, 4)),
])  # fmt: skip
def diagonal(step: OpStep, x: Tensor) -> Tensor:
    """A diagonal of two axes, as the last axis."""
    offset = step.config.int("offset", 0)
    one, two = axis_option(step, x.rank, "axis1", 0), axis_option(step, x.rank, "axis2", 1)
    if one == two:
        raise ConfigError(f"{step.where}: a diagonal of axis {one} with itself")
    text = f"torch.diagonal({{0}}, {offset}, {one}, {two})"
    return _diagonal(step, x, text.replace(", 0, 0, 1)", ")"), offset, one, two)


def _diagonal(step: OpStep, x: Tensor, text: str, offset: int, one: int, two: int) -> Tensor:
    rows, columns = x.shape[one], x.shape[two]
    size = None
    if rows is not None and columns is not None:
        size = min(rows + min(offset, 0), columns - max(offset, 0))
        if size <= 0:
            raise step.unsupported("an empty diagonal")
    shape = (*(s for a, s in enumerate(x.shape) if a not in (one, two)), size)
    return step.compute(text, x, like=x, shape=shape)


@op("Diag", calls=[call("diag", line(3)), call("diag", line(3), k=1), call("diag", (3,), k=0)])
def diag(step: OpStep, x: Tensor) -> Tensor:
    """A matrix with this diagonal, or a matrix' diagonal."""
    k = step.config.int("k", 0)
    text = "torch.diag({0})" if k == 0 else f"torch.diag({{0}}, {k})"
    if x.rank == 2:
        return _diagonal(step, x, text, k, 0, 1)
    if x.rank != 1 or abs(k) > 1 << 16:
        raise step.unsupported(f"a tensor of shape {x.shape}")
    size = None if x.shape[0] is None else x.shape[0] + abs(k)
    return step.compute(text, x, like=x, shape=(size, size))


@op("Diagflat", calls=[call("diagflat", (2,)), call("diagflat", line(3), k=-1)])
def diagflat(step: OpStep, x: Tensor) -> Tensor:
    """A matrix whose diagonal is all elements in a row."""
    result: Tensor = diag(step, flat(step, x))
    return result


@op("Tril", calls=[call("tril", (3, 3)), call("tril", (3, 4), k=-1)])
def tril(step: OpStep, x: Tensor) -> Tensor:
    """The lower triangle."""
    return _triangle(step, x, "tril")


@op("Triu", calls=[call("triu", (3, 3)), call("triu", (3, 4), k=1)])
def triu(step: OpStep, x: Tensor) -> Tensor:
    """The upper triangle."""
    return _triangle(step, x, "triu")


def _triangle(step: OpStep, x: Tensor, function: str) -> Tensor:
    k = step.config.int("k", 0)
    return step.compute(f"{{0}}.{function}({k or ''})", x, like=x)
