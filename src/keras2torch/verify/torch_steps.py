"""Trains a port with the functions of its own train.py, and tells every step.

Called as ``python -m keras2torch.verify.torch_steps`` with a JSON job on the first line of standard
input: ``port`` (folder), ``precision``, ``data`` (.npz), ``epochs``, ``steps``, ``batch_size``,
``seed``, ``model`` (the ``.keras`` file) and, if weights are to be compared, ``variables``: the
file with Keras' variables. Then each line is one of Keras' steps, whose variables are compared with
the port's after the same step.
"""

from __future__ import annotations

import ast
import contextlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from keras2torch.verify.carried_weights import CarriedWeights
from keras2torch.verify.random_stream import Stream
from keras2torch.verify.shared_variables import SLOTS, SharedVariables
from keras2torch.verify.step_protocol import hear, tell
from keras2torch.verify.torch_random import SharedDraws
from keras2torch.verify.torch_worker import InFloat64

SMALL = 100_000  # the elements of a tensor whose start is kept to see how far weights move


def module_of(path: Path, precision: str) -> Any:
    """A file of the port as a module under its own name, in float64 or as it stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if precision == "float64":
        tree = ast.fix_missing_locations(InFloat64().visit(tree))
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules[path.stem] = module  # train.py imports model.py, dataclasses look for their module
    exec(compile(tree, path, "exec"), module.__dict__)  # noqa: S102
    return module


class GradientNorm:
    """The norm of all gradients of a step, as they arrive: before they are unscaled and clipped."""

    def __init__(self, model: nn.Module) -> None:
        self._squares: list[Tensor] = []
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.register_hook(self._note)  # type: ignore[no-untyped-call]

    def _note(self, gradient: Tensor) -> None:
        values = gradient.coalesce().values() if gradient.is_sparse else gradient
        self._squares.append(values.detach().square().sum())

    def take(self) -> float:
        """The norm since the last call."""
        squares, self._squares = self._squares, []
        return float(torch.stack(squares).sum().sqrt()) if squares else 0.0


class Comparing:
    """Compares the port's weights with Keras' variables, laid out by the porter itself."""

    def __init__(self, model: nn.Module, carried: CarriedWeights) -> None:
        own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        if own.keys() != carried.weights.keys():
            others = sorted(own.keys() ^ carried.weights.keys())
            sys.exit(f"the port has other weights than its model: {others[:5]}")
        self._carried = carried
        self._tensors: dict[str, Tensor] = {
            name: own[name] for name in carried.weights if own[name].is_floating_point()
        }
        small = {n: t for n, t in model.named_parameters() if t.numel() <= SMALL}
        self._started = {
            name: tensor.detach().clone() for name, tensor in small.items() if name in self._tensors
        }
        self._moved = 0.0

    @torch.no_grad()
    def apart(self, slot: int) -> dict[str, Any]:
        """The largest difference, where it is, and every tensor's relative one.

        A difference is relative to the largest magnitude in its tensor, or to how far weights have
        moved so far if that is more: the bias of attention's keys, whose gradient is rounding and
        nothing else, has no digit in common with Keras'.
        """
        for name, start in self._started.items():
            moved = float((self._tensors[name] - start).abs().max()) if start.numel() else 0.0
            self._moved = max(self._moved, moved)
        worst: tuple[float, str] = (0.0, "")
        relative = {}
        for name, tensor in self._tensors.items():
            theirs = self._carried.array(name, slot)
            ours = tensor.detach().cpu().numpy()
            difference = float(np.abs(ours - theirs).max(initial=0.0))
            if not difference <= sys.float_info.max:  # NaN too
                difference = float("inf")
            scale = max(float(np.abs(theirs).max(initial=0.0)), self._moved)
            relative[name] = difference / scale if scale else difference
            worst = max(worst, (difference, name))
        return {"weights": worst[0], "tensor": worst[1], "relative": relative}


class Trainer:
    """One run of a port's train.py, step by step."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.job = job
        folder = Path(job["port"])
        self.dtype = torch.float64 if job["precision"] == "float64" else torch.float32
        torch.set_default_dtype(self.dtype)
        self.model: nn.Module = module_of(folder / "model.py", job["precision"]).load()
        self.train = module_of(folder / "train.py", job["precision"])
        if job["precision"] == "float64":
            self.model.double()
        self.stream = Stream(job["seed"])
        self.carried = CarriedWeights(Path(job["model"]))
        self.draws = SharedDraws(self.model, self.stream, self.carried.origins, self.carried.traces)
        self.norm = GradientNorm(self.model)
        self.state = self.train.start(self.model)
        self.comparing: Comparing | None = None
        self.batches: list[dict[str, Tensor]] | None = None
        self.validation: list[dict[str, Tensor]] | None = None

    def open_data(self) -> None:
        """The data in order, as train.py reads it: to train on, and what to validate on."""
        found = self.train.open_data(self.job["data"], self.job["batch_size"], None)
        self.batches, self.validation = (
            None if part is None else [self._in_precision(batch) for batch in part]
            for part in found
        )

    def _in_precision(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {n: t.to(self.dtype) if t.is_floating_point() else t for n, t in batch.items()}

    def epoch(self, number: int) -> bool:
        """One epoch; whether there is another step to make."""
        self.model.train()
        metrics = self.train.make_metrics()
        for batch in self.batches or []:
            self._step(number, batch, metrics)
            if self.stream.step == self.job["steps"]:
                break
        logs = {name: float(metric.compute()) for name, metric in metrics.items()}
        if self.validation is not None:
            found = self.train.evaluate(self.model, self.validation, "cpu")
            logs |= {f"val_{name}": value for name, value in found.items()}
        tell(ended=number, logs=logs)
        return bool(self.stream.step < self.job["steps"])

    def _step(self, epoch: int, batch: dict[str, Tensor], metrics: Mapping[str, Any]) -> None:
        start = time.perf_counter()
        scale = self.state.loss_scale.scale if hasattr(self.state, "loss_scale") else 1.0
        inputs, targets, weights = self.train.parts_of(batch, "cpu")
        self.draws.begin()
        with self.draws if self._draws else contextlib.nullcontext():
            loss, outputs = self.train.train_step(self.model, self.state, inputs, targets, weights)
        self.train.update_metrics(metrics, loss, outputs, targets, weights)
        logs = {name: float(metric.compute()) for name, metric in metrics.items()}
        seconds = time.perf_counter() - start
        step = self.stream.step
        told: dict[str, Any] = {
            "step": step,
            "epoch": epoch,
            "size": len(next(iter(batch.values()))),
        }
        told |= {"seconds": seconds, "loss": float(loss), "norm": self.norm.take() / scale}
        told["logs"] = logs
        if self.comparing is not None:
            told |= self._compared(step)
        tell(**told)
        self.stream.step += 1

    @property
    def _draws(self) -> bool:
        """Whether the model draws random numbers; the first step shows it."""
        return self.stream.step == 0 or bool(self.draws.draws.made or self.draws.draws.own)

    def _compared(self, step: int) -> dict[str, Any]:
        """Wait for Keras' step, and compare."""
        hear()
        return {} if self.comparing is None else self.comparing.apart(step % SLOTS)


def main() -> None:
    job = hear()
    trainer = Trainer(job)
    tell(version=torch.__version__)
    if job["variables"]:
        told = hear()["variables"]
        trainer.carried.attach(SharedVariables.attached(Path(job["variables"]), told))
        trainer.comparing = Comparing(trainer.model, trainer.carried)
    trainer.open_data()
    for number in range(job["epochs"]):
        if not trainer.epoch(number):
            break
    tell(draws=trainer.draws.draws.to_json())


if __name__ == "__main__":
    main()
