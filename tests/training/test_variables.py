"""Where PyTorch's parameters are not Keras' variables, rules by variable are told so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from optimizer_streams import made

from keras2torch.errors import ConfigError, UnsupportedError
from keras2torch.ir.weights import Weight
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import optimizer_of
from keras2torch.recipes.variables import clip_arguments, optimizer_arguments

STEPS = 20


def variable(path: str, *shape: int) -> Weight:
    values = np.random.default_rng(len(path)).normal(size=shape)
    return Weight(shape, values.dtype, lambda: values, shape, path)


def gates(weight: Weight) -> Weight:
    return weight.reorder_rows((1, 0, 2), "gates")


BIAS = variable("gru/gru_cell/bias", 2, 6)
PARAMETERS = {
    "embedding.weight": variable("embedding/embeddings", 7, 4),
    "gru.weight_ih_l0": gates(variable("gru/gru_cell/kernel", 4, 6).permute(1, 0)),
    "gru.bias_hh_l0": gates(BIAS.row(1)),
    "gru.bias_ih_l0": gates(BIAS.row(0)),
    "conv.weight": variable("conv/kernel", 3, 2, 4, 5).permute(3, 2, 0, 1),
    "depthwise.weight": variable("depthwise/kernel", 3, 2, 4, 2)
    .permute(2, 3, 0, 1)
    .reshape(8, 1, 3, 2),
    "blocks.0.query.weight": variable("query/kernel", 6, 2, 5).reshape(6, 10).permute(1, 0),
    "blocks.0.query.bias": variable("query/bias", 2, 5).reshape(10),
    "dense.weight": variable("dense/kernel", 12, 3)
    .permute(1, 0)
    .reorder_columns((None, 2, 3, 2), (0, 3, 1, 2)),
    "dense.bias": variable("dense/bias", 3),
}
JOINED = "joined=[[model.get_parameter('gru.bias_ih_l0'), model.get_parameter('gru.bias_hh_l0')]]"
SHAPED = (
    "shaped={model.conv.weight: lambda w: w.permute(2, 3, 1, 0), "
    "model.depthwise.weight: lambda w: w.view(4, 2, 3, 2).permute(2, 3, 0, 1), "
    "model.get_parameter('blocks.0.query.weight'): lambda w: w.view(2, 5, 6).permute(2, 0, 1), "
    "model.get_parameter('blocks.0.query.bias'): lambda w: w.view(2, 5)}"
)


def plan_of(name: str, **options: Any) -> Any:
    config = {"learning_rate": 0.01, **options}
    return optimizer_of({"class_name": name, "config": config}, "compile()", "jax")


def test_arguments_say_what_differs() -> None:
    assert optimizer_arguments(plan_of("Lamb").call, PARAMETERS) == [JOINED]
    assert optimizer_arguments(plan_of("Adafactor").call, PARAMETERS) == [JOINED, SHAPED]
    assert optimizer_arguments(plan_of("Adam").call, PARAMETERS) == []
    clips = [plan_of("SGD", **{key: 1.0}).clip for key in ("clipnorm", "global_clipnorm")]
    assert [clip_arguments(clip, PARAMETERS) for clip in clips] == [[JOINED], []]
    plain = {name: PARAMETERS[name] for name in ("gru.weight_ih_l0", "dense.weight", "dense.bias")}
    for name in ("Lamb", "Adafactor", "Muon"):
        assert optimizer_arguments(plan_of(name).call, plain) == []


def test_muon_is_told_what_is_a_matrix_in_keras() -> None:
    left = "adam=[model.embedding.weight, model.get_parameter('blocks.0.query.weight')]"
    bias = "shaped={model.get_parameter('blocks.0.query.bias'): lambda w: w.view(2, 5)}"
    assert optimizer_arguments(plan_of("Muon").call, PARAMETERS) == [left, JOINED, bias]
    excluded = plan_of("Muon", exclude_layers=["query"], exclude_embeddings=False)
    found = optimizer_arguments(excluded.call, PARAMETERS)
    assert found == ["adam=[model.get_parameter('blocks.0.query.weight')]", JOINED]
    for word in ("nothing", "kernel"):
        with pytest.raises(UnsupportedError, match=word):
            optimizer_arguments(plan_of("Muon", exclude_layers=[word]).call, PARAMETERS)
    with pytest.raises(ConfigError, match="exclude_layers"):
        plan_of("Muon", exclude_layers=["(a+)+$"])


def test_a_variable_in_pieces_that_are_no_rows_is_refused() -> None:
    part = variable("dense/kernel", 4, 3)
    with pytest.raises(UnsupportedError, match="several parameters"):
        optimizer_arguments(plan_of("Lamb").call, {"a.weight": part, "b.weight": part})


class Tree(torch.nn.Module):
    """A model whose parameters have given names."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        super().__init__()
        for name, values in weights.items():
            *path, last = name.split(".")
            module: torch.nn.Module = self
            for number, part in enumerate(path):
                if part not in module._modules:
                    below = path[number + 1 : number + 2]
                    listed = bool(below) and below[0].isdigit()
                    module.add_module(part, torch.nn.ModuleList() if listed else torch.nn.Module())
                module = module._modules[part]
            module.register_parameter(last, torch.nn.Parameter(values))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Lamb", {}),
        ("Adafactor", {"learning_rate": 0.5}),
        ("Muon", {}),
        ("Muon", {"exclude_layers": ["gru"]}),
        ("SGD", {"clipnorm": 0.5, "momentum": 0.9}),
    ],
)
def test_rules_by_variable_are_the_same_in_both_layouts(name: str, options: Any) -> None:
    """What is compared with Keras elsewhere are variables as Keras has them: here they are trained
    beside their PyTorch parameters, each gradient taken over as the weight is."""
    plan = plan_of(name, **options)
    origins = {w.keras: w for w in (variable(str(w.keras), *w.origin) for w in PARAMETERS.values())}
    there = {path: torch.nn.Parameter(torch.tensor(w.array())) for path, w in origins.items()}
    model = Tree({n: torch.tensor(np.ascontiguousarray(w.array())) for n, w in PARAMETERS.items()})
    here = dict(model.named_parameters())
    rate = f"lr={plan.learning_rate!r}"
    arguments = optimizer_arguments(plan.call, PARAMETERS)
    ours = made(plan.call, "model", model, "model.parameters()", rate, *arguments)
    words = plan.call.adam or ()
    adam = [p for path, p in there.items() if any(word in path for word in words)]
    given = ["adam=given[1]"] if plan.call.adam else []
    values = (list(there.values()), adam)
    keras = made(plan.call, "given", values, "given[0]", rate, *given)
    random = np.random.default_rng(3)
    for _ in range(STEPS):
        for path, parameter in there.items():
            parameter.grad = torch.tensor(random.normal(size=parameter.shape))
            for key, weight in PARAMETERS.items():
                if weight.keras == path:
                    here[key].grad = torch.tensor(_moved(weight, parameter.grad))
        if plan.clip:
            clip = clip_arguments(plan.clip, PARAMETERS)
            made(plan.clip, "model", model, "model.parameters()", *clip)
            made(plan.clip, "weights", list(there.values()), "weights")
        ours.step()
        keras.step()
    for key, weight in PARAMETERS.items():
        expected = _moved(weight, there[str(weight.keras)].detach())
        assert np.abs(here[key].detach().numpy() - expected).max() < 1e-12, key


def _moved(weight: Weight, values: torch.Tensor) -> Any:
    array = weight.with_values(lambda: values.numpy(), weight.dtype).array()
    return np.ascontiguousarray(array)


def test_clip_of_joined_biases_takes_their_norm_together() -> None:
    first, second = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    first.grad, second.grad = torch.tensor([3.0]), torch.tensor([4.0])
    clip = Call("clip_norm_", (), {"max_norm": 1.0})
    made(clip, "p", [first, second], "p", "joined=[p]")
    assert torch.allclose(torch.cat([first.grad, second.grad]), torch.tensor([0.6, 0.8]))
