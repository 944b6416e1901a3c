"""Trains the port in PyTorch, in a process of its own, and tells every step.

Called as ``python -m keras2torch.compare.torch_trainer`` with a JSON job on standard input:
``port`` (folder), ``recipe``, and the rest as for ``keras_trainer``.

The loop itself is the explicit one: forward, loss, zero_grad, backward, clip, step.
"""

from __future__ import annotations

import ast
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from keras2torch.compare.stream import TARGETS, VALIDATION, batches, load_data, tell
from keras2torch.porting import MODEL
from keras2torch.verify.torch_worker import loaded

# Keras' fuzz factor, which bounds probabilities away from 0 and 1 (keras.config.epsilon()).
EPSILON = 1e-7


def loss_of(name: str, output: Tensor, target: Tensor) -> Tensor:
    """Keras' loss on probabilities, averaged over the batch.

    Source: keras/src/backend/jax/nn.py, which bounds probabilities by EPSILON.
    """
    if name == "mean_squared_error":
        return nn.functional.mse_loss(output, target.to(output.dtype).reshape(output.shape))
    if name == "binary_crossentropy":
        p = output.clamp(EPSILON, 1 - EPSILON)
        y = target.to(output.dtype).reshape(output.shape)
        return -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    p = (output / output.sum(-1, keepdim=True)).clamp(EPSILON, 1 - EPSILON)
    if name == "categorical_crossentropy":
        return -(target * p.log()).sum(-1).mean()
    return nn.functional.nll_loss(p.log().flatten(0, -2), target.long().flatten())


def correct(name: str, output: Tensor, target: Tensor) -> Tensor:
    """The share of right answers, as Keras' ``accuracy`` resolves for these losses."""
    if name == "binary_crossentropy":
        return ((output > 0.5) == target.reshape(output.shape).bool()).double().mean()
    if name == "categorical_crossentropy":
        return (output.argmax(-1) == target.argmax(-1)).double().mean()
    if name == "sparse_categorical_crossentropy":
        return (output.argmax(-1) == target.long().reshape(output.shape[:-1])).double().mean()
    return (output == target.reshape(output.shape)).double().mean()


def make_optimizer(
    name: str, options: Mapping[str, Any], model: nn.Module
) -> torch.optim.Optimizer:
    """PyTorch's optimizer with Keras' options."""
    trained = [p for p in model.parameters() if p.requires_grad]
    if name == "SGD":
        return torch.optim.SGD(
            trained,
            lr=options["learning_rate"],
            momentum=options["momentum"],
            nesterov=options["nesterov"],
        )
    return torch.optim.Adam(
        trained,
        lr=options["learning_rate"],
        betas=(options["beta_1"], options["beta_2"]),
        eps=options["epsilon"],
        amsgrad=options["amsgrad"],
    )


def follow_keras(optimizer: torch.optim.Optimizer, options: Mapping[str, Any], step: int) -> None:
    """Make PyTorch's Adam take Keras' step number ``step``, counted from 1.

    Keras moves by alpha * m / (sqrt(v) + epsilon) with alpha = lr * sqrt(1 - beta_2^t) /
    (1 - beta_1^t) (keras/src/optimizers/adam.py), which is Kingma and Ba's epsilon-hat form;
    PyTorch corrects v before it adds epsilon. Keras takes alpha in the parameters' own dtype, and
    in float32 that is another number: 1 - beta_2^t keeps few digits in the first steps.
    """
    if not isinstance(optimizer, torch.optim.Adam):
        return
    for group in optimizer.param_groups:
        dtype = group["params"][0].dtype
        lr, beta_1, beta_2 = (
            torch.tensor(options[key], dtype=dtype) for key in ("learning_rate", "beta_1", "beta_2")
        )
        alpha = float(lr * (1 - beta_2**step).sqrt() / (1 - beta_1**step))
        correction = (1 - options["beta_2"] ** step) ** 0.5
        group["lr"] = alpha * (1 - options["beta_1"] ** step) / correction
        group["eps"] = options["epsilon"] / correction


def clip(model: nn.Module, way: str, bound: float) -> None:
    """Keras' three ways to clip: each value, each variable's norm, or the norm of them all."""
    trained = [p for p in model.parameters() if p.grad is not None]
    if way == "clipvalue":
        nn.utils.clip_grad_value_(trained, bound)
        return
    norms = [p.grad.norm() for p in trained if p.grad is not None]
    whole = torch.stack(norms).norm()
    for parameter, norm in zip(trained, norms, strict=True):
        if parameter.grad is not None:
            of = whole if way == "global_clipnorm" else norm
            parameter.grad *= (bound / of).clamp(max=1.0)


def tensors(arrays: Sequence[npt.NDArray[Any]], dtype: torch.dtype) -> list[Tensor]:
    """Arrays as tensors, floating-point ones in ``dtype``."""
    made = [torch.from_numpy(array) for array in arrays]
    return [t.to(dtype) if t.is_floating_point() else t for t in made]


def evaluate(
    model: nn.Module, loss: str, inputs: list[Tensor], targets: Tensor, size: int
) -> dict[str, float]:
    """Loss and accuracy over a data set, every row weighing the same."""
    model.eval()
    totals = [0.0, 0.0]
    with torch.no_grad():
        for start in range(0, len(targets), size):
            part = targets[start : start + size]
            output = model(*(x[start : start + size] for x in inputs))
            totals[0] += float(loss_of(loss, output, part)) * len(part)
            totals[1] += float(correct(loss, output, part)) * len(part)
    return {"loss": totals[0] / len(targets), "accuracy": totals[1] / len(targets)}


def main() -> None:
    job = json.load(sys.stdin)
    recipe = job["recipe"]
    data = load_data(job["data"])
    dtype = torch.float64 if job["precision"] == "float64" else torch.float32
    torch.set_default_dtype(dtype)
    path = Path(job["port"], MODEL)
    model = loaded(ast.parse(path.read_text()), path, job["precision"], {})
    optimizer = make_optimizer(recipe["optimizer"], recipe["options"], model)
    tell(version=torch.__version__, backend="torch", threads=torch.get_num_threads())
    step = 0
    for epoch in range(job["epochs"]):
        model.train()
        for inputs, targets in batches(data, job["inputs"], epoch, job["batch_size"], job["seed"]):
            start = time.perf_counter()
            step += 1
            y = torch.from_numpy(targets)
            optimizer.zero_grad(set_to_none=True)
            output = model(*tensors(inputs, dtype))
            loss = loss_of(recipe["loss"], output, y)
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe["clip"]:
                clip(model, *recipe["clip"])
            follow_keras(optimizer, recipe["options"], step)
            optimizer.step()
            told = {
                "loss": float(loss.detach()),
                "accuracy": float(correct(recipe["loss"], output.detach(), y)),
            }
            tell(epoch=epoch, size=len(targets), seconds=time.perf_counter() - start, **told)
        if VALIDATION + TARGETS in data:
            val = tensors([data[VALIDATION + name] for name in job["inputs"]], dtype)
            answers = torch.from_numpy(data[VALIDATION + TARGETS])
            logs = evaluate(model, recipe["loss"], val, answers, job["batch_size"])
            tell(validated=epoch, **logs)


if __name__ == "__main__":
    main()
