"""Callbacks against Keras' own in simulated trainings, decision by decision."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from callback_cases import cases
from parts import in_keras, many_callbacks_in_keras
from safetensors.torch import load_file

import keras2torch.training.callbacks as package
from keras2torch.errors import ConfigError, UnsupportedError
from keras2torch.recipes.callbacks.directions import direction
from keras2torch.recipes.callbacks.text import callback_of
from keras2torch.training.callbacks.callback import Callback
from keras2torch.training.callbacks.swap_ema_weights import SwapEMAWeights
from keras2torch.training.moving_average import MovingAverage

METRICS = {"accuracy": direction("BinaryAccuracy")}
CLASSES = {
    name: value
    for file in pkgutil.iter_modules(package.__path__)
    for name, value in vars(importlib.import_module(f"{package.__name__}.{file.name}")).items()
    if isinstance(value, type) and issubclass(value, Callback)
}


def made(text: str, **options: Any) -> Callback:
    """The callback that a text asks for, as train.py would make it."""
    given = {"scheduled": False, "averaged": True, "backend": "tensorflow", **options}
    names = vars(importlib.import_module("keras2torch.training.schedules"))
    source = callback_of(text, METRICS, **given).source()
    return eval(source, {**names, **CLASSES})  # type: ignore[no-any-return]  # noqa: S307


def state_of(model: torch.nn.Module, **options: Any) -> SimpleNamespace:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    start = {"average": None, "step": 0, "epoch": 0, "epochs": 3, "stop": False, **options}
    return SimpleNamespace(optimizer=optimizer, **start)


def text_of(name: str, config: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in config.items())})"


def train(callback: Callback, history: list[dict[str, Any]], saved: list[str]) -> dict[str, Any]:
    """What the callback did, told as ``keras_side/callbacks.py`` tells it."""
    model = torch.nn.Linear(1, 1)
    state = state_of(model)
    told = []
    callback.attach(model, state)
    callback.on_train_begin()
    for epoch, entry in enumerate(history):
        callback.on_epoch_begin(epoch)
        for batch, logs in enumerate(entry["batches"]):
            callback.on_batch_end(batch, lambda logs=logs: logs)
            if state.stop:
                break
        torch.nn.init.constant_(model.weight, epoch)
        logs = dict(entry["logs"])
        callback.on_epoch_end(epoch, logs)
        rate = state.optimizer.param_groups[0]["lr"]
        told.append({"logs": logs, "saved": [*saved], "stop": state.stop, "rate": rate})
        if state.stop:
            break
    callback.on_train_end()
    return {"epochs": told, "weights": int(model.weight.item())}


def same(found: Any, expected: Any) -> None:
    """The same, NaN included; learning rates are Keras' float32."""
    text = json.dumps(found).replace(".safetensors", "")
    for ending in (".keras", ".weights.h5"):
        expected = json.loads(json.dumps(expected).replace(ending, ""))
    found = json.loads(text)
    for mine, theirs in zip(found["epochs"], expected["epochs"], strict=True):
        assert mine.pop("rate") == pytest.approx(theirs.pop("rate"), rel=1e-7)
        rates = [part["logs"].pop("learning_rate", 0.0) for part in (mine, theirs)]
        assert rates[0] == pytest.approx(rates[1], rel=1e-7)
    assert json.dumps(found) == json.dumps(expected)


def compared(folder: Path, seeds: range, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = json.loads((folder / "callbacks" / "told.json").read_text())
    job = cases(seeds)
    saved: list[str] = []
    monkeypatch.setattr(
        "keras2torch.training.callbacks.model_checkpoint.write_aside",
        lambda path, write: saved.append(str(path)),
    )
    monkeypatch.chdir(tmp_path)
    for number, (name, config, history) in enumerate(job["trainings"]):
        saved.clear()
        callback = made(text_of(name, config))
        if told[number] is None:
            with pytest.raises(RuntimeError, match="the loss is"):
                train(callback, job["histories"][history], saved)
            continue
        try:
            same(train(callback, job["histories"][history], saved), told[number])
        except AssertionError as error:
            raise AssertionError(f"{name}, {config}, history {history}") from error
        if name == "CSVLogger":
            mine = tmp_path / config["filename"]
            theirs = folder / "callbacks" / str(number) / config["filename"]
            assert mine.read_bytes() == theirs.read_bytes()
            mine.unlink()


def test_decisions_are_keras(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compared(in_keras(tmp_path_factory), range(8), monkeypatch, tmp_path)


@pytest.mark.slow
def test_hundreds_of_decisions_are_keras(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compared(many_callbacks_in_keras(tmp_path_factory), range(300), monkeypatch, tmp_path)


def test_directions_are_keras(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = in_keras(tmp_path_factory)
    told = json.loads((folder / "callbacks" / "directions.json").read_text())
    assert len(told) > 40
    for name, way in told.items():
        assert direction(name) == {"up": "max", "down": "min", None: None}[way], name


def test_swapped_weights_are_keras(tmp_path_factory: pytest.TempPathFactory) -> None:
    told = json.loads((in_keras(tmp_path_factory) / "swapping.json").read_text())
    for swap_on_epoch in (False, True):
        model = torch.nn.Linear(2, 1, bias=False).double()
        model.weight.data = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
        average = MovingAverage(model.parameters(), momentum=0.5)
        state = state_of(model, average=average)
        callback = SwapEMAWeights(swap_on_epoch)
        callback.attach(model, state)
        seen = []
        for epoch in range(3):
            callback.on_epoch_begin(epoch)
            for step in range(2):
                model.weight.grad = torch.tensor([[1.0 + epoch, step - 0.5]], dtype=torch.float64)
                state.optimizer.step()
                average.update()
            callback.on_test_begin()
            seen.append(model.weight[0].tolist())
            callback.on_test_end({})
            seen.append(model.weight[0].tolist())
            callback.on_epoch_end(epoch, {})
            seen.append(model.weight[0].tolist())
        average.finish()
        seen.append(model.weight[0].tolist())
        torch.testing.assert_close(
            torch.tensor(seen), torch.tensor(told[str(swap_on_epoch)]), rtol=1e-6, atol=1e-7
        )


def test_weights_are_kept_and_put_back(tmp_path: Path) -> None:
    model = torch.nn.BatchNorm1d(2)
    callback = made(f"ModelCheckpoint({str(tmp_path / 'kept' / '{epoch}.keras')!r})")
    callback.attach(model, state_of(model))
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0, {"loss": 1.0})
    kept = load_file(tmp_path / "kept" / "1.safetensors")
    assert kept.keys() == model.state_dict().keys()
    stopping = made("EarlyStopping('loss', restore_best_weights=True)")
    stopping.attach(model, state_of(model))
    stopping.on_train_begin()
    stopping.on_epoch_end(0, {"loss": 1.0})
    model(torch.randn(5, 2))
    stopping.on_epoch_end(1, {"loss": 2.0})
    assert stopping.state.stop
    stopping.on_train_end()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, kept[name]), name


def test_a_training_goes_on_where_it_was(tmp_path: Path) -> None:
    def training(epochs: int, stopped_in: int | None) -> tuple[torch.nn.Module, Any]:
        torch.manual_seed(0)
        model = torch.nn.Linear(2, 1)
        state = state_of(model)
        state.optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        state.average = MovingAverage(model.parameters())
        callback = made(f"BackupAndRestore({str(tmp_path / 'backup')!r})")
        callback.attach(model, state)
        callback.on_train_begin()
        while state.epoch < epochs:
            state.optimizer.zero_grad()
            model(torch.full((3, 2), float(state.epoch + 1))).sum().backward()
            if state.epoch == stopped_in:
                return model, state
            state.optimizer.step()
            state.average.update()
            state.step += 1
            callback.on_epoch_end(state.epoch, {})
            state.epoch += 1
        callback.on_train_end()
        return model, state

    whole, _ = training(4, None)
    assert not (tmp_path / "backup").exists()
    training(4, 2)
    assert (tmp_path / "backup" / "latest.pt").exists()
    model, state = training(4, None)
    assert (state.step, state.epoch) == (4, 4)
    assert torch.equal(model.weight, whole.weight)


def test_cyclic_rates_are_smiths() -> None:
    model = torch.nn.Linear(1, 1)
    rates: dict[str, list[float]] = {}
    for mode in ("triangular", "triangular2", "exp_range"):
        callback = made(f"CyclicLR(0.1, 0.5, step_size=4, mode={mode!r}, gamma=0.9)")
        state = state_of(model)
        callback.attach(model, state)
        callback.on_train_begin()
        rates[mode] = []
        for batch in range(17):
            rates[mode].append(state.optimizer.param_groups[0]["lr"])
            state.step += 1
            callback.on_batch_end(batch, dict)
    up_and_down = [0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25] * 2 + [0.0]
    assert rates["triangular"] == pytest.approx([0.1 + 0.4 * h for h in up_and_down])
    halved = [h / (1 if n < 8 else 2) for n, h in enumerate(up_and_down)]
    assert rates["triangular2"] == pytest.approx([0.1 + 0.4 * h for h in halved])
    faded = [h * 0.9**n for n, h in enumerate(up_and_down)]
    assert rates["exp_range"] == pytest.approx([0.1 + 0.4 * h for h in faded])


def test_rates_by_epoch() -> None:
    model = torch.nn.Linear(1, 1)
    callback = made("LearningRateScheduler(ExponentialDecay(0.5, 2, 0.25, staircase=True))")
    state = state_of(model)
    callback.attach(model, state)
    logs: dict[str, float] = {}
    seen = []
    for epoch in range(4):
        callback.on_epoch_begin(epoch)
        seen.append(state.optimizer.param_groups[0]["lr"])
        callback.on_epoch_end(epoch, logs)
    assert seen == [0.5, 0.5, 0.125, 0.125]
    assert logs == {"learning_rate": 0.125}


def test_logs_for_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, str, float, int]] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            self.part = Path(folder).name

        def add_scalar(self, tag: str, value: float, step: int) -> None:
            written.append((self.part, tag, value, step))

        def add_histogram(self, tag: str, value: torch.Tensor, step: int) -> None:
            written.append((self.part, tag, 0.0, step))

        def close(self) -> None:
            pass

    monkeypatch.setitem(
        __import__("sys").modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer)
    )
    model = torch.nn.Linear(1, 1, bias=False)
    callback = made("TensorBoard(histogram_freq=2, update_freq=2)")
    callback.attach(model, state_of(model))
    callback.on_train_begin()
    for epoch in range(2):
        for batch in range(3):
            callback.on_batch_end(batch, lambda: {"loss": 0.25})
        callback.on_epoch_end(epoch, {"loss": 1.0, "val_loss": 2.0})
    callback.on_train_end()
    epochs = [
        [
            ("train", "epoch_loss", 1.0, epoch),
            ("validation", "epoch_loss", 2.0, epoch),
            ("train", "epoch_learning_rate", 0.1, epoch),
        ]
        for epoch in range(2)
    ]
    batches = [("train", "batch_loss", 0.25, step) for step in (2, 4, 6)]
    weights = ("train", "weight/histogram", 0.0, 0)
    assert written == [batches[0], *epochs[0], weights, *batches[1:], *epochs[1]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("EarlyStopping", "is no call"),
        ("__import__('os').system('x')", "is no call"),
        ("EarlyStopping(patience=open('x'))", "callback"),
        ("EarlyStopping(patience=[p for p in 'x'])", "plain values"),
        ("EarlyStopping(**{})", "unpacked"),
        ("EarlyStopping('a', monitor='b')", "given twice"),
        ("EarlyStopping(1, 2, 3, 4, 5, 6, 7, 8, 9)", "without names"),
        ("EarlyStopping(patience=-1)", "of at least 0"),
        ("EarlyStopping(patient=1)", "not known to this version"),
        ("EarlyStopping('val_f1')", "mode='max' or mode='min'"),
        ("Lambda(1)", "1 arguments without names"),
        ("LambdaCallback(on_epoch_end=1)", "can't be trained"),
        ("ReduceLROnPlateau(factor=1.0)", "below 1"),
        ("TensorBoard(write_images=True)", "no exact port"),
        ("LearningRateScheduler(lambda e: 0.1)", "plain values"),
        ("(" * 3000, "2000 characters"),
        ("EarlyStopping(" * 150 + ")" * 150, "callback"),
        ("EarlyStopping(patience=1_", "is no call"),
    ],
)
def test_what_is_no_callback_is_refused(text: str, said: str) -> None:
    with pytest.raises((ConfigError, UnsupportedError), match=said):
        made(text)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("CyclicLR()", {"scheduled": True}, "a schedule already"),
        ("SwapEMAWeights()", {"averaged": False}, "use_ema=True"),
    ],
)
def test_what_does_not_fit_the_optimizer_is_refused(
    text: str, options: dict[str, bool], said: str
) -> None:
    with pytest.raises(UnsupportedError, match=said):
        made(text, **options)


def test_callbacks_are_written_as_one_would() -> None:
    def source(text: str) -> str:
        call = callback_of(text, METRICS, scheduled=False, averaged=False, backend="tensorflow")
        return call.source()

    assert source("keras.callbacks.EarlyStopping(patience=3)") == (
        'EarlyStopping(monitor="val_loss", mode="min", patience=3)'.replace('"', "'")
    )
    assert source("EarlyStopping('val_accuracy', 0.1)") == (
        "EarlyStopping(monitor='val_accuracy', mode='max', min_delta=0.1)"
    )
    assert source("ModelCheckpoint('best.keras', save_best_only=True)") == (
        "ModelCheckpoint(filepath='best.safetensors', monitor='val_loss', mode='min', "
        "save_best_only=True)"
    )


def test_what_is_not_in_the_logs_is_told() -> None:
    for text in ("EarlyStopping()", "ReduceLROnPlateau()"):
        callback = made(text)
        model = torch.nn.Linear(1, 1)
        callback.attach(model, state_of(model))
        callback.on_train_begin()
        with pytest.warns(UserWarning, match="there is no val_loss in the logs"):
            callback.on_epoch_end(0, {"loss": 1.0})
