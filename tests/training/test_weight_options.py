"""Regularizers and constraints against Keras: of arrays, and of all layers that take them."""

from __future__ import annotations

import ast
import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parts import (
    FAST,
    FAST_ACTIVITY,
    OF_ARRAYS,
    SHAPES,
    all_layers_in_keras,
    arrays,
    in_keras,
    layer_specs,
)
from safetensors.torch import load_file

from keras2torch import port
from keras2torch.emit.helpers import TRAINING, cut
from keras2torch.emit.module import Emitted, write_module
from keras2torch.errors import ConfigError, UnsupportedError
from keras2torch.ir.build import graph_of
from keras2torch.ir.keras2 import described
from keras2torch.ir.lower import program_of
from keras2torch.ir.program import Program, WeightOption
from keras2torch.ir.weights import Weight
from keras2torch.loading import load
from keras2torch.readers import read
from keras2torch.recipes.weight_options import Line, attribute, constraints, penalties
from keras2torch.verify.torch_worker import loaded

EXACT = 1e-12
SINGLE = 1e-6
# Preprocessing whose outputs, and so their cost, are of float32 in the float64 model as well.
IN_FLOAT32 = ("AutoContrast-0", "CategoryEncoding-0", "MelSpectrogram-0", "Rescaling-0")
REST = [str(spec["id"]) for spec in layer_specs(fast=False)]
REST_ACTIVITY = [str(spec["id"]) for spec in layer_specs(fast=False, activity=True)]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_keras(tmp_path_factory)


@pytest.fixture(scope="session")
def all_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return all_layers_in_keras(tmp_path_factory)


def names_for(lines: list[Line], **names: Any) -> dict[str, Any]:
    """What the lines need to run, cut as for train.py."""
    sources, imports, _ = cut({name for line in lines for name in line.helpers}, TRAINING)
    found: dict[str, Any] = {"torch": torch, **names}
    exec("\n".join([*sorted(imports), *sources]), found)  # noqa: S102
    return found


class Whole(torch.nn.Module):
    def __init__(self, array: np.ndarray) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.from_numpy(array.copy()))


def trained(emitted: Emitted) -> dict[str, Weight]:
    return {
        name: weight
        for name, (module, key, weight) in emitted.weights.items()
        if key in module.parameters and key not in module.frozen
    }


@pytest.mark.parametrize("number", range(len(OF_ARRAYS)))
@pytest.mark.parametrize("transposed", [False, True])
def test_of_arrays(made: Path, number: int, transposed: bool) -> None:
    """As Keras has the array, and with its axes in another order."""
    kind, name, config, which = OF_ARRAYS[number]
    array = arrays()[which]
    axes = tuple(range(array.ndim))[:: -1 if transposed else 1]
    weight = Weight(array.shape, array.dtype, lambda: array, array.shape, "it").permute(*axes)
    option = WeightOption(f"kernel_{kind}", {"class_name": name, "config": config}, "it", "it")
    lines = (penalties if kind == "regularizer" else constraints)(
        [option], {"weight": weight}, "tensorflow"
    )
    model = Whole(weight.array())
    names = names_for(lines, model=model)
    with np.load(made / "of_arrays.npz") as told:
        value = told[f"{number}.value"]
        gradient = told[f"{number}.gradient"] if kind == "regularizer" else None
    if gradient is None:
        with torch.no_grad():
            exec(lines[0].expression, names)  # noqa: S102
        found = model.weight.detach().numpy().transpose(axes)
        np.testing.assert_allclose(found, value, rtol=EXACT, atol=1e-15)
        return
    cost = eval(lines[0].expression, names)  # noqa: S307
    cost.backward()
    np.testing.assert_allclose(cost.item(), value, rtol=EXACT)
    assert model.weight.grad is not None
    of_weight = model.weight.grad.numpy().transpose(axes)
    np.testing.assert_allclose(of_weight, gradient, rtol=1e-11, atol=1e-14)


def program(path: Path) -> Program:
    with read(path, None) as saved:
        return program_of(graph_of(described(saved), saved.weights))


def told_of(folder: Path, identity: str) -> dict[str, Any]:
    told = json.loads((folder / "told.json").read_text())
    if identity not in told:
        pytest.skip("a layer without such options")
    if "refused" in told[identity]:
        pytest.skip(f"Keras itself: {told[identity]['refused']}")
    return dict(told[identity])


def weights_compared(folder: Path, identity: str, tmp_path: Path) -> None:
    told = told_of(folder, identity)
    path = folder / f"{identity}.keras"
    of_it = program(path)
    weights = trained(write_module(of_it))
    by_variable = {w.keras: list(w.origin) for w in weights.values()}
    found = {"regularizer": [], "constraint": []}
    for option in of_it.weight_options:
        factor = [option.value["config"]["l2"]] if option.kind == "regularizer" else []
        found[option.kind].append([*factor, *by_variable[option.variable]])
    assert sorted(found["regularizer"]) == told["regularized"]
    assert sorted(found["constraint"]) == told["constrained"]
    assert len(told["regularized"]) + len(told["constrained"]) > 0
    port(path, tmp_path / "port")
    model = load(tmp_path / "port").double()
    lines = penalties(of_it.weight_options, weights, "tensorflow")
    names = names_for(lines, model=model)
    cost = sum(eval(line.expression, names) for line in lines)  # noqa: S307
    np.testing.assert_allclose(cost.item(), told["cost"], rtol=EXACT)
    with torch.no_grad():
        for line in constraints(of_it.weight_options, weights, "tensorflow"):
            exec(line.expression, names)  # noqa: S102
    port(folder / f"{identity}.constrained.keras", tmp_path / "constrained")
    expected = load_file(tmp_path / "constrained" / "weights.safetensors")
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, expected[name].to(tensor.dtype)), name


def activity_compared(folder: Path, identity: str, tmp_path: Path) -> None:
    told = told_of(folder, identity)
    path = folder / f"{identity}.keras"
    of_it = program(path)
    if identity.startswith(("Bidirectional", "MultiHeadAttention", "GroupQueryAttention")):
        assert of_it.untrainable, "its penalty is that of a layer inside it"
        return
    assert not of_it.untrainable
    port(path, tmp_path / "port")
    source = tmp_path / "port" / "model.py"
    model = loaded(ast.parse(source.read_text()), source, "float64", {})
    with np.load(folder / f"{identity}.npz") as stored:
        arrays = [torch.from_numpy(stored[name]) for name in stored.files]
    model(*(a.double() if a.is_floating_point() else a for a in arrays))
    seen = [m for m in model.modules() if type(m).__name__ == "ActivityPenalty"]
    cost = sum(module.penalty().item() for module in seen)
    # SimpleRNN is the one layer that takes the option and forgets it.
    assert (cost > 0) == (len(seen) > 0) == (identity != "SimpleRNN-0")
    limit = SINGLE if identity in IN_FLOAT32 else EXACT
    np.testing.assert_allclose(cost, told["cost"], rtol=limit)


@pytest.mark.parametrize("identity", FAST)
def test_weights_of_layers(made: Path, identity: str, tmp_path: Path) -> None:
    weights_compared(made / "weights", identity, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("identity", REST)
def test_weights_of_all_layers(all_made: Path, identity: str, tmp_path: Path) -> None:
    weights_compared(all_made / "weights", identity, tmp_path)


@pytest.mark.parametrize("identity", FAST_ACTIVITY)
def test_activity_of_layers(made: Path, identity: str, tmp_path: Path) -> None:
    activity_compared(made / "activity", identity, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("identity", REST_ACTIVITY)
def test_activity_of_all_layers(all_made: Path, identity: str, tmp_path: Path) -> None:
    activity_compared(all_made / "activity", identity, tmp_path)


def test_activity_of_what_is_called_twice(made: Path, tmp_path: Path) -> None:
    port(made / "shared.keras", tmp_path / "port")
    model = load(tmp_path / "port")
    with np.load(made / "shared.npz") as stored:
        arrays = {name: torch.from_numpy(stored[name]) for name in stored.files}
    for _ in range(2):  # only the last pass counts
        model(arrays["a"], arrays["b"])
    seen = [m for m in model.modules() if type(m).__name__ == "ActivityPenalty"]
    assert sorted(module.calls for module in seen) == [1, 2, 2, 2]
    cost = sum(module.penalty() for module in seen)
    np.testing.assert_allclose(cost.item(), arrays["cost"].item(), rtol=EXACT)
    again = copy.deepcopy(model)
    assert torch.equal(again(arrays["a"], arrays["b"]), model(arrays["a"], arrays["b"]))


def option(kind: str, name: str, **config: Any) -> WeightOption:
    return WeightOption(f"bias_{kind}", {"class_name": name, "config": config}, "it", "it")


def variable(*shape: int) -> Weight:
    array = np.ones(shape)
    return Weight(shape, array.dtype, lambda: array, shape, "it")


@pytest.mark.parametrize(
    ("made_of", "weights", "said"),
    [
        (
            option("constraint", "MaxNorm", axis=0),
            {"bias_ih": variable(2, 6).row(0), "bias_hh": variable(2, 6).row(1)},
            "became 2 parameters",
        ),
        (
            option("constraint", "UnitNorm", axis=1),
            {"weight": variable(4, 3, 2).reshape(4, 6)},
            "is no axis there",
        ),
        (
            option("constraint", "UnitNorm", axis=2),
            {"weight": variable(4, 3)},
            "not for a variable",
        ),
        (option("constraint", "UnitNorm", axis=[]), {"weight": variable(4)}, "a whole number or"),
        (option("regularizer", "OrthogonalRegularizer"), {"w": variable(4)}, "not for a variable"),
        (option("regularizer", "L2", l2=-1), {"w": variable(4)}, "a number from 0"),
        (option("regularizer", "Mine"), {"w": variable(4)}, "can't be trained"),
        (option("regularizer", "L1"), {"w": variable(2, 4).row(0)}, "is not a parameter as it is"),
    ],
)
def test_what_can_not_be_followed_is_refused(
    made_of: WeightOption, weights: dict[str, Weight], said: str
) -> None:
    lines = penalties if made_of.kind == "regularizer" else constraints
    with pytest.raises((ConfigError, UnsupportedError), match=said):
        lines([made_of], weights, "tensorflow")


def test_norms_of_the_rows_of_a_gru_bias() -> None:
    weights = {"bias_ih": variable(2, 6).row(0), "bias_hh": variable(2, 6).row(1)}
    lines = constraints([option("constraint", "UnitNorm", axis=1)], weights, "tensorflow")
    assert [line.expression for line in lines] == [
        "unit_norm_(model.get_parameter('bias_ih'), dim=0)",
        "unit_norm_(model.get_parameter('bias_hh'), dim=0)",
    ]


def test_lines_are_what_one_would_write() -> None:
    weights = {"dense.weight": variable(*SHAPES["matrix"]).permute(1, 0)}
    lines = penalties([option("regularizer", "L1L2", l1=0.1, l2=0.2)], weights, "tensorflow")
    weight = "model.dense.weight"
    assert lines[0].expression == f"0.1 * {weight}.abs().sum() + 0.2 * {weight}.square().sum()"
    lines = constraints([option("constraint", "MaxNorm", axis=0)], weights, "tensorflow")
    assert lines[0].expression == f"max_norm_({weight}, max_value=2.0, dim=1)"
    assert attribute("a.b_2.10.c") == "model.a.b_2[10].c"
