"""The loop that every training is: batches, losses, gradients, updates; on accelerate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from keras2torch.training.batches import (
    BatchOrder,
    BatchSource,
    RowBatch,
    Samples,
    accumulated_parts,
    first_rows,
    load_batches,
    share_of,
)
from keras2torch.training.metric_set import MetricSet
from keras2torch.training.parameters import named_like, scale_rates
from keras2torch.training.plan import TrainingPlan
from keras2torch.training.predicting import (
    accelerator_for,
    detached,
    full_precision,
    input_names,
    shares_in_order,
)
from keras2torch.training.seeding import seed_streams
from keras2torch.training.weight_average import WeightAverager, renew_statistics

DATA_STREAM, UPDATE_STREAM = 1, 2  # random numbers of data sets and of updates are apart


class MethodCaller(nn.Module):
    """A model whose call is one of its methods: what wraps models wraps ``forward`` alone."""

    def __init__(self, model: nn.Module, method: str) -> None:
        super().__init__()
        self.model, self.method = model, method

    def forward(self, *inputs: Tensor) -> Any:
        return getattr(self.model, self.method)(*inputs)


class TrainingLoop:
    """A model, its optimizer and whatever else moves while it is trained."""

    def __init__(self, model: nn.Module, data: Samples, plan: TrainingPlan) -> None:
        self.plan, self.model, self.data = plan, model, data
        self.accelerator = accelerator_for(plan.device, plan.mixed_precision)
        self.device = self.accelerator.device
        model.to(self.device)
        self.names = input_names(data, model, plan.method)
        self.learning = {n for n, p in model.named_parameters() if p.requires_grad}
        self.optimizer = plan.optimizer(model)
        scale_rates(self.optimizer)
        self.scheduler = plan.scheduler(self.optimizer) if plan.scheduler else None
        self.stepper = self.accelerator.prepare_optimizer(self.optimizer)
        self.average = WeightAverager(model, plan.average) if plan.average else None
        self.metrics = MetricSet(plan.metrics, self.device)
        self.caller = self._wrapped()
        self.order = BatchOrder(plan.batch_size, plan.shuffle, plan.seed, plan.buckets)
        self.updates, self.seen = 0, 0  # without and with those that overflowed
        self.loss_sum, self.rows_seen = self._zero(), 0

    # The parts of an epoch.

    def begin_epoch(self, epoch: int) -> None:
        """Freeze what is to be frozen in it."""
        if not self.plan.frozen:
            return
        since = max((e for e in self.plan.frozen if e <= epoch), default=None)
        patterns = [] if since is None else self.plan.frozen[since]
        held = named_like(self.model, patterns).keys()
        before = [p.requires_grad for p in self.model.parameters()]
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name in self.learning and name not in held)
        if before != [p.requires_grad for p in self.model.parameters()]:
            self.caller = self._wrapped()  # gradients are brought together for what learns

    def batches(self, epoch: int, first: int = 0) -> tuple[int, Iterator[RowBatch]]:
        """How many batches the epoch has, and this process' shares of them from ``first`` on."""
        made = self.order.epoch(self.data, epoch)
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        shares = [share_of(rows, process, processes) for rows in made[first:]]
        entropy = (self.plan.seed, DATA_STREAM, epoch)
        source = BatchSource(self.data, self.names, self.plan.buckets, entropy)
        return len(made), load_batches(source, shares, self.device, self.plan.data_workers)

    def update(self, batch: RowBatch, epoch: int) -> None:
        """One update of the weights: forward, backward, clip, step."""
        # A function of the number of the update: nothing to be kept for going on after a kill.
        seed_streams(self.plan.seed, UPDATE_STREAM, self.seen, self.accelerator.process_index)
        self.seen += 1
        self.model.train()
        self.stepper.zero_grad(set_to_none=True)
        parts = accumulated_parts(batch, self.plan.accumulate, self.accelerator.num_processes)
        for part in parts:
            last = part is parts[-1]
            with nullcontext() if last else self.accelerator.no_sync(self.caller):
                self._gradients(part, batch, last)
        self._clip()
        self.stepper.step()
        if self.accelerator.optimizer_step_was_skipped:
            return
        self.updates += 1
        if self.plan.scheduler_per == "batch":
            self._step_scheduler({})
        if self.average is not None:
            self.average.after("batch", self.model, epoch)

    def logs_so_far(self) -> dict[str, float]:
        """Loss and metrics since the epoch began, of this process' rows."""
        share = self.rows_seen / self.accelerator.num_processes
        return {"loss": float(self.loss_sum / max(1.0, share)), **self.metrics.values()}

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """The epoch's loss and metrics."""
        loss = self.accelerator.reduce(self.loss_sum, "sum") / max(1, self.rows_seen)
        logs = {"loss": float(loss), **self.metrics.results()}
        self.loss_sum, self.rows_seen = self._zero(), 0
        if self.average is not None:
            self.average.after("epoch", self.model, epoch)
        logs["learning_rate"] = float(self.optimizer.param_groups[0]["lr"])
        return logs

    def follow_schedule(self, logs: Mapping[str, float]) -> None:
        """Step a schedule by epoch."""
        if self.plan.scheduler_per == "epoch":
            self._step_scheduler(logs)

    def anywhere(self, stop: bool) -> bool:
        """Whether any process wants to stop."""
        if self.accelerator.num_processes == 1:
            return stop
        wanted = torch.tensor(float(stop), device=self.device)
        return float(self.accelerator.reduce(wanted, "sum")) > 0

    @torch.no_grad()
    def validate(self, data: Samples) -> dict[str, float]:
        """Loss and metrics of other data."""
        self.model.eval()
        metrics = MetricSet(self.plan.metrics, self.device)
        total, rows = self._zero(), 0
        penalty = self._penalty()
        names = input_names(data, self.model, self.plan.method)
        for batch in shares_in_order(self.accelerator, data, names, self.plan):
            with self.accelerator.autocast():
                outputs = full_precision(getattr(self.model, self.plan.method)(*batch.inputs))
            found = self.plan.objective.total(outputs, batch.targets, batch.weights, batch.real)
            total += (found + penalty * batch.real).to(total.dtype)
            rows += batch.whole
            self._count(metrics, outputs, batch)
        loss = self.accelerator.reduce(total, "sum") / rows
        return {"loss": float(loss), **metrics.results()}

    def finish(self) -> None:
        """Put averaged weights into the model, and let learn what learnt before."""
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name in self.learning)
        if self.average is not None and self.average.put_into(self.model):
            _, batches = self.batches(0)
            renew_statistics(self.model, self.plan.method, batches)
        self.stepper.zero_grad(set_to_none=True)
        self.model.eval()

    # State, for going on after a kill.

    def state_dict(self) -> dict[str, Any]:
        """Everything that moves, as plain data; every process must ask."""
        scaler = self.accelerator.scaler
        sums = gather_object([self.loss_sum.item()])
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler else None,
            "scaler": scaler.state_dict() if scaler else None,
            "average": self.average.state_dict() if self.average else None,
            "metrics": self.metrics.state_dict(),
            "updates": self.updates,
            "seen": self.seen,
            "loss_sums": sums,
            "rows_seen": self.rows_seen,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for own, kept in (
            (self.scheduler, state["scheduler"]),
            (self.accelerator.scaler, state["scaler"]),
            (self.average, state["average"]),
        ):
            if own is not None:
                own.load_state_dict(kept)
        self.metrics.load_state_dict(state["metrics"], self.device)
        self.updates, self.seen = state["updates"], state["seen"]
        self.rows_seen = state["rows_seen"]
        self.loss_sum = self._zero() + state["loss_sums"][self.accelerator.process_index]

    def _gradients(self, part: RowBatch, batch: RowBatch, last: bool) -> None:
        """Add the gradients of a part of a batch, and count its loss and metrics in."""
        outputs = self.caller(*part.inputs)
        total = self.plan.objective.total(outputs, part.targets, part.weights, part.real)
        # Gradients are averaged over the processes, so each loss counts as often as there are.
        loss = total * (self.accelerator.num_processes / batch.whole)
        penalty = self._penalty()
        self.accelerator.backward(loss + penalty if last else loss)
        counted = total.detach() + penalty.detach() * part.real
        self.loss_sum += counted.to(self.loss_sum.dtype)
        self.rows_seen += batch.whole if last else 0
        with torch.no_grad():
            self._count(self.metrics, outputs, part)

    def _count(self, metrics: MetricSet, outputs: Any, batch: RowBatch) -> None:
        """Show the metrics the rows of all processes, in the order they have in the batch."""
        if metrics:
            shown = (self.plan.predicted(detached(outputs)), batch.targets)
            if self.accelerator.num_processes > 1:
                shown = self.accelerator.gather(shown)
            metrics.update(*first_rows(shown, 0, batch.whole))

    def _clip(self) -> None:
        learning = [p for p in self.model.parameters() if p.grad is not None]
        if self.plan.clip_norm is not None:
            self.accelerator.clip_grad_norm_(learning, self.plan.clip_norm)
        if self.plan.clip_value is not None:
            self.accelerator.clip_grad_value_(learning, self.plan.clip_value)
        if self.plan.clip is not None:
            self.accelerator.unscale_gradients(self.stepper)
            self.plan.clip(learning)

    def _step_scheduler(self, logs: Mapping[str, float]) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(logs.get("val_loss", logs.get("loss", 0.0)))
        elif self.scheduler is not None:
            self.scheduler.step()

    def _penalty(self) -> Tensor:
        made = self.plan.penalty(self.model) if self.plan.penalty else None
        return torch.zeros((), device=self.device) if made is None else made

    def _wrapped(self) -> Any:
        return self.accelerator.prepare_model(MethodCaller(self.model, self.plan.method))

    def _zero(self) -> Tensor:
        wide = torch.float32 if self.device.type == "mps" else torch.float64
        return torch.zeros((), dtype=wide, device=self.device)
