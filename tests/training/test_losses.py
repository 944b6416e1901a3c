"""Every loss of Keras', its reductions, weights and masks: values and gradients, on arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from compiled_losses import COMPILED, MISDEALT, Compiled
from conftest import made_once, run_keras
from loss_cases import KERAS_2_NAMES, Case, saved
from loss_corners import ALL

from keras2torch.emit.helpers import TRAINING, cut
from keras2torch.errors import ModelError, UnsupportedError
from keras2torch.recipes.compiled import ModelOutput, Training, training_of
from keras2torch.recipes.losses import LossCall, loss_call
from keras2torch.recipes.losses.call import reduced
from keras2torch.recipes.table import all_recipes
from keras2torch.training.losses.crossentropy import (
    categorical_crossentropy,
    categorical_generalized_cross_entropy,
)
from keras2torch.training.losses.ctc import ctc
from keras2torch.training.losses.reduction import mean_loss

SGD = {"class_name": "SGD", "config": {"learning_rate": 0.01}}
EXACT = 1e-12
SINGLE = 1e-6
# Keras on TensorFlow computes CTC in float32 whatever the precision, with logarithms as large as
# the loss, which is rounded by so much.
TENSORFLOW_CTC = 4 * np.finfo(np.float32).eps
ROUNDING = 32 * np.finfo(np.float64).eps


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    """What the recipes name, from the very text that is cut into train.py."""
    names = {"mean_loss", "sum_loss", "mean_loss_by_weight", "weights_of_classes"}
    for case in ALL.values():
        for backend in ("tensorflow", "jax"):
            call = loss_call(case.loss, "test", backend)
            names |= call.helpers() | reduced(call.reduction, "weights", ["mask"])[1]
            if call.with_logits is not None:
                names |= call.with_logits.helpers()
                behind = [call.behind("softmax", (None, 2))]
                if call.function.startswith("binary"):
                    behind.append(call.behind("sigmoid", (None, 2, 1)))
                names = names.union(*(other.helpers() for other in behind if other))
    sources, imports, _ = cut(names, TRAINING)
    found: dict[str, Any] = {}
    exec("\n".join(["from __future__ import annotations", *imports, *sources]), found)  # noqa: S102
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Any:
    """Keras' losses and gradients of the chosen cases, by backend."""
    wanted: dict[str, list[Case]] = {}
    for item in request.session.items:
        if item.path == Path(__file__) and hasattr(item, "callspec"):
            given = item.callspec.params
            cases = wanted.setdefault(given.get("backend", "tensorflow"), [])
            cases += [ALL[given["identity"]]] if "identity" in given else []
    found = {}
    for backend, cases in wanted.items():

        def make(folder: Path, backend: str = backend, cases: list[Case] = cases) -> None:
            tell_keras(folder, backend, cases)

        folder = made_once(tmp_path_factory, f"losses-{backend}", make)
        with np.load(folder / "results.npz") as stored:
            found[backend] = dict(stored)
    return found


def tell_keras(folder: Path, backend: str, cases: list[Case]) -> None:
    """Have Keras compute these cases, on TensorFlow what is compiled as well."""
    compiled = COMPILED if backend == "tensorflow" else {}
    arrays = {f"{c.identity}/{role}": a for c in cases for role, a in c.arrays.items()}
    for name, case in compiled.items():
        arrays |= {f"compiled-{name}/{key}": a for key, a in case.arrays().items()}
    np.savez(folder / "arrays.npz", **arrays)
    job = {
        "folder": str(folder),
        "cases": [
            {
                "id": case.identity,
                "loss": case.loss,
                "activation": case.activation,
                "class_weight": case.class_weight,
                "arrays": {role: f"{case.identity}/{role}" for role in case.arrays},
            }
            for case in cases
        ],
        "compiled": [{"id": f"compiled-{n}", **asdict(case)} for n, case in compiled.items()],
    }
    run_keras("losses.py", job, backend)


@pytest.fixture(autouse=True)
def _default_dtype() -> Iterator[None]:
    yield
    torch.set_default_dtype(torch.float32)


def computed(case: Case, backend: str, precision: str, definitions: Any) -> tuple[Any, Any]:
    """The loss and its gradient, by what the recipe says."""
    given = {
        role: torch.from_numpy(a.astype(precision) if a.dtype == "float64" else a)
        for role, a in case.arrays.items()
    }
    leaf = given["outputs"].requires_grad_()
    call: LossCall = loss_call(case.loss, "test", backend)
    source = call.source("outputs", "targets")
    if case.activation:
        behind = None
        if backend == "tensorflow":
            behind = call.behind(case.activation, leaf.shape)
        if behind is not None:
            source = behind.source("outputs", "targets")
        elif case.activation == "sigmoid":
            given["outputs"] = leaf.sigmoid()
        else:
            given["outputs"] = leaf.softmax(-1)
    if case.class_weight is not None:
        weights = definitions["weights_of_classes"](given["targets"], case.class_weight)
        given["weights"] = weights
    values = eval(source, definitions, dict(given))  # noqa: S307
    masks = [*(["mask"] if "mask" in given else []), *([call.mask] if call.mask else [])]
    source, _ = reduced(call.reduction, "weights", masks)
    loss = eval(source, definitions, {"weights": None, **given, "values": values})  # noqa: S307
    loss.backward()
    assert leaf.grad is not None
    return loss.detach().numpy(), leaf.grad.numpy()


def agree(case: Case, backend: str, expected: Any, definitions: Any) -> None:
    told = expected[backend]
    assert f"{case.identity}.problem" not in told, told[f"{case.identity}.problem"]
    single = SINGLE
    if backend == "tensorflow" and loss_call(case.loss, "test", backend).function == "bounded_ctc":
        single = TENSORFLOW_CTC * max(20.0, float(told[f"{case.identity}.float64"]))
    for precision in ("float64", "float32"):
        torch.set_default_dtype(getattr(torch, precision))
        found = computed(case, backend, precision, definitions)
        for part, own in zip(("", ".gradient"), found, strict=True):
            wanted = told[f"{case.identity}.{precision}{part}"]
            assert own.shape == wanted.shape
            assert own.dtype == wanted.dtype == precision
            exact = told[f"{case.identity}.float64{part}"]
            scale = np.abs(exact).max(initial=0)
            limit = EXACT * np.abs(exact) + ROUNDING * scale
            if precision == "float32" or single != SINGLE:
                limit = np.maximum(single * scale, 4 * np.abs(wanted - exact).max(initial=0))
            excess = np.abs(wanted - own) - limit
            assert (excess <= 0).all(), (precision + part, wanted, own)


CHOICES = [
    pytest.param(case.identity, marks=[] if case.quick else pytest.mark.slow)
    for case in ALL.values()
]


@pytest.mark.parametrize("backend", ["tensorflow"])
@pytest.mark.parametrize("identity", CHOICES)
def test_loss(identity: str, backend: str, expected: Any, definitions: dict[str, Any]) -> None:
    agree(ALL[identity], backend, expected, definitions)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax"])
@pytest.mark.parametrize("identity", [case.identity for case in ALL.values() if case.on_jax])
def test_loss_on_jax(
    identity: str, backend: str, expected: Any, definitions: dict[str, Any]
) -> None:
    agree(ALL[identity], backend, expected, definitions)


def training_for(case: Compiled) -> Training:
    outputs = [ModelOutput(n, n, (None, 4)) for n in case.names]
    config = {"optimizer": SGD, "loss": case.loss, "loss_weights": case.loss_weights}
    return training_of(config, outputs, "tensorflow", case.names if case.keyed else None)


@pytest.mark.parametrize("name", COMPILED)
def test_compiled(name: str, expected: Any, definitions: dict[str, Any]) -> None:
    case, told = COMPILED[name], expected["tensorflow"]
    assert f"compiled-{name}.problem" not in told, told[f"compiled-{name}.problem"]
    training = training_for(case)
    torch.set_default_dtype(torch.float64)
    given = {key: torch.from_numpy(array) for key, array in case.arrays().items()}
    leaves = [given[f"outputs/{n}"].requires_grad_() for n in case.names]
    total = torch.zeros(())
    for n, leaf, loss in zip(case.names, leaves, training.losses, strict=True):
        if loss is not None:
            source = loss.function.source("outputs", "targets")
            names = {"outputs": leaf, "targets": given[f"targets/{n}"]}
            values = eval(source, definitions, names)  # noqa: S307
            reduced = definitions[loss.reduction](values, given.get(f"weights/{n}"))
            total = total + (1.0 if loss.weight is None else loss.weight) * reduced
    total.backward()
    gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in leaves]
    wanted = told[f"compiled-{name}"]
    np.testing.assert_allclose(total.detach().numpy(), wanted, EXACT)
    found = torch.stack(gradients).numpy()
    np.testing.assert_allclose(found, told[f"compiled-{name}.gradient"], EXACT, ROUNDING)


@pytest.mark.parametrize("case", MISDEALT)
def test_weights_that_keras_deals_to_others_are_refused(case: Compiled) -> None:
    with pytest.raises(UnsupportedError, match="'b' gets what is meant for 'a'"):
        training_for(case)


NO_LOSSES = ("Loss", "deserialize", "get", "serialize")


def test_every_loss_of_keras_is_in_the_table(expected: Any) -> None:
    known = {name for entry in all_recipes("loss") for name in entry.names}
    wanted = {str(n) for n in expected["tensorflow"]["names"] if not n.startswith("_")}
    assert wanted - known == set(NO_LOSSES)
    assert known - wanted == set(KERAS_2_NAMES)


def test_what_keras_2_writes() -> None:
    plain = loss_call("binary_crossentropy", "test", "tensorflow")
    of_keras_2 = {"reduction": "auto", "fn": "binary_crossentropy", "axis": -1, "name": "bce"}
    named = {"class_name": "BinaryCrossentropy", "config": of_keras_2, "shared_object_id": 7}
    assert loss_call(named, "test", "tensorflow") == plain
    for name, now in zip(KERAS_2_NAMES, ("kl_divergence", "log_cosh", "huber"), strict=True):
        assert loss_call(name, "test", "jax") == loss_call(now, "test", "jax")


MINE = {"module": None, "class_name": "Huber", "config": {}, "registered_name": "Huber"}
REGISTERED = {**MINE, "module": "shop", "registered_name": "Custom>Huber"}
LAMBDA = {"module": "builtins", "class_name": "function", "config": "<lambda>"}
ENDLESS = {"class_name": "LossFunctionWrapper", "config": {"fn": "LossFunctionWrapper"}}


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (MINE, "'Huber' is not Keras': use one of Keras' before saving, and put yours in its"),
        (REGISTERED, "'Custom>Huber' is not Keras'"),
        (LAMBDA, "'<lambda>' can't be trained in PyTorch yet: use one of"),
        ("mine", "'mine' can't be trained"),
        (ENDLESS, "'LossFunctionWrapper' is no function"),
        (saved("Huber", {"reduction": None}), "reduction=None leaves no number to train on"),
        (saved("Huber", {"reduction": "middle"}), "'reduction' must be one of"),
        (saved("Huber", {"dtype": "float16"}), "dtype='float16' has no exact port"),
        (saved("Huber", {"delta": 0}), "it must be above 0"),
        (saved("Huber", {"delta": "1"}), "'delta' must be a finite number"),
        (saved("MeanSquaredError", {"delta": 1.0}), "option 'delta'='1.0' is not known"),
        (saved("SparseCategoricalCrossentropy", {"axis": 1}), "axis='1' has no exact port"),
        (saved("Dice", {"axis": [1, "2"]}), "'axis' must be None, a whole number or a list"),
        (saved("CategoricalFocalCrossentropy", {"alpha": []}), "'alpha' must be a number, or one"),
        (7, "no loss: '7'"),
    ],
)
def test_what_is_refused(loss: Any, says: str) -> None:
    with pytest.raises(ModelError, match=re.escape(says)):
        loss_call(loss, "test", "tensorflow")


def test_a_softmax_over_one_class_is_refused() -> None:
    call = loss_call("binary_crossentropy", "test", "tensorflow")
    assert call.behind("softmax", (None, 1)) is not None
    with pytest.raises(UnsupportedError, match="only one class"):
        call.behind("softmax", (None, 5, 1))


def test_targets_that_keras_pairs_with_every_sample_are_refused() -> None:
    """(4, 1) for outputs of (4, 3) give Keras losses of (4, 4)."""
    with pytest.raises(ValueError, match=r"targets must be of shape \(4,\)"):
        categorical_generalized_cross_entropy(torch.ones(4, 3), torch.zeros(4, 1), 0.5)


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ([[1, 2, 3, 1]], "more steps than the 3"),
        ([[1, 1, 2, 0]], "more steps"),
        ([[1, 0, 2, 0]], "0,"),
    ],
)
def test_targets_without_alignment_are_refused(targets: list[list[int]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ctc(torch.zeros(1, 3, 5), torch.tensor(targets))


def test_crossentropies_broadcast_nothing() -> None:
    with pytest.raises(ValueError, match=r"need targets of that shape, found \(4, 1\)"):
        categorical_crossentropy(torch.ones(4, 3), torch.zeros(4, 1))


def test_losses_of_half_precision_are_taken_in_float32() -> None:
    halves = [ModelOutput("a", "a", (None, 4), dtype) for dtype in ("bfloat16", "float32")]
    config = {"optimizer": SGD, "loss": ["mse", "mse"]}
    losses = training_of(config, halves[:1] + [replace(halves[1], name="b")], "tensorflow").losses
    assert [loss is not None and loss.cast for loss in losses] == [True, False]


def test_weights_that_fit_by_chance_are_refused() -> None:
    """(4,) with losses of (4, 4): Keras would take each sample's weight for a step's."""
    with pytest.raises(ValueError, match=r"weights of shape \(4,\) don't fit losses of shape"):
        mean_loss(torch.ones(4, 4), torch.ones(4))
