"""Trains the model of model.py as Keras' fit() does; written by keras2torch.

    python train.py data.npz --epochs 2 --batch-size 32

data.npz has the arrays "tokens" and "y", and may have "sample_weight"; the same with
"val_" in front is what to validate on. FILE.py:OBJECT in its place is a Dataset of
(inputs, targets) or (inputs, targets, weights), or a pair of them: to train and to
validate on.
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
        "loss": Mean(),
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
    metrics["loss"].update(loss, rows)
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
            raise SystemExit(
                "weights of classes are for an .npz, a Dataset has its own weights"
            )
        dataset, held_out = datasets_of(source)
        shuffle = generator is not None
        return (
            DataLoader(dataset, size, shuffle, generator=generator, collate_fn=named),
            None if held_out is None else DataLoader(held_out, size, collate_fn=named),
        )
    arrays, val_arrays = (
        load_arrays(
            Path(source),
            {"tokens": [(200,)], "y": [(1,), ()]},
            {"sample_weight": [(), (1,)]},
            {"tokens": 20000},
            prefix,
        )
        for prefix in ("", "val_")
    )
    if class_weight:  # only of what is trained on, as in Keras
        if "sample_weight" in arrays:
            raise SystemExit(f"{source} has weights for the samples already")
        arrays["sample_weight"] = weights_of_classes(arrays["y"], class_weight)
    return Batches(arrays, size, generator), Batches(
        val_arrays, size
    ) if val_arrays else None


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
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint"
    )
    parser.add_argument(
        "--class-weight", type=class_weight_of, help='such as {"0": 1.0, "1": 2.5}'
    )
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    generator = (
        None if arguments.no_shuffle else torch.Generator().manual_seed(arguments.seed)
    )
    batches, validation = open_data(
        arguments.data, arguments.batch_size, generator, arguments.class_weight
    )
    model = load().to(arguments.device)
    state = start(model)
    if arguments.resume:
        resume(model, state, generator)
    while state.epoch < arguments.epochs:
        began = time.perf_counter()
        logs = train_epoch(model, state, batches, arguments.device)
        if validation is not None:
            found = evaluate(model, validation, arguments.device)
            logs |= {f"val_{name}": value for name, value in found.items()}
        seconds = time.perf_counter() - began
        print(
            f"Epoch {state.epoch}/{arguments.epochs} - {seconds:.0f}s - {log_line(logs)}"
        )
        save(model, state, generator)


# Below: what Keras computes otherwise than PyTorch, and what reads and writes files.


class UpdateRule(torch.optim.Optimizer):
    """An optimizer that looks at one parameter at a time, or at one of Keras' variables.

    A step takes lr * weight_decay of the weights off them, then calls ``update``.
    ``group["step"]`` counts the updates, this one included, for all parameters alike: one that
    had no gradient in a step is not behind. ``joined`` has the parameters that are one variable in
    Keras, such as the two biases of a GRU. Keras: ``keras/src/optimizers/base_optimizer.py``.
    """

    def __init__(
        self, params: Any, joined: Sequence[Sequence[Tensor]] = (), **defaults: Any
    ):
        super().__init__(params, {**defaults, "step": 0})
        self.joined = {
            id(parameter): list(group) for group in joined for parameter in group
        }

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update from the gradients that are there; the loss, if ``closure`` computes it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["step"] += 1
            self.begin(group)
            for parameter in group["params"]:
                variable = self.joined.get(id(parameter), [parameter])
                gradients = [p.grad for p in variable if p.grad is not None]
                if len(gradients) == len(variable) and variable[0] is parameter:
                    self.decay(variable, group)
                    self.update_variable(variable, gradients, group)
        return loss

    def begin(self, group: dict[str, Any]) -> None:
        """What a step does once, before it comes to the parameters."""

    def decay(self, variable: list[Tensor], group: dict[str, Any]) -> None:
        """Shrink the weights."""
        self.shrink(variable, group["lr"] * group["weight_decay"])

    def shrink(self, variable: list[Tensor], share: float) -> None:
        """Take a share off the weights: 1 - share is rounded in float32, to a hundredth of it."""
        if share:
            for parameter in variable:
                parameter.sub_(parameter, alpha=share)

    def update_variable(
        self, variable: list[Tensor], gradients: list[Tensor], group: dict[str, Any]
    ) -> None:
        """Change the parameters of one variable, here each by itself."""
        for parameter, gradient in zip(variable, gradients, strict=True):
            self.update(parameter, gradient, self.state[parameter], group)

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        state: dict[str, Tensor],
        group: dict[str, Any],
    ) -> None:
        """Change a parameter and its state. The gradient may be sparse, with repeated rows."""
        raise NotImplementedError


def with_values(gradient: Tensor, values: Tensor) -> Tensor:
    """A sparse gradient with other values for the same occurrences of rows."""
    return torch.sparse_coo_tensor(
        gradient._indices(), values, gradient.shape, check_invariants=False
    )


def add_square_(total: Tensor, gradient: Tensor, weight: float = 1.0) -> None:
    """``total += weight * gradient ** 2``."""
    if gradient.is_sparse:
        total.add_(with_values(gradient, gradient._values().square()), alpha=weight)
    else:
        total.addcmul_(gradient, gradient, value=weight)


@functools.lru_cache(maxsize=64)
def power_in(dtype: torch.dtype, base: float, exponent: float) -> float:
    """``base ** exponent`` as it is in ``dtype``: 1 - 0.999 ** t loses five digits in float32,
    which Keras' first steps show."""
    power = torch.tensor(base, dtype=dtype) ** torch.tensor(exponent, dtype=dtype)
    return float(power)


def root_of(square: Tensor, gradient: Tensor) -> Tensor:
    """``sqrt(square)``, a new tensor.

    Processors may take eight times as long for the root of 0, which the rows of all tokens that
    have not occurred yet hold: float32's smallest number, in its place, is nothing beside epsilon.
    """
    return square.clamp(min=1.2e-38).sqrt_() if gradient.is_sparse else square.sqrt()


def adam_(
    parameter: Tensor,
    gradient: Tensor,
    state: dict[str, Tensor],
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    step: int,
    amsgrad: bool = False,
) -> None:
    """One update of a parameter and its moments."""
    beta1, beta2 = betas
    if not state:
        state["exp_avg"] = torch.zeros_like(parameter)
        state["exp_avg_sq"] = torch.zeros_like(parameter)
        if amsgrad:
            state["max_exp_avg_sq"] = torch.zeros_like(parameter)
    mean, variance = state["exp_avg"], state["exp_avg_sq"]
    mean.mul_(beta1).add_(gradient, alpha=1 - beta1)
    add_square_(variance.mul_(beta2), gradient, 1 - beta2)
    if amsgrad:
        largest = state["max_exp_avg_sq"]
        variance = torch.maximum(largest, variance, out=largest)
    correction1 = 1 - power_in(parameter.dtype, beta1, step)
    correction2 = 1 - power_in(parameter.dtype, beta2, step)
    size = lr * correction2**0.5 / correction1
    parameter.addcdiv_(mean, root_of(variance, gradient).add_(eps), value=-size)


class Adam(UpdateRule):
    """Adam with epsilon beside the uncorrected root, and decoupled weight decay (AdamW).

    m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v); with amsgrad the largest v so far in v's place;
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
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
        )

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        state: dict[str, Tensor],
        group: dict[str, Any],
    ) -> None:
        adam_(
            parameter,
            gradient,
            state,
            lr=group["lr"],
            betas=group["betas"],
            eps=group["eps"],
            step=group["step"],
            amsgrad=group["amsgrad"],
        )


class Batches:
    """Named arrays of as many rows each, a batch of rows at a time; the last one may be smaller.

    With a generator every pass has an order of its own.
    """

    def __init__(
        self,
        arrays: dict[str, Tensor],
        size: int,
        generator: torch.Generator | None = None,
    ) -> None:
        self.arrays = arrays
        self.rows = len(next(iter(arrays.values())))
        self.size = size
        self.generator = generator

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = None
        if self.generator is not None:
            order = torch.randperm(self.rows, generator=self.generator)
        for start in range(0, self.rows, self.size):
            rows = slice(start, start + self.size)
            index = rows if order is None else order[rows]
            yield {name: array[index] for name, array in self.arrays.items()}


def at_least_float32(values: Tensor) -> Tensor:
    """In the precision in which a metric counts: float32, or float64 if the values are of it."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def over_axes(
    values: Tensor, first: int, reduce: Callable[[Tensor, int], Tensor]
) -> Tensor:
    """The values with all axes from ``first`` on reduced, as by ``torch.mean``."""
    return reduce(values.flatten(first), first) if values.dim() > first else values


def same_rank(
    first: Tensor, second: Tensor, expand: bool = True
) -> tuple[Tensor, Tensor]:
    """Both at one rank where the ranks differ by one and the higher one ends in an axis of 1.

    (batch, 1) and (batch,) become (batch, 1) twice; with ``expand=False``, and at higher ranks,
    the axis of 1 is dropped instead. All else is left as it is, to be broadcast.
    Source: squeeze_or_expand_to_same_rank in keras/src/losses/loss.py.
    """
    if first.dim() == second.dim() + 1 and first.shape[-1] == 1:
        if second.dim() == 1 and expand:
            return first, second.unsqueeze(-1)
        return first.squeeze(-1), second
    if second.dim() == first.dim() + 1 and second.shape[-1] == 1:
        if first.dim() == 1 and expand:
            return first.unsqueeze(-1), second
        return first, second.squeeze(-1)
    return first, second


def per_sample(
    values: Tensor,
    weights: Tensor | float | None,
    reduce: Callable[[Tensor, int], Tensor],
) -> tuple[Tensor, Tensor | None]:
    """One weighted value and one weight per sample, of values (batch, ...).

    Values are reduced to the rank of the weights, weighted, and reduced to one per sample.
    Source: reduce_to_samplewise_values in keras/src/metrics/reduction_metrics.py.
    """
    if weights is None:
        return over_axes(values, 1, reduce), None
    weights = torch.as_tensor(weights, dtype=values.dtype, device=values.device)
    values, weights = same_rank(values, weights)
    values = over_axes(values, weights.dim(), reduce)
    weights = weights.expand_as(values)
    return over_axes(values * weights, 1, reduce), over_axes(weights, 1, reduce)


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, and 0 where that is of nothing."""
    return torch.where(whole == 0, torch.zeros_like(part), part / whole)


class Mean:
    """The weighted mean of values: of all samples since the last reset, not of the batches.

    A batch's mean with the number of its samples as weight adds the batch's samples.
    Source: Mean in keras/src/metrics/reduction_metrics.py.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all values."""
        self.total = torch.zeros(())
        self.count = torch.zeros(())

    @torch.no_grad()
    def update(self, values: Tensor, weights: Tensor | float | None = None) -> None:
        """Add values (batch, ...), with a weight per sample, or per sample and position."""
        values, weights = per_sample(at_least_float32(values), weights, torch.mean)
        weights = torch.ones_like(values) if weights is None else weights
        self.total = self.total + values.sum()
        self.count = self.count + weights.sum()

    def compute(self) -> Tensor:
        """The mean so far; 0 of nothing."""
        return ratio(self.total, self.count)


class Metric:
    """Something about all batches since the last reset.

    The state is tensors on the device of the outputs: float32, or float64 if the outputs are.
    Source: Metric in keras/src/metrics/metric.py.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def update(
        self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None
    ) -> None:
        """Take in a batch; ``weights`` has a weight per sample, or per sample and position."""
        raise NotImplementedError

    def compute(self) -> Tensor:
        """The metric of the batches so far."""
        raise NotImplementedError


def masked(weights: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """The weights, 0 where the mask is false.

    Source: apply_mask in keras/src/losses/loss.py.
    """
    if mask is None:
        return weights
    if weights is None:
        return mask.float()
    mask, weights = same_rank(mask.to(weights.dtype), weights)
    return weights * mask


class MeanMetric(Metric):
    """The mean of what a function (outputs, targets, **options) gives per sample or position.

    Source: MeanMetricWrapper in keras/src/metrics/reduction_metrics.py.
    """

    def __init__(self, function: Callable[..., Tensor], **options: Any) -> None:
        self.function = function
        self.options = options
        self.reset()

    def reset(self) -> None:
        self.mean = Mean()

    @torch.no_grad()
    def update(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> None:
        """Take in a batch; ``mask`` (batch, ...) is true where a position counts."""
        values = self.function(outputs, targets, **self.options)
        self.mean.update(values, masked(weights, mask))

    def compute(self) -> Tensor:
        return self.mean.compute()


def binary_accuracy(outputs: Tensor, targets: Tensor, threshold: float = 0.5) -> Tensor:
    """1 where the output is above the threshold and the target 1, or neither.

    An output that is the threshold says 0. Logits too are compared as they are.
    """
    targets, outputs = same_rank(targets, outputs)
    above = at_least_float32(outputs) > threshold
    return (above.to(targets.dtype) == targets).to(outputs.dtype)


def binary_crossentropies(target: Tensor, output: Tensor) -> Tensor:
    """The loss of each element; probabilities are kept 1e-7 away from 0 and 1.

    Keras: keras/src/ops/nn.py, BinaryCrossentropy.
    """
    output = output.clamp(1e-7, 1 - 1e-7)
    return -(target * output.log() + (1 - target) * (1 - output).log())


def matched(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs and targets with as many axes each, the targets in the outputs' dtype."""
    return same_rank(outputs, targets.to(outputs.dtype))


def matched_exactly(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The same for losses that broadcast nothing: Keras' crossentropies refuse other shapes."""
    outputs, targets = matched(outputs, targets)
    if outputs.shape != targets.shape:
        raise ValueError(
            f"outputs of shape {tuple(outputs.shape)} need targets of that shape, "
            f"found {tuple(targets.shape)}"
        )
    return outputs, targets


def binary_crossentropy(
    outputs: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)) of probabilities, averaged over ``axis``."""
    outputs, targets = matched_exactly(outputs, targets)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + 0.5 * label_smoothing
    return binary_crossentropies(targets, outputs).mean(axis)


def binary_crossentropy_with_logits(
    outputs: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    axis: int = -1,
    squeezed: bool = False,
) -> Tensor:
    """Binary crossentropy of sigmoid(outputs), for logits of any size.

    ``squeezed``: probabilities of (batch, steps, 1) for targets of (batch, steps) lose their last
    axis in Keras, and TensorFlow finds no logits behind them any more.
    """
    if squeezed and outputs.dim() == targets.dim() + 1:
        return binary_crossentropy(outputs.sigmoid(), targets, label_smoothing, axis)
    outputs, targets = matched_exactly(outputs, targets)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + 0.5 * label_smoothing
    values = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return values.mean(axis)


def class_weight_of(text: str) -> dict[int, float]:
    """The weights by class that a text tells, such as ``{"0": 1.0, "1": 2.5}``."""
    return {
        int(number): float(weight) for number, weight in dict(json.loads(text)).items()
    }


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
        size is None or size == own for own, size in zip(found, wanted, strict=True)
    )


def load_arrays(
    path: Path,
    wanted: Mapping[str, Sequence[tuple[int | None, ...]]],
    optional: Mapping[str, Sequence[tuple[int | None, ...]]],
    below: Mapping[str, int],
    prefix: str = "",
) -> dict[str, Tensor]:
    """The arrays that have these names behind ``prefix``. With a prefix all may be missing.

    With each name stand the shapes that a row may have: None is any size, no shape at all any
    shape. Arrays in ``below`` hold whole numbers from 0 to less than this. Floating-point numbers
    become float32, as in Keras.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [name for name in (*wanted, *optional) if prefix + name in stored]
            arrays = {name: stored[prefix + name] for name in names}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{path} can't be read: {error}") from None
    for name, shapes in {**wanted, **optional}.items():
        said = f"{path}: {prefix}{name}"
        shown = " or ".join(str(("rows", *shape)) for shape in shapes)
        if name not in arrays:
            if name in wanted and (arrays or not prefix):
                raise SystemExit(f"{said} is missing, an array of shape {shown}")
            continue
        found = arrays[name].shape
        if not found or (
            shapes and not any(fits(found[1:], shape) for shape in shapes)
        ):
            raise SystemExit(f"{said} has shape {found}, it must be {shown}")
        if arrays[name].dtype.kind not in "bfiu":
            raise SystemExit(f"{said} holds {arrays[name].dtype} and no numbers")
        low, high = arrays[name].min(initial=0), arrays[name].max(initial=0)
        if name in below and not (low >= 0 and high < below[name]):
            raise SystemExit(
                f"{said} must be from 0 to {below[name] - 1}: it has {low} to {high}"
            )
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1 or 0 in rows.values():
        raise SystemExit(f"{path}: all arrays must have as many rows, found {rows}")
    return {
        name: torch.from_numpy(
            array.astype(np.float32) if array.dtype.kind == "f" else array
        )
        for name, array in arrays.items()
    }


def log_line(logs: Mapping[str, float | list[float]]) -> str:
    """All numbers by name, sorted: ``accuracy: 0.8125 - loss: 0.4312``.

    Of several under one name, such as a score per class, the mean is shown.
    Source: Progbar in keras/src/utils/progbar.py.
    """
    shown = []
    for name, value in sorted(logs.items()):
        number = sum(value) / len(value) if isinstance(value, list) else value
        shown.append(
            f"{name}: {number:.4f}" if abs(number) > 1e-3 else f"{name}: {number:.4e}"
        )
    return " - ".join(shown)


def aligned(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Values and weights that can be multiplied, each weight with the values it is for."""
    values, weights = same_rank(values, weights)
    if values.dim() not in (0, weights.dim()):
        # Keras fails, or takes a weight per sample for one per step where there are as many.
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} don't fit losses of shape "
            f"{tuple(values.shape)}: give one for each, or axes of size 1"
        )
    return values, weights


def weighted_values(
    values: Tensor, weights: Tensor | None = None, mask: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """w l for each value, and the weights that were used: mask and sample weights, multiplied."""
    factors = None if mask is None else mask.to(values.dtype)
    if weights is not None:
        weights = weights.to(values.dtype)
        if factors is None:
            factors = weights
        else:
            factors, weights = aligned(factors, weights)
            factors = factors * weights
    if factors is None:
        return values, None
    values, factors = aligned(values, factors)
    return values * factors, factors


def mean_loss(
    values: Tensor, weights: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """sum(w l) / n: Keras' "sum_over_batch_size" and "mean".

    The weights don't count in the divisor: PyTorch's losses with ``weight`` divide by their sum.
    With a mask n is the number of positions that it leaves.
    """
    if mask is not None:
        kept = mask.to(values.dtype)
        mask = kept * (kept.numel() / kept.sum().clamp(min=1))
    return weighted_values(values, weights, mask)[0].mean()


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """The newest checkpoint that can be read, or None where there is none.

    One that is damaged costs what was trained since the one before it, and is told.
    """
    for candidate in (path, path.with_name(path.name + ".before")):
        try:
            contents: dict[str, Any] = torch.load(
                candidate, weights_only=True, map_location="cpu"
            )
            return contents
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
            "class weights are for one target per sample, "
            f"found targets of shape {tuple(targets.shape)}: give sample weights instead"
        )
    classes = targets
    if targets.dim() == 2:
        classes = targets[:, 0] if targets.shape[1] == 1 else targets.mul(1).argmax(1)
    classes = classes.round() if classes.is_floating_point() else classes
    weights = torch.ones(len(targets), device=targets.device)
    for number, weight in class_weight.items():
        weights = torch.where(classes == number, weight, weights)
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
    before = path.with_name(path.name + ".before")
    kept = path.with_name(path.name + ".kept")
    if path.exists():
        kept.unlink(missing_ok=True)
        os.link(path, kept)
        kept.replace(before)
    write_aside(path, lambda aside: torch.save(contents, aside))


if __name__ == "__main__":
    main()
