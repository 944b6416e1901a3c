"""What is left out of the definitions in a ``train.py``, and that the rest computes the same."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

import pytest
import torch

from keras2torch.emit.helpers import TRAINING, definition, names_of
from keras2torch.emit.trimming import cut_for, without_options

CHOOSING = '''\
def chosen(values, scale=0.0, mask=None, loud=False, axis=-1) -> Tensor:
    """Sums values.

    ``scale``: they are scaled first.

    ``loud``: and told.
    """
    if scale:
        values = values * scale
    elif loud:
        print(values)
    if mask is not None and values.dim() > 1:
        values = values[mask]
    elif axis:
        # An axis,
        values = values.abs()  # and no sign.
    else:
        values = -values
    rest = values.mean() if not loud else values
    return rest.sum(axis)
'''
QUIET = '''\
def chosen(values, axis=-1) -> Tensor:
    """Sums values."""
    if axis:
        # An axis,
        values = values.abs()  # and no sign.
    else:
        values = -values
    rest = values.mean()
    return rest.sum(axis)
'''


def test_options_go_with_their_branches() -> None:
    values: dict[str, Any] = {"scale": 0.0, "mask": None, "loud": False, "axis": -1}
    first = without_options(CHOOSING, values, sparse=True)
    # What no longer is an elif is looked at in the next round.
    assert without_options(first, {"loud": False}, sparse=True) == QUIET


def test_an_option_that_is_used_or_explained_elsewhere_stays() -> None:
    for line in ("return values * scale", '"""With ``scale`` more."""', "scale = scale or 1"):
        text = f"def f(values, scale=0.0) -> Tensor:\n    {line}\n    if scale:\n        pass\n"
        assert without_options(text, {"scale": 0.0}, sparse=True) == text


def test_sparse_gradients() -> None:
    text = textwrap.dedent(
        """\
        class Rule:
            def update(self, grad):
                if grad.is_sparse:
                    grad = rows(grad)
                return grad._values() if grad.is_sparse else grad
        """
    )
    found = "class Rule:\n    def update(self, grad):\n        return grad\n"
    assert without_options(text, {}, sparse=False) == found
    assert without_options(text, {}, sparse=True) == text


def test_what_is_handed_over_stays_whole() -> None:
    whole, _ = cut_for("MeanMetric(binary_crossentropy)", ["binary_crossentropy"], False)
    assert "label_smoothing" in whole[-1]
    called, _ = cut_for("binary_crossentropy(p, y)", ["binary_crossentropy"], False)
    assert "label_smoothing" not in called[-1]
    for given in ("p, y, 0.1", "*given", "**given"):
        body = f"binary_crossentropy({given})"
        source, _ = cut_for(body, ["binary_crossentropy"], False)
        assert "label_smoothing" in source[-1]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in sorted(names_of(TRAINING))
        if isinstance(node := definition(name, TRAINING), ast.FunctionDef) and node.args.defaults
    ],
)
def test_every_definition_can_be_trimmed(name: str) -> None:
    """Nothing that is left speaks of what has gone."""
    node = definition(name, TRAINING)
    assert isinstance(node, ast.FunctionDef)
    required = len(node.args.args) - len(node.args.defaults)
    body = f"{name}({', '.join('x' * required)})"
    sources, imports = cut_for(body, [name], sparse=False)
    text = "\n\n".join(["from __future__ import annotations", *sorted(imports), *sources])
    exec(text, {})  # noqa: S102
    (trimmed,) = ast.parse(sources[-1]).body
    assert isinstance(trimmed, ast.FunctionDef)
    gone = {arg.arg for arg in node.args.args} - {arg.arg for arg in trimmed.args.args}
    assert not any(f"``{option}``" in sources[-1] for option in gone)
    assert not gone & {n.id for n in ast.walk(trimmed) if isinstance(n, ast.Name)}


@pytest.mark.parametrize(
    "call",
    [
        "binary_crossentropy(p, y)",
        "binary_crossentropy_with_logits(p, y)",
        "categorical_crossentropy(p, y)",
        "categorical_crossentropy_with_logits(p, y)",
        "categorical_crossentropy_with_logits(p, y, distributions=False)",
        "sparse_categorical_crossentropy(p, k)",
        "sparse_categorical_crossentropy(p, k, normalize=True)",
        "binary_focal_crossentropy_with_logits(p, y)",
        "categorical_focal_crossentropy(p, y, alpha=0.5)",
        "mean_loss(p)",
        "cosine_decay(0.1, 10)(3)",
        "cosine_decay(0.1, 10, warmup_target=0.2, warmup_steps=5)(7)",
        "exponential_decay(0.1, 10, 0.5)(3)",
        "polynomial_decay(0.1, 10, cycle=True)(13)",
    ],
)
def test_the_rest_computes_the_same(call: str) -> None:
    torch.manual_seed(0)
    given = {"p": torch.rand(5, 3), "y": torch.rand(5, 3).round(), "k": torch.randint(3, (5,))}
    name = call.partition("(")[0]
    found = []
    for body in (call, f"{call}; {name}"):  # a mention keeps all
        sources, imports = cut_for(body, [name], sparse=False)
        space: dict[str, Any] = {}
        exec("\n\n".join([*sorted(imports), *sources]), space)  # noqa: S102
        found.append(torch.as_tensor(eval(call, space, given)))  # noqa: S307
    assert torch.equal(*found)
