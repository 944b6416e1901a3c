"""Linear algebra of ``keras.ops``. Source: keras/src/ops/linalg.py.

Eigenvectors and singular vectors have no sign of their own: each library returns other ones, so
they are not ported.
"""

from __future__ import annotations

from typing import Any

from keras2torch.ir.graph import Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import Drawn, OpCall, call, on_tensorflow, without_gradients
from keras2torch.ops.joining import several
from keras2torch.ops.linear import factors
from keras2torch.ops.operands import axes_option
from keras2torch.ops.promotion import kind
from keras2torch.ops.table import reduced
from keras2torch.readers.strict_json import NonFinite
from keras2torch.registry import op

_SPD = Drawn((3, 3), spd=True)


def matrices(step: OpStep, x: Tensor) -> Tensor:
    """Matrices of floats."""
    if x.rank < 2 or kind(x.dtype) != 2:
        raise step.unsupported(f"{x.dtype} of shape {x.shape}")
    return x


def _whole(name: str, expression: str, *calls: OpCall) -> None:
    """Matrices in, matrices of the same shape out."""

    def lower(step: OpStep, x: Tensor) -> Tensor:
        x = matrices(step, x)
        return step.compute(expression, x, like=x)

    op(name, calls=calls)(lower)


def _scalar(name: str, expression: str, *calls: OpCall) -> None:
    """Matrices in, numbers out."""

    def lower(step: OpStep, x: Tensor) -> Tensor:
        x = matrices(step, x)
        return step.compute(expression, x, like=x, shape=x.shape[:-2])

    op(name, calls=calls)(lower)


_whole("Inv", "torch.linalg.inv({0})", call("inv", _SPD))
_scalar("Det", "torch.linalg.det({0})", call("det", (3, 3)))
_scalar("Logdet", "torch.logdet({0})", call("logdet", _SPD))


@op("Slogdet", calls=[call("slogdet", (3, 3))])
def slogdet(step: OpStep, x: Tensor) -> list[Tensor]:
    """The sign of a determinant and the logarithm of its magnitude."""
    shape = matrices(step, x).shape[:-2]
    return several(step, "torch.linalg.slogdet({0})", [shape, shape], x)


@op("Cholesky", calls=[call("cholesky", _SPD), call("cholesky", _SPD, upper=True)])
def cholesky(step: OpStep, x: Tensor) -> Tensor:
    """The triangular root of a positive definite matrix."""
    text = "torch.linalg.cholesky({0})" + (".mT" if step.config.bool("upper", False) else "")
    return step.compute(text, matrices(step, x), like=x)


@op("CholeskyInverse", calls=[
    call("cholesky_inverse", _SPD), call("cholesky_inverse", _SPD, upper=True),
])  # fmt: skip
def cholesky_inverse(step: OpStep, x: Tensor) -> Tensor:
    """The inverse of a matrix whose triangular root is given."""
    upper = step.config.bool("upper", False)
    given = "{0}.triu(), upper=True" if upper else "{0}.tril()"
    return step.compute(f"torch.cholesky_inverse({given})", matrices(step, x), like=x)


@op("Solve", calls=[call("solve", _SPD, (3, 2)), call("solve", _SPD, (3,))])
def solve(step: OpStep, a: Any, b: Any) -> Tensor:
    """The solution of linear equations."""
    a, b = factors(step, (a, b))
    matrices(step, a)
    if b.rank == a.rank - 1:
        text = "torch.linalg.solve({0}, {1}.unsqueeze(-1)).squeeze(-1)"
        return step.compute(text, a, b, like=b)
    return step.compute("torch.linalg.solve({0}, {1})", a, b, like=b)


@op("SolveTriangular", calls=[
    call("solve_triangular", _SPD, (3, 2)), call("solve_triangular", _SPD, (3,), lower=True),
])  # fmt: skip
def solve_triangular(step: OpStep, a: Any, b: Any) -> Tensor:
    """The solution of linear equations whose matrix is a triangle."""
    a, b = factors(step, (a, b))
    matrices(step, a)
    upper = f"upper={not step.config.bool('lower', False)}"
    if b.rank == a.rank - 1:
        text = f"torch.linalg.solve_triangular({{0}}, {{1}}.unsqueeze(-1), {upper}).squeeze(-1)"
        return step.compute(text, a, b, like=b)
    return step.compute(f"torch.linalg.solve_triangular({{0}}, {{1}}, {upper})", a, b, like=b)


@op("SVD", calls=[call("linalg.svd", (3, 2), compute_uv=False)])
def svd(step: OpStep, x: Tensor) -> Tensor:
    """Singular values."""
    step.config.ignore("full_matrices")  # of the vectors, which are not ported
    if step.config.bool("compute_uv", True):
        raise step.unsupported("singular vectors, whose signs are each library's own,")
    sizes = matrices(step, x).shape[-2:]
    size = None if None in sizes else min(s or 0 for s in sizes)
    return step.compute("torch.linalg.svdvals({0})", x, like=x, shape=(*x.shape[:-2], size))


@op("Qr", calls=[
    call("qr", (4, 3)), call("qr", (3, 3)), call("qr", (2, 4)),
    without_gradients(call("qr", (4, 2), mode="complete")),  # TensorFlow has none
])  # fmt: skip
def qr(step: OpStep, x: Tensor) -> list[Tensor]:
    """An orthogonal and a triangular matrix; Householder's method tells their signs."""
    mode = step.config.choice("mode", ("reduced", "complete"), "reduced")
    rows, columns = matrices(step, x).shape[-2:]
    if rows is None or columns is None:
        raise step.unsupported("matrices of unknown size")
    inner = rows if mode == "complete" else min(rows, columns)
    given = "" if mode == "reduced" else ', mode="complete"'
    shapes = [(*x.shape[:-2], rows, inner), (*x.shape[:-2], inner, columns)]
    return several(step, f"torch.linalg.qr({{0}}{given})", shapes, x)


@op("Pinv", calls=[call("pinv", (3, 2))])
def pinv(step: OpStep, x: Tensor) -> Tensor:
    """The pseudo-inverse."""
    step.config.require("rcond", None, None)
    rows, columns = matrices(step, x).shape[-2:]
    shape: Shape = (*x.shape[:-2], columns, rows)
    return step.compute("torch.linalg.pinv({0})", x, like=x, shape=shape)


@op("Norm", any_order=True, calls=[
    on_tensorflow(call("norm", (3, 2), axis=1)),
    on_tensorflow(call("norm", (3, 2), axis=-1, keepdims=True, ord=1)),
    on_tensorflow(call("norm", (3, 2), axis=-1, ord=3)), call("norm", (3, 2), axis=(1, 2)),
    call("norm", (3, 2), axis=(1, 2), ord="fro"), call("norm", (3, 2), axis=(1, 2), ord=1),
    on_tensorflow(call("norm", (3, 2), axis=-1, ord=float("inf"))),
])  # fmt: skip
def norm(step: OpStep, x: Tensor) -> Tensor:
    """The norm of vectors along one axis, or of matrices along two."""
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    order = step.config.raw("ord", None)
    order = order.value if isinstance(order, NonFinite) else order
    if order is not None and type(order) not in (int, float) and order != "fro":
        raise step.unsupported(f"ord={order!r:.20}")
    x = step.floating(step.keras_order(x))
    axes = tuple(range(x.rank)) if axes is None else axes
    if len(axes) > 2:
        raise step.unsupported(f"a norm over {len(axes)} axes")
    if len(axes) == 2 and order not in (None, "fro"):
        if order in (2, -2):
            raise step.unsupported("the spectral norm")
        if axes[0] > axes[1]:
            raise step.unsupported(f"axes {axes}")
        text = f"torch.linalg.matrix_norm({{0}}, {literal(order)}, {{dims}})"
    else:
        given = "" if order in (None, "fro", 2) else f"{literal(order)}, "
        text = f"torch.linalg.vector_norm({{0}}, {given}{{dims}})"
    return reduced(step, x, text, axes, keepdims, x.dtype)
