"""Trains the model of model.py as Keras' fit() does; written by keras2torch.

    python train.py data.npz --epochs 2 --batch-size 32

data.npz has the arrays "tokens" and "y", and may have "sample_weight"; the same with
"val_" in front is what to validate on. FILE.py:OBJECT in its place is a Dataset of
(inputs, targets) or (inputs, targets, weights), or a pair of them: to train and to
validate on.

What its owner changes comes first: optimizer, metrics, loss and step; then the loop, the
data and main(). Below that stands what they are made of.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import runpy
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, default_collate
from tqdm import tqdm

from model import Capsule, load

WEIGHTS = Path(__file__).with_name("trained.safetensors")
CHECKPOINT = Path(__file__).with_name("checkpoint.pt")


@dataclass
class State:
    """What moves while the model trains, besides its weights."""

    optimizer: torch.optim.Optimizer
    step: int = 0
    epoch: int = 0


def make_optimizer(model: Capsule) -> torch.optim.Optimizer:
    parameters = [p for p in model.parameters() if p.requires_grad]
    return Adam(parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-07)


def start(model: Capsule) -> State:
    """The state before the first step."""
    return State(make_optimizer(model))


def make_metrics() -> dict[str, Any]:
    """What the logs have, by name."""
    return {
        "loss": RunningMean(),
        "accuracy": MeanMetric(binary_accuracy),
    }


def compute_loss(
    model: Capsule, outputs: Tensor, targets: Tensor, weights: Tensor | None
) -> Tensor:
    """What Keras reports as the loss, and minimises."""
    values = binary_crossentropy_with_logits(outputs, targets)
    return mean_loss(values, weights)


def train_step(
    model: Capsule,
    state: State,
    inputs: list[Tensor],
    targets: Tensor,
    weights: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """One update of the model; the loss and the logits from before it."""
    outputs = model.logits(*inputs)
    loss = compute_loss(model, outputs, targets, weights)
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    state.step += 1
    return loss.detach(), outputs


@torch.no_grad()
def update_metrics(
    metrics: dict[str, Any],
    loss: Tensor,
    outputs: Tensor,
    targets: Tensor,
    weights: Tensor | None,
) -> None:
    """Take in a batch, whose rows weigh the same in any batch."""
    rows = len(targets)
    metrics["loss"].add(loss * rows, rows)
    metrics["accuracy"].update(torch.sigmoid(outputs), targets)


def parts_of(
    batch: dict[str, Tensor], device: str
) -> tuple[list[Tensor], Tensor, Tensor | None]:
    """The inputs, targets and weights of a batch."""
    batch = {name: array.to(device) for name, array in batch.items()}
    return [batch["tokens"]], batch["y"], batch.get("sample_weight")


def logs_of(metrics: dict[str, Any]) -> dict[str, float]:
    """The numbers so far."""
    return {name: metric.compute().tolist() for name, metric in metrics.items()}


def train_epoch(
    model: Capsule, state: State, batches: Iterable[dict[str, Tensor]], device: str
) -> dict[str, float]:
    """One pass over the data, and its logs."""
    model.train()
    metrics = make_metrics()
    for batch in tqdm(batches, f"Epoch {state.epoch + 1}", leave=False, disable=None):
        inputs, targets, weights = parts_of(batch, device)
        loss, outputs = train_step(model, state, inputs, targets, weights)
        update_metrics(metrics, loss, outputs, targets, weights)
    state.epoch += 1
    return logs_of(metrics)


@torch.no_grad()
def evaluate(
    model: Capsule, batches: Iterable[dict[str, Tensor]], device: str
) -> dict[str, float]:
    """The logs of a pass that trains nothing."""
    model.eval()
    metrics = make_metrics()
    for batch in batches:
        inputs, targets, weights = parts_of(batch, device)
        outputs = model.logits(*inputs)
        loss = compute_loss(model, outputs, targets, weights)
        update_metrics(metrics, loss, outputs, targets, weights)
    return logs_of(metrics)


def named(items: list[Any]) -> dict[str, Tensor]:
    """A batch of the items of a Dataset, by the names of the arrays."""
    inputs, targets, *weights = default_collate(items)
    inputs = inputs[0] if isinstance(inputs, list) else inputs
    batch = {"tokens": inputs, "y": targets}
    if weights:
        batch["sample_weight"] = weights[0]
    return batch


def open_data(
    source: str,
    size: int,
    generator: torch.Generator | None,
    class_weight: dict[int, float] | None = None,
) -> tuple[Iterable[dict[str, Tensor]], Iterable[dict[str, Tensor]] | None]:
    """What to train on, in a new order each time if there is a generator, and to validate on."""
    if ".py:" in source:
        if class_weight:
            raise SystemExit("class weights are for an .npz: a Dataset has its own")
        dataset, held_out = datasets_of(source)
        shuffle = generator is not None
        return (
            DataLoader(dataset, size, shuffle, generator=generator, collate_fn=named),
            None if held_out is None else DataLoader(held_out, size, collate_fn=named),
        )
    arrays, val_arrays = (
        load_arrays(
            Path(source),
            {"tokens": [(200,)], "y": [(1,), ()], "sample_weight": [(), (1,)]},
            {"tokens": 20000},
            prefix,
        )
        for prefix in ("", "val_")
    )
    if class_weight:  # only of what is trained on, as in Keras
        if "sample_weight" in arrays:
            raise SystemExit(f"{source} has weights for the samples already")
        arrays["sample_weight"] = weights_of_classes(arrays["y"], class_weight)
    validation = Batches(val_arrays, size) if val_arrays else None
    return Batches(arrays, size, generator), validation


def save(model: Capsule, state: State, generator: torch.Generator | None) -> None:
    """The weights, and what a later run needs to go on."""
    write_aside(WEIGHTS, lambda path: save_file(model.state_dict(), path))
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "step": state.step,
        "epoch": state.epoch,
        "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],
        "order": None if generator is None else generator.get_state(),
    }
    write_checkpoint(CHECKPOINT, checkpoint)


def resume(model: Capsule, state: State, generator: torch.Generator | None) -> None:
    """Go on where the last run stopped."""
    checkpoint = read_checkpoint(CHECKPOINT)
    if checkpoint is None:
        raise SystemExit(f"there is no {CHECKPOINT.name} to go on from")
    model.load_state_dict(checkpoint["model"])
    state.optimizer.load_state_dict(checkpoint["optimizer"])
    state.step, state.epoch = checkpoint["step"], checkpoint["epoch"]
    random, *random_on_cuda = checkpoint["random"]
    torch.set_rng_state(random)
    if len(random_on_cuda) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(random_on_cuda)
    if generator is not None and checkpoint["order"] is not None:
        generator.set_state(checkpoint["order"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the model of model.py.")
    parser.add_argument("data", help="an .npz, or FILE.py:OBJECT")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-shuffle", action="store_true")
    parser.add_argument("--resume", action="store_true", help="from the checkpoint")
    parser.add_argument(
        "--class-weight", type=class_weight_of, help='such as {"0": 1.0, "1": 2.5}'
    )
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    generator = None if args.no_shuffle else torch.Generator().manual_seed(args.seed)
    batches, validation = open_data(
        args.data, args.batch_size, generator, args.class_weight
    )
    model = load().to(args.device)
    state = start(model)
    if args.resume:
        resume(model, state, generator)
    while state.epoch < args.epochs:
        began = time.perf_counter()
        logs = train_epoch(model, state, batches, args.device)
        if validation is not None:
            found = evaluate(model, validation, args.device)
            logs |= {f"val_{name}": value for name, value in found.items()}
        seconds = time.perf_counter() - began
        print(f"Epoch {state.epoch}/{args.epochs} - {seconds:.0f}s - {log_line(logs)}")
        save(model, state, generator)


# Below: what Keras computes otherwise than PyTorch, and what reads and writes files.


class UpdateRule(torch.optim.Optimizer):
    """An optimizer that looks at one parameter at a time, with decoupled weight decay.

    ``group["step"]`` counts the updates, this one included, for all parameters alike: one that
    had no gradient in a step is not behind. Keras: ``keras/src/optimizers/base_optimizer.py``.
    """

    def __init__(self, params: Any, **defaults: Any) -> None:
        super().__init__(params, {**defaults, "step": 0})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update from the gradients that are there; the loss, if ``closure`` computes it."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            group["step"] += 1
            self.update_group(group)
        return loss

    def update_group(self, group: dict[str, Any]) -> None:
        """Decay and update the parameters of a group."""
        for param in group["params"]:
            if param.grad is not None:
                if group["weight_decay"]:
                    # In float32 1 - share would be off by up to a hundredth of the share.
                    param.sub_(param, alpha=group["lr"] * group["weight_decay"])
                self.update(param, param.grad, group)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        """Change a parameter and its state."""
        raise NotImplementedError


@functools.lru_cache(maxsize=64)
def power_in(dtype: torch.dtype, base: float, exponent: float) -> float:
    """``base ** exponent`` as it is in ``dtype``: 1 - 0.999 ** t loses five digits in float32,
    which Keras' first steps show."""
    power = torch.tensor(base, dtype=dtype) ** torch.tensor(exponent, dtype=dtype)
    return float(power)


def adam_rate(lr: float, betas: Sequence[float], t: int, dtype: torch.dtype) -> float:
    """lr sqrt(1 - b2^t) / (1 - b1^t): as both averages start at 0, they are too small at first."""
    correction1, correction2 = (1 - power_in(dtype, beta, t) for beta in betas)
    return float(lr * correction2**0.5 / correction1)


def add_square_(total: Tensor, gradient: Tensor, weight: float = 1.0) -> None:
    """``total += weight * gradient ** 2``."""
    total.addcmul_(gradient, gradient, value=weight)


def moments_(
    state: dict[str, Any], param: Tensor, grad: Tensor, betas: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Both with this gradient taken in: m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v)."""
    if not state:
        state["exp_avg"] = torch.zeros_like(param)
        state["exp_avg_sq"] = torch.zeros_like(param)
    mean, square = state["exp_avg"], state["exp_avg_sq"]
    mean.mul_(betas[0]).add_(grad, alpha=1 - betas[0])
    add_square_(square.mul_(betas[1]), grad, 1 - betas[1])
    return mean, square


class Adam(UpdateRule):
    """Adam with epsilon beside the uncorrected root, and decoupled weight decay (AdamW).

    m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v);
    w -= lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps). torch.optim.Adam corrects v before
    eps is added: where gradients are small its first steps are many times larger.
    Keras: ``keras/src/optimizers/adam.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        mean, square = moments_(self.state[param], param, grad, group["betas"])
        root = square.sqrt()
        rate = adam_rate(group["lr"], group["betas"], group["step"], param.dtype)
        param.addcdiv_(mean, root.add_(group["eps"]), value=-rate)


@dataclass
class Batches:
    """Named arrays of as many rows each, a batch of rows at a time; the last one may be smaller.

    With a generator every pass has an order of its own.
    """

    arrays: dict[str, Tensor]
    size: int
    generator: torch.Generator | None = None

    @property
    def rows(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = torch.arange(self.rows)
        if self.generator is not None:
            order = torch.randperm(self.rows, generator=self.generator)
        for start in range(0, self.rows, self.size):
            rows = order[start : start + self.size]
            yield {name: array[rows] for name, array in self.arrays.items()}


class RunningMean:
    """The mean of all numbers since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all numbers."""
        self.total = torch.zeros(())
        self.count = torch.zeros(())

    def add(self, total: Tensor, count: Tensor | float) -> None:
        """Take in so many numbers by their sum."""
        self.total = self.total + total
        self.count = self.count + count

    def compute(self) -> Tensor:
        """The mean so far; 0 of nothing."""
        return self.total / self.count if self.count else torch.zeros_like(self.total)


def at_least_float32(values: Tensor) -> Tensor:
    """In the precision in which a metric counts: float32, or float64 if the values are of it."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class MeanMetric(RunningMean):
    """The mean over all samples of what a function (outputs, targets, **options) gives.

    Source: MeanMetricWrapper in keras/src/metrics/reduction_metrics.py.
    """

    def __init__(self, function: Callable[..., Tensor], **options: Any) -> None:
        super().__init__()
        self.function = function
        self.options = options

    @torch.no_grad()
    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take in a batch, of which the function gives a value per sample or position."""
        values = at_least_float32(self.function(outputs, targets, **self.options))
        samples = values.flatten(1).mean(1) if values.dim() > 1 else values
        self.add(samples.sum(), samples.numel())


def same_rank(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both at one rank where the ranks differ by one and the higher one ends in an axis of 1.

    (batch, 1) and (batch,) become (batch, 1) twice; at higher ranks the axis of 1 is dropped
    instead. All else is left as it is, to be broadcast.
    Source: squeeze_or_expand_to_same_rank in keras/src/losses/loss.py.
    """
    if second.dim() == first.dim() + 1:
        second, first = same_rank(second, first)
    elif first.dim() == second.dim() + 1 and first.shape[-1] == 1:
        if second.dim() == 1:
            return first, second.unsqueeze(-1)
        return first.squeeze(-1), second
    return first, second


def binary_accuracy(outputs: Tensor, targets: Tensor, threshold: float = 0.5) -> Tensor:
    """1 where the output is above the threshold and the target 1, or neither.

    An output that is the threshold says 0. Logits too are compared as they are.
    """
    targets, outputs = same_rank(targets, outputs)
    above = at_least_float32(outputs) > threshold
    return (above.to(targets.dtype) == targets).to(outputs.dtype)


def binary_crossentropy_with_logits(
    outputs: Tensor, targets: Tensor, axis: int = -1
) -> Tensor:
    """Binary crossentropy of sigmoid(outputs), for logits of any size."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    values = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return values.mean(axis)


def class_weight_of(text: str) -> dict[int, float]:
    """The weights by class that a text tells, such as ``{"0": 1.0, "1": 2.5}``."""
    return {int(n): float(weight) for n, weight in dict(json.loads(text)).items()}


def datasets_of(place: str) -> tuple[Dataset[Any], Dataset[Any] | None]:
    """The Dataset that ``FILE.py:OBJECT`` names, and one to validate on if it names a pair.

    A function is called for it.
    """
    file, _, name = place.rpartition(":")
    try:
        found = runpy.run_path(file)[name]
    except OSError as error:
        raise SystemExit(f"{file} can't be read: {error.strerror}") from None
    except KeyError:
        raise SystemExit(f"{file} has no {name}") from None
    if not isinstance(found, (Dataset, tuple)) and callable(found):
        found = found()
    pair = found if isinstance(found, tuple) else (found, None)
    if len(pair) != 2 or not isinstance(pair[0], Dataset):
        raise SystemExit(f"{place} is no torch.utils.data.Dataset, and no pair of them")
    return pair


def fits(found: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Whether a shape is the one that is wanted."""
    return len(found) == len(wanted) and all(
        size in (None, own) for own, size in zip(found, wanted, strict=True)
    )


def load_arrays(
    path: Path,
    shapes: Mapping[str, Sequence[tuple[int | None, ...]]],
    below: Mapping[str, int],
    prefix: str = "",
) -> dict[str, Tensor]:
    """The arrays that have these names behind ``prefix``.

    With each name stand the shapes that a row may have: None is any size, no shape at all any
    shape. Arrays in ``below`` hold whole numbers from 0 to less than this. Sample weights may be
    missing, with a prefix all. Floating-point numbers become float32, as in Keras.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {n: stored[prefix + n] for n in shapes if prefix + n in stored}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{path} can't be read: {error}") from None
    for name, allowed in shapes.items():
        said, array = f"{path}: {prefix}{name}", arrays.get(name)
        shown = " or ".join(str(("rows", *shape)) for shape in allowed) or "(rows, ...)"
        if array is None:
            if not name.startswith("sample_weight") and (arrays or not prefix):
                raise SystemExit(f"{said} is missing, an array of shape {shown}")
            continue
        if array.ndim == 0 or (
            allowed and not any(fits(array.shape[1:], s) for s in allowed)
        ):
            raise SystemExit(f"{said} has shape {array.shape}, it must be {shown}")
        if array.dtype.kind not in "bfiu":
            raise SystemExit(f"{said} holds {array.dtype} and no numbers")
        low, high = array.min(initial=0), array.max(initial=0)
        if name in below and not (low >= 0 and high < below[name]):
            raise SystemExit(
                f"{said} must be from 0 to {below[name] - 1}: it has {low} to {high}"
            )
        arrays[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1 or 0 in rows.values():
        raise SystemExit(f"{path}: all arrays must have as many rows, found {rows}")
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def log_line(logs: Mapping[str, float | list[float]]) -> str:
    """All numbers by name, sorted: ``accuracy: 0.8125 - loss: 0.4312``.

    Of several under one name, such as a score per class, the mean is shown.
    Source: Progbar in keras/src/utils/progbar.py.
    """
    shown = []
    for name, value in sorted(logs.items()):
        mean = sum(value) / len(value) if isinstance(value, list) else value
        shown += [f"{name}: {mean:.4f}" if abs(mean) > 1e-3 else f"{name}: {mean:.4e}"]
    return " - ".join(shown)


def weighted(values: Tensor, weights: Tensor) -> Tensor:
    """Each value times the weight that it has, by itself or with its whole sample."""
    values, weights = same_rank(values, weights.to(values.dtype))
    if values.dim() not in (0, weights.dim()):
        # Keras fails, or takes a weight per sample for one per step where there are as many.
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} don't fit losses of shape "
            f"{tuple(values.shape)}: give one for each, or axes of size 1"
        )
    return values * weights


def mean_loss(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """sum(w l) / n: Keras' "sum_over_batch_size" and "mean".

    The weights don't count in the divisor: PyTorch's losses with ``weight`` divide by their sum.
    """
    return values.mean() if weights is None else weighted(values, weights).mean()


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """The newest checkpoint that can be read, or None where there is none.

    One that is damaged costs what was trained since the one before it, and is told.
    """
    for candidate in (path, path.with_name(path.name + ".before")):
        try:
            return dict(torch.load(candidate, map_location="cpu", weights_only=True))
        except FileNotFoundError:
            continue
        except Exception as error:  # whatever a damaged file makes torch raise
            print(f"{candidate.name} is damaged, the one before is tried: {error}")
    return None


def weights_of_classes(targets: Tensor, class_weight: Mapping[int, float]) -> Tensor:
    """A sample weight for each target: that of its class, 1 for classes without.

    targets: whole numbers (batch,) or (batch, 1), or one value per class (batch, classes), of
    which the largest is the class. Numbers with a fraction are rounded.
    """
    if targets.dim() > 2:
        raise ValueError(
            "class weights need one target per sample: give sample weights"
        )
    numbers = targets.double().reshape(len(targets), -1)
    classes = numbers.argmax(1) if numbers.shape[1] > 1 else numbers[:, 0].round()
    weights = torch.ones(len(targets), device=targets.device)
    for number, weight in class_weight.items():
        weights[classes == number] = weight
    return weights


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written beside ``path``, then give it its name.

    It is on the disk before: a crash in between leaves the older file.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Write a checkpoint; the one before it stays as ``<name>.before``."""
    new = path.with_name(path.name + ".new")
    write_aside(new, lambda aside: torch.save(contents, aside))
    if path.exists():
        path.replace(path.with_name(path.name + ".before"))
    new.replace(path)


if __name__ == "__main__":
    main()
