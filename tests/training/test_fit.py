"""``fit``: the loop against one written out here, and the same bits whatever happens."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import Small, adam, bits, fresh, small_data, small_plan
from torch import Tensor, nn
from torch.optim.lr_scheduler import CyclicLR
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from keras2torch.errors import DataError, TrainingError
from keras2torch.training.bucketing import LengthBuckets
from keras2torch.training.checkpoint_folder import ENDING, newest_checkpoint
from keras2torch.training.clipping import clip_norm_
from keras2torch.training.data import ArrayData, IndexedRows, arrays_from
from keras2torch.training.fitting import Fitted, fit
from keras2torch.training.parameters import (
    RateBySchedule,
    freeze,
    layer_wise_rates,
    start_recurrences,
)
from keras2torch.training.plan import TrainingPlan, WeightAverage
from keras2torch.training.predicting import predict
from keras2torch.training.seeding import repeatable_run, seed_everything

DATA, VALIDATION = small_data(), small_data(20, 1)


def trained(data: Any = DATA, **changes: Any) -> tuple[Small, Fitted]:
    model = fresh()
    return model, fit(model, data, small_plan(**changes), validation=VALIDATION)


def without_dropout() -> Small:
    model = fresh()
    model.dropout.p = 0.0
    return model


def tensors(data: ArrayData) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.from_numpy(data.inputs["ids"]),
        torch.from_numpy(data.inputs["numbers"]),
        torch.from_numpy(np.asarray(data.targets)).unsqueeze(1),
    )


def test_a_run_is_the_loop_written_out() -> None:
    weights = np.linspace(0.5, 2, len(DATA)).astype("float32")
    data = dataclasses.replace(DATA, weights=weights)
    loss = nn.BCEWithLogitsLoss(reduction="none")
    cyclic = partial(CyclicLR, base_lr=1e-3, max_lr=1e-2, step_size_up=3, cycle_momentum=False)
    changes: dict[str, Any] = {"loss": loss, "shuffle": False, "clip_norm": 0.1}
    model = without_dropout()
    done = fit(model, data, small_plan(scheduler=cyclic, **changes), validation=VALIDATION)

    other = without_dropout()
    optimizer = adam(other)
    scheduler = cyclic(optimizer)
    ids, numbers, targets = tensors(data)
    losses = []
    for _ in range(2):
        summed = 0.0
        for start in range(0, len(data), 16):
            rows = slice(start, start + 16)
            per_row = loss(other.logits(ids[rows], numbers[rows]), targets[rows])[:, 0]
            value = (per_row * torch.from_numpy(weights[rows])).sum() / len(per_row)
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(other.parameters(), 0.1)
            optimizer.step()
            scheduler.step()
            summed += value.item() * len(per_row)
        losses.append(summed / len(data))
    assert bits(model) == bits(other)
    np.testing.assert_allclose(done.history["loss"], losses, rtol=1e-6)
    ids, numbers, targets = tensors(VALIDATION)
    value = loss(other.logits(ids, numbers), targets).mean().item()
    np.testing.assert_allclose(done.history["val_loss"][-1], value, rtol=1e-6)
    assert done.updates == 8


def test_the_same_seed_gives_the_same_bits() -> None:
    first, told = trained()
    for changes in ({}, {"data_workers": 1}):
        again, told_again = trained(**changes)
        assert bits(again) == bits(first)
        assert told_again == told
    assert bits(trained(seed=4)[0]) != bits(first)
    found = predict(first, VALIDATION, small_plan())
    np.testing.assert_array_equal(found, predict(first, VALIDATION, small_plan(data_workers=1)))


def test_a_batch_in_parts_is_the_batch() -> None:
    whole, parts = without_dropout(), without_dropout()
    told = fit(whole, DATA, small_plan())
    told_parts = fit(parts, DATA, small_plan(accumulate=3))
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    np.testing.assert_allclose(told.history["loss"], told_parts.history["loss"], rtol=1e-6)


class Noisy(Dataset[Any]):
    """A data set that draws random numbers from everywhere."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, row: int) -> tuple[Any, Tensor]:
        noise = np.random.normal() + float(torch.randn(()))
        return (torch.arange(6) + row % 5, torch.tensor([noise, 1.0])), torch.tensor(row % 2.0)


def test_data_sets_that_draw_are_repeated_whatever_their_workers() -> None:
    models = [trained(Noisy(), data_workers=workers)[0] for workers in (0, 0, 2)]
    assert len({bits(model) for model in models}) == 1
    row, (_, target) = IndexedRows(Noisy())[3]
    assert (row, float(target)) == (3, 1.0)


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 1), nn.Linear(2, 3)

    def forward(self, numbers: Tensor) -> dict[str, Tensor]:
        return {"first": self.first(numbers), "second": self.second(numbers)}


def test_several_outputs_have_a_loss_each() -> None:
    numbers = DATA.inputs["numbers"]
    targets = {"first": numbers[:, 0], "second": (numbers[:, 0] > 0).astype("int64")}
    data = ArrayData({"numbers": numbers}, targets)
    losses = {"first": nn.MSELoss(reduction="none"), "second": nn.CrossEntropyLoss()}
    plan = TrainingPlan(losses, adam, 1, 50, loss_weights={"first": 2.0, "second": 0.5})
    torch.manual_seed(0)
    model = Heads()
    found = model(torch.from_numpy(numbers))
    first = losses["first"](found["first"][:, 0], torch.from_numpy(targets["first"])).mean()
    second = losses["second"](found["second"], torch.from_numpy(targets["second"]))
    told = fit(model, data, plan)
    assert told.history["loss"][0] == pytest.approx((2 * first + 0.5 * second).item(), rel=1e-6)
    assert predict(model, data, plan)["second"].shape == (50, 3)


def test_what_is_frozen_stays_until_it_learns() -> None:
    model = fresh()
    freeze(model, "gru.*")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    fit(model, DATA, small_plan(epochs=1, frozen={0: ["embedding.*"], 1: []}))
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"dense.weight", "dense.bias"}
    assert {n for n, p in model.named_parameters() if not p.requires_grad} == {
        name for name in before if name.startswith("gru.")
    }
    fit(model, DATA, small_plan(frozen={0: ["embedding.*"], 1: []}))
    assert not torch.equal(model.embedding.weight, before["embedding.weight"])
    with pytest.raises(TrainingError, match="no parameter is called 'gruh"):
        freeze(model, "gruh.*")


def test_rates_by_layer_follow_the_schedule() -> None:
    rates: list[list[float]] = []

    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(layer_wise_rates(model, {"embedding.*": 0.1, "gru.*": 0.5}), lr=1.0)

    def scheduler(made: torch.optim.Optimizer) -> RateBySchedule:
        rates.append([group["lr"] for group in made.param_groups])
        return RateBySchedule(made, lambda step: 2.0 / (1 + step))

    model = fresh()
    plan = small_plan(optimizer=optimizer, scheduler=scheduler, scheduler_per="epoch", epochs=3)
    told = fit(model, DATA, plan)
    assert rates == [[0.1, 0.5, 1.0]]
    np.testing.assert_allclose(told.history["learning_rate"], [0.2, 0.1, 0.2 / 3])


def test_averages_of_weights_are_the_models_at_the_end() -> None:
    kept: list[list[Tensor]] = []

    class Seen(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            super().step(closure)
            kept.append([p.detach().clone() for g in self.param_groups for p in g["params"]])

    def seen(model: nn.Module) -> torch.optim.Optimizer:
        return Seen(model.parameters(), lr=0.1)

    mean, _ = trained(optimizer=seen, average=WeightAverage(first_epoch=1))
    for own, *steps in zip(mean.parameters(), *kept[4:], strict=True):
        torch.testing.assert_close(own, torch.stack(steps).mean(0), rtol=1e-5, atol=1e-7)
    kept.clear()
    moving, _ = trained(optimizer=seen, average=WeightAverage(decay=0.9))
    for own, first, *steps in zip(moving.parameters(), *kept, strict=True):
        average = first
        for step in steps:
            average = 0.9 * average + 0.1 * step
        torch.testing.assert_close(own, average, rtol=1e-5, atol=1e-7)


class Masked(nn.Module):
    """Means over what is no padding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.dense = nn.Embedding(30, 4), nn.Linear(4, 1)

    def forward(self, ids: Tensor) -> Tensor:
        mask = (ids != 0).unsqueeze(-1)
        summed = (self.embedding(ids) * mask).sum(1) / mask.sum(1).clamp(min=1)
        return self.dense(summed)


@pytest.mark.parametrize("side", ["left", "right"])
def test_buckets_are_exact_with_masks(side: Any) -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(0, 40, 90)
    ids = np.zeros((90, 40), "int64")
    for row, length in enumerate(lengths):
        word = generator.integers(1, 30, length)
        ids[row, slice(40 - length, 40) if side == "left" else slice(0, length)] = word
    widths: list[int] = []
    model = Masked()
    model.embedding.register_forward_pre_hook(lambda _, x: widths.append(x[0].shape[1]))
    data = ArrayData({"ids": ids}, (lengths % 2).astype("float32"))
    plan = TrainingPlan(
        nn.BCEWithLogitsLoss(), adam, 1, 8, buckets=LengthBuckets(("ids",), 0, side)
    )
    np.testing.assert_array_equal(plan.buckets.lengths(ids), lengths)  # type: ignore[union-attr]
    plain = dataclasses.replace(plan, buckets=None)
    expected = predict(model, data, plain)
    assert set(widths) == {40}
    widths.clear()
    np.testing.assert_allclose(predict(model, data, plan), expected, rtol=0, atol=1e-7)
    assert sum(widths) < 40 * 12 * 0.6
    fit(model, data, plan)


def killed_at(batch: int, folder: Path) -> None:
    """A training that is killed at its so many-th batch; in a process of its own."""
    seen = []

    def die(*_: object) -> None:
        seen.append(None)
        if len(seen) == batch:
            os.kill(os.getpid(), signal.SIGKILL)

    plan = small_plan(epochs=3)
    fit(fresh(), DATA, plan, validation=VALIDATION, checkpoints=folder, every=1, progress=die)


def in_a_process(function: Callable[..., None], *args: Any) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=function, args=args)
    process.start()
    return process  # type: ignore[return-value]


@pytest.fixture(scope="module")
def uninterrupted() -> tuple[Small, Fitted]:
    return trained(epochs=3)


@pytest.mark.parametrize("batch", [1, 6, 8])
def test_killed_and_resumed_it_ends_with_the_same_bits(
    batch: int, tmp_path: Path, uninterrupted: tuple[Small, Fitted]
) -> None:
    process = in_a_process(killed_at, batch, tmp_path)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    resumed_to_the_end(tmp_path, uninterrupted)


def resumed_to_the_end(folder: Path, uninterrupted: tuple[Small, Fitted]) -> None:
    model = fresh(99)  # other weights than at the start
    if not list(folder.glob(f"*{ENDING}")):
        model = fresh()
    told = fit(
        model,
        DATA,
        small_plan(epochs=3),
        validation=VALIDATION,
        checkpoints=folder,
        every=1,
        resume=True,
    )
    assert told == uninterrupted[1]
    assert bits(model) == bits(uninterrupted[0])


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(20))
def test_killed_at_any_moment(
    attempt: int, tmp_path: Path, uninterrupted: tuple[Small, Fitted]
) -> None:
    """Killed from outside, twice, wherever it happens to be: writing a checkpoint perhaps."""
    generator = np.random.default_rng(attempt)
    for _ in range(2):
        process = in_a_process(killed_at, 1000, tmp_path)
        time.sleep(float(generator.uniform(0.05, 0.5)))
        process.kill()
        process.join()
    resumed_to_the_end(tmp_path, uninterrupted)


def test_a_damaged_checkpoint_costs_no_more_than_itself(
    tmp_path: Path, uninterrupted: tuple[Small, Fitted]
) -> None:
    fit(fresh(), DATA, small_plan(epochs=3), validation=VALIDATION, checkpoints=tmp_path, every=3)
    older, newest = sorted(tmp_path.glob(f"*{ENDING}"))
    whole = newest.read_bytes()
    newest.write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match="is damaged; the one before is taken"):
        assert newest_checkpoint(tmp_path)["batch"] == 3  # type: ignore[index]
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    newest.write_bytes(flipped)
    with pytest.warns(UserWarning, match="is damaged"):
        resumed_to_the_end(tmp_path, uninterrupted)
    for file in tmp_path.glob(f"*{ENDING}"):
        file.write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(TrainingError, match=r"every checkpoint in .* is damaged"),
    ):
        newest_checkpoint(tmp_path)
    assert older.exists()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    def fill(*_: object) -> None:  # from now on no file can be longer than this
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    fit(fresh(), DATA, small_plan(epochs=1), checkpoints=tmp_path)
    files = sorted(tmp_path.iterdir())
    try:
        with pytest.raises(
            TrainingError, match=r"can't be written: File too large; what was there"
        ):
            fit(fresh(), DATA, small_plan(), checkpoints=tmp_path, progress=fill, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sorted(tmp_path.iterdir()) == files
    assert newest_checkpoint(tmp_path)["epoch"] == 1  # type: ignore[index]


def test_checkpoints_of_another_run_are_refused(tmp_path: Path) -> None:
    fit(fresh(), DATA, small_plan(epochs=1), checkpoints=tmp_path)
    with pytest.raises(TrainingError, match="of another run: batch_size was '16', now '8'"):
        fit(fresh(), DATA, small_plan(batch_size=8), checkpoints=tmp_path, resume=True)


def changed(**arrays: Any) -> Callable[[], object]:
    stored = {**DATA.inputs, "y": DATA.targets, **arrays}
    return lambda: trained(arrays_from({k: v for k, v in stored.items() if v is not None}))


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        yield from DATA.inputs["ids"]


NAN = np.where(np.arange(50) == 7, np.nan, 1.0)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (changed(y=None), "no labels"),
        (changed(y=NAN), "'y', row 7: a label is missing"),
        (changed(y=np.array([None, "a"] * 25)), "'y' holds objects, not numbers"),
        (changed(numbers=np.stack([NAN, NAN], 1)), "'numbers', row 7: NaN or infinite"),
        (changed(y=np.zeros(49)), "arrays of different lengths: .*'y': 49"),
        (changed(third=np.zeros(50)), r"the model takes .*'ids', 'numbers'.*, the data has"),
        (lambda: trained(device="cuda"), "PyTorch finds no GPU here"),
        (lambda: trained(batch_size=0), "batch_size is 0; it must be at least 1"),
        (lambda: trained(Endless()), "an iterable one has neither"),
        (lambda: trained(DATA.rows([])), "the data has no rows"),
    ],
)
def test_bad_input_is_told_in_a_line(run: Callable[[], object], said: str) -> None:
    if "GPU" in said and torch.cuda.is_available():
        pytest.skip("a GPU is here")
    with pytest.raises((DataError, TrainingError), match=said) as caught:
        run()
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    def optimizer(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=1e30)

    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) in epoch 1"):
        trained(optimizer=optimizer, loss=nn.MSELoss())


def test_seeds_reach_every_stream() -> None:
    import random

    drawn = []
    before = torch.are_deterministic_algorithms_enabled()
    for _ in range(2):
        seed_everything(5)
        assert torch.are_deterministic_algorithms_enabled()
        drawn.append((random.random(), np.random.normal(), torch.randn(3).tolist()))
    torch.use_deterministic_algorithms(before)
    assert drawn[0] == drawn[1]


def test_pairs_of_tensors_are_data() -> None:
    ids, numbers, targets = tensors(DATA)

    class Concatenated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.dense(x)

    x = torch.cat([ids.float() / 30, numbers], 1)
    plan = TrainingPlan(nn.BCEWithLogitsLoss(), adam, 1, 20)
    assert fit(Concatenated(), TensorDataset(x, targets), plan).updates == 3


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.dense = nn.BatchNorm1d(2), nn.Linear(2, 1)

    def forward(self, numbers: Tensor) -> Tensor:
        return self.dense(self.norm(numbers))


def test_averaged_weights_get_statistics_of_their_own() -> None:
    data = ArrayData({"numbers": DATA.inputs["numbers"]}, DATA.targets)
    model = Normalised()
    average = WeightAverage(per="epoch")
    fit(model, data, TrainingPlan(nn.MSELoss(), adam, 2, 25, average=average))
    torch.testing.assert_close(
        model.norm.running_mean, torch.from_numpy(data.inputs["numbers"].mean(0))
    )
    assert model.norm.momentum == 0.1


def test_half_precision_stays_near() -> None:
    half = trained(mixed_precision="bf16")[1]
    np.testing.assert_allclose(half.history["loss"], trained()[1].history["loss"], rtol=1e-2)


def test_keras_clips_by_parameter() -> None:
    norms: list[float] = []

    class Seen(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            norms.extend(float(p.grad.norm()) for p in self.param_groups[0]["params"])
            super().step(closure)

    def seen(model: nn.Module) -> torch.optim.Optimizer:
        return Seen(model.parameters(), lr=0.1)

    fit(fresh(), DATA, small_plan(optimizer=seen, clip=partial(clip_norm_, max_norm=1e-3)))
    assert max(norms) == pytest.approx(1e-3)


def test_recurrences_start_by_kind_of_parameter() -> None:
    model = fresh()
    start_recurrences(model, bias=partial(nn.init.constant_, val=2.0))
    hidden = model.gru.weight_hh_l0.detach()
    torch.testing.assert_close(hidden.T @ hidden, torch.eye(5), atol=1e-5, rtol=0)
    assert bool((model.gru.bias_ih_l0 == 2).all())


def test_an_operation_that_does_not_repeat_is_named() -> None:
    said = "put_ does not have a deterministic implementation, but you set"
    with (
        pytest.raises(TrainingError, match="put_ has no deterministic algorithm on this device"),
        repeatable_run(True, None),
    ):
        raise RuntimeError(said)
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_library_says_what_it_has() -> None:
    import keras2torch.training as library

    assert library.__all__ == sorted(library.__all__)
    for name in library.__all__:
        assert getattr(library, name).__name__ == name
