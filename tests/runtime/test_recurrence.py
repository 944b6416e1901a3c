"""Recurrences under every kind of mask, and with dropout while training, against Keras."""

from __future__ import annotations

import runpy
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import run_keras

from keras2torch import load, port
from keras2torch.activations import EXPRESSIONS
from keras2torch.errors import UnsupportedError
from keras2torch.layers.recurrence_modules import function as activation_function
from keras2torch.runtime import activations, keras_rnn
from keras2torch.runtime.keras_rnn import KerasGRU, KerasLSTM, KerasRNN
from keras2torch.verify.check import apart
from keras2torch.verify.torch_worker import flat_outputs, run_port

EXACT = 1e-12  # float64: rounding of a few dozen operations


def _masked(
    name: str, layer: str, /, states: int = 0, followed: bool = False, **config: Any
) -> dict[str, Any]:
    """A layer whose call is given a mask and ``states`` initial states; ``followed`` by another."""
    config = config if "layer" in config else {"units": 3, **config}
    case = {"id": name, "layer": layer, "config": config}
    return case | {"states": states, "followed": followed}


def _both(kind: str, **config: Any) -> dict[str, Any]:
    return {"layer": {"class_name": kind, "config": {"units": 3, **config}}}


SEQUENCE: dict[str, Any] = {"return_sequences": True, "return_state": True}
MASKED = [
    _masked("lstm", "LSTM", **SEQUENCE),
    _masked("lstm-from-state", "LSTM", states=2, **SEQUENCE),
    _masked("gru-last-from-state", "GRU", states=1, return_state=True),
    _masked("gru-zeros", "GRU", states=1, zero_output_for_mask=True, **SEQUENCE),
    _masked("rnn-last-zeros", "SimpleRNN", zero_output_for_mask=True, return_state=True),
    _masked("rnn-backwards", "SimpleRNN", followed=True, go_backwards=True, return_sequences=True),
    _masked("cell-lstm", "LSTM", states=2, activation="softsign", **SEQUENCE),
    _masked("cell-gru-last", "GRU", states=1, reset_after=False, return_state=True),
    _masked(
        "cell-gru-zeros",
        "GRU",
        followed=True,
        reset_after=False,
        zero_output_for_mask=True,
        return_sequences=True,
        go_backwards=True,
    ),
    _masked(
        "unrolled-zeros",
        "GRU",
        unroll=True,
        go_backwards=True,
        zero_output_for_mask=True,
        return_sequences=True,
    ),
    _masked("both-unrolled", "Bidirectional", **_both("LSTM", unroll=True, **SEQUENCE)),
    _masked("both-lstm", "Bidirectional", states=4, **_both("LSTM", **SEQUENCE)),
    _masked("both-gru-last", "Bidirectional", states=2, **_both("GRU", return_state=True)),
    _masked(
        "two-gru-last", "Bidirectional", states=2, **_both("GRU", dropout=0.3, return_state=True)
    ),
    _masked(
        "two-lstm-sequence",
        "Bidirectional",
        followed=True,
        **_both("LSTM", recurrent_dropout=0.3, return_sequences=True),
    ),
]


def _stateful(
    name: str, layer: str, /, *, masked: bool = True, shape: tuple[int, ...] = (4,), **config: Any
) -> dict[str, Any]:
    """A layer that goes on from the state of its last call."""
    sized = {"layer", "cell", "filters"} & config.keys()
    config = config if sized else {"units": 3, **config}
    return {"id": name, "layer": layer, "config": config, "masked": masked, "shape": shape}


def _cells(*kinds: str) -> dict[str, Any]:
    cells = [{"class_name": kind, "config": {"units": 3}} for kind in kinds]
    return {"cell": {"class_name": "StackedRNNCells", "config": {"cells": cells}}}


STATEFUL = [
    _stateful("kept-lstm", "LSTM", stateful=True, **SEQUENCE),
    _stateful("kept-gru-last", "GRU", stateful=True, masked=False),
    _stateful("kept-cell-gru", "GRU", stateful=True, reset_after=False, go_backwards=True),
    _stateful("kept-cell-rnn", "SimpleRNN", stateful=True, activation="softsign", **SEQUENCE),
    _stateful("kept-stack", "RNN", stateful=True, **_cells("LSTMCell", "GRUCell")),
    _stateful("kept-both", "Bidirectional", **_both("LSTM", stateful=True)),
    _stateful("kept-two", "Bidirectional", **_both("GRU", stateful=True, reset_after=False)),
    _stateful(
        "kept-images",
        "ConvLSTM2D",
        stateful=True,
        shape=(4, 4, 2),
        filters=2,
        kernel_size=2,
        padding="same",
    ),
]
RATES = {"units": 3, "dropout": 0.3, "recurrent_dropout": 0.4}
DROPPED = [
    {"id": "drop-rnn", "layer": "SimpleRNN", "config": RATES},
    {"id": "drop-lstm", "layer": "LSTM", "config": RATES},
    {"id": "drop-gru", "layer": "GRU", "config": RATES},
    {"id": "drop-gru-before", "layer": "GRU", "config": {"reset_after": False, **RATES}},
]


@pytest.fixture(scope="module")
def keras_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recurrence")
    job = {"folder": str(folder), "masked": MASKED, "stateful": STATEFUL, "dropped": DROPPED}
    run_keras("recurrence.py", job, "tensorflow")
    return folder


def _stored(path: Path) -> tuple[dict[str, Any], list[Any]]:
    with np.load(path) as stored:
        arrays = {n.removeprefix("in_"): a for n, a in stored.items() if n.startswith("in_")}
        return arrays, [stored[f"out{number}"] for number in range(len(stored) - len(arrays))]


@pytest.mark.parametrize("case", MASKED, ids=lambda case: case["id"])
def test_any_mask(case: dict[str, Any], keras_runs: Path, tmp_path: Path) -> None:
    port(keras_runs / f"{case['id']}.keras", tmp_path)
    arrays, expected = _stored(keras_runs / f"{case['id']}.npz")
    _, _, outputs = run_port(tmp_path, arrays, "float64")
    found = [output.detach().numpy() for output in outputs]
    assert apart(expected, found)[1] <= EXACT


@pytest.mark.parametrize("case", STATEFUL, ids=lambda case: case["id"])
def test_states_last_from_call_to_call(
    case: dict[str, Any], keras_runs: Path, tmp_path: Path
) -> None:
    done = port(keras_runs / f"{case['id']}.keras", tmp_path)
    arrays, expected = _stored(keras_runs / f"{case['id']}.npz")
    namespace = runpy.run_path(str(tmp_path / "model.py"))
    model = namespace["load"]().double()
    assert not any(key.endswith((".h", ".c")) for key in model.state_dict())
    inputs = [torch.from_numpy(arrays[wanted["name"]]) for wanted in done.manifest["inputs"]]
    found = []
    for number in range(3):
        if number == 2:
            namespace["reset_states"](model)
        outputs = model(*[t.double() if t.is_floating_point() else t for t in inputs])
        found += flat_outputs(outputs)
    assert apart(expected, [output.detach().numpy() for output in found])[1] <= EXACT


@pytest.mark.parametrize(("case", "kind"), [("kept-stack", b"GRUCell"), ("kept-both", b"LSTM")])
def test_classes_of_others_are_refused_by_name(
    case: str, kind: bytes, keras_runs: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.keras"
    own = b'"class_name": "' + kind
    with zipfile.ZipFile(keras_runs / f"{case}.keras") as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(own, own + b"OfMine"))
    with pytest.raises(UnsupportedError, match=f"{kind.decode()}OfMine"):
        port(changed)


@pytest.mark.parametrize("case", DROPPED, ids=lambda case: case["id"])
def test_training_with_the_masks_of_keras(
    case: dict[str, Any], keras_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, expected = _stored(keras_runs / f"{case['id']}.npz")
    arrays = {name: torch.from_numpy(array) for name, array in given.items()}
    kind = {"LSTM": KerasLSTM, "GRU": KerasGRU, "SimpleRNN": KerasRNN}[case["layer"]]
    options = {key: value for key, value in case["config"].items() if key != "units"}
    rnn = kind(4, 3, **options).double()
    order = [1, 0, 2] if case["layer"] == "GRU" else list(range(rnn.gates))

    def gates(array: torch.Tensor, axis: int) -> torch.Tensor:
        """Keras' gates along ``axis`` in the order of PyTorch."""
        parts = array.chunk(rnn.gates, dim=axis)
        return torch.cat([parts[place] for place in order], dim=axis)

    weights = {
        "weight_ih": gates(arrays["kernel"], 1).T,
        "weight_hh": gates(arrays["recurrent_kernel"], 1).T,
    }
    biases = gates(arrays["bias"], -1).reshape(-1, rnn.gates * 3)
    weights |= dict(zip(("bias_ih", "bias_hh"), biases, strict=False))
    rnn.load_state_dict(weights)
    masks = {
        0.3: gates(arrays["drop"], 0).unsqueeze(2),  # the same for all steps
        0.4: gates(arrays["recurrent"], 0),
    }
    monkeypatch.setattr(rnn, "_drop", lambda x, rate: masks[rate])
    output, _ = rnn(arrays["x"])
    assert apart(expected, [output[:, -1].detach().numpy()])[1] <= EXACT


def test_masks_are_drawn_once_for_each_gate() -> None:
    torch.manual_seed(0)
    lstm = KerasLSTM(4, 3, dropout=0.25, recurrent_dropout=0.5)
    drop = lstm._drop(torch.zeros(2000, 1, 4), lstm.dropout)
    assert drop is not None
    assert drop.shape == (4, 2000, 1, 4)
    assert drop.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert drop.mean().item() == pytest.approx(1.0, abs=0.02)
    assert not torch.equal(drop[0], drop[1])
    assert lstm.eval()._drop(torch.zeros(2, 3), lstm.dropout) is None


def test_a_mask_stays_for_the_whole_sequence() -> None:
    torch.manual_seed(0)
    rnn = KerasRNN(4, 4, bias=False, activation=torch.nn.Identity(), dropout=0.5)
    torch.nn.init.eye_(rnn.weight_ih)
    torch.nn.init.zeros_(rnn.weight_hh)
    output, _ = rnn(torch.ones(8, 5, 4))
    assert torch.equal(output, output[:, :1].expand_as(output))
    assert set(output.unique().tolist()) == {0.0, 2.0}


def test_input_dropout_of_a_port_drops_features_of_sequences(
    keras_runs: Path, tmp_path: Path
) -> None:
    port(keras_runs / "two-gru-last.keras", tmp_path)
    arrays, _ = _stored(keras_runs / "two-gru-last.npz")
    _, model, _ = run_port(tmp_path, arrays, "float32")
    seen: dict[str, torch.Tensor] = {}
    for name, child in model.named_children():
        if name.endswith("dropout"):
            child.register_forward_hook(
                lambda _module, given, out, name=name: seen.update({name: out / given[0]})
            )
    torch.manual_seed(0)
    inputs = [torch.from_numpy(array) for array in arrays.values()]
    model.train()(*inputs)
    first, second = seen.values()
    for scale in (first, second):  # (batch, features, time)
        torch.testing.assert_close(scale, scale[:, :, :1].expand_as(scale))
        assert all(s == pytest.approx(1 / 0.7) for s in scale.unique().tolist() if s)
        assert 0.0 in scale
    assert not torch.equal(first, second)


def test_start() -> None:
    lstm = KerasLSTM(4, 3)
    assert lstm.bias_ih is not None
    assert lstm.bias_ih.tolist() == [0.0] * 3 + [1.0] * 3 + [0.0] * 6
    product = lstm.weight_hh.T @ lstm.weight_hh
    assert torch.allclose(product, torch.eye(3), atol=1e-5)
    assert lstm.weight_ih.abs().max().item() <= (6 / (4 + 12)) ** 0.5
    gru = KerasGRU(4, 3)
    assert [n for n, _ in gru.named_parameters() if n.startswith("bias")] == ["bias_ih", "bias_hh"]
    assert KerasGRU(4, 3, reset_after=False).bias_hh is None


def test_start_in_half_precision(keras_runs: Path, tmp_path: Path) -> None:
    """torch.nn.init.orthogonal_ knows no half precision."""
    changed = tmp_path / "changed.keras"
    with zipfile.ZipFile(keras_runs / "lstm.keras") as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'"name": "float32"', b'"name": "float16"'))
    port(changed, tmp_path / "port")
    model = load(tmp_path / "port")
    model.reset_parameters()  # type: ignore[operator]
    weight = model.get_parameter("lstm.weight_hh_l0").detach()
    assert weight.dtype == torch.float16
    product = weight.float().T @ weight.float()
    assert torch.allclose(product, torch.eye(3), atol=1e-2)


class _Step:
    """As much of a Step as choosing an activation takes."""

    def helper(self, name: str) -> str:
        return name

    def unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(what)


@pytest.mark.parametrize("name", sorted(EXPRESSIONS.keys() - {"glu", "sparsemax"}))
def test_activation_as_a_value(name: str) -> None:
    known = {**vars(keras_rnn), **vars(activations)}
    x = torch.linspace(-40, 40, 64, dtype=torch.float64).reshape(8, 8)
    function = eval(str(activation_function(_Step(), name)), known)  # type: ignore[arg-type]  # noqa: S307
    expected = eval(EXPRESSIONS[name].format("x", dim=-1), known, {"x": x})  # noqa: S307
    assert torch.equal(function(x), expected)
