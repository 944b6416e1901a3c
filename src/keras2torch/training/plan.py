"""How a model is trained: everything that ``fit`` and ``cross_validate`` need to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from keras2torch.errors import TrainingError
from keras2torch.training.bucketing import LengthBuckets
from keras2torch.training.objective import Objective, RowLoss

Scheduler = LRScheduler | ReduceLROnPlateau


@dataclass(frozen=True)
class WeightAverage:
    """Weights averaged along the way: at the end of ``fit`` they are the model's.

    Without ``decay`` it is their plain mean (SWA), and batch normalisation gets its statistics
    anew; with it a moving average (EMA), ``decay * average + (1 - decay) * weights``.
    """

    decay: float | None = None
    first_epoch: int = 0
    per: Literal["batch", "epoch"] = "batch"


@dataclass(frozen=True)
class TrainingPlan:
    """How a model is trained.

    Attributes:
        loss: Of (outputs, targets): a value per row or their mean. Several outputs: one each.
        optimizer: Makes the optimizer of a model: ``lambda model: Adam(model.parameters())``.
        epochs: How often every row is seen.
        batch_size: Rows of an update, over all processes and accumulated parts.
        metrics: By name: torchmetrics', or any object with update(outputs, targets), compute() and
            reset(). They see what ``activation`` makes of the outputs.
        loss_weights: A factor per output.
        penalty: Of the model: added to the loss of each update, a regularizer say.
        method: The model's method whose outputs the loss takes: ``logits`` of many ports.
        activation: Makes predictions of these outputs: ``torch.sigmoid`` of logits.
        scheduler: Makes the schedule of an optimizer, stepped ``scheduler_per`` batch or epoch.
        clip_norm, clip_value: Bounds of the gradients' common norm, of each of their values.
        clip: Of the parameters: bounds their gradients in another way, as Keras does say.
        accumulate: In how many parts a batch is computed, one after the other.
        mixed_precision: ``fp16`` or ``bf16`` where it is safe.
        average: Weights averaged along the way.
        frozen: From this epoch on, parameters that fit these patterns stay as they are.
        callbacks: Told what happens, see ``callbacks/``.
        buckets: Batches of sequences of similar length.
        seed: Decides everything random.
        data_workers: Processes that read ahead; their number changes nothing.
        deterministic: Only algorithms that give the same bits each time.
        threads: Of the processor; other numbers can give other last bits. None: as they are.
        device: ``auto`` (a GPU if there is one), ``cpu`` or ``cuda``.
    """

    loss: RowLoss | Mapping[str, RowLoss] | Sequence[RowLoss]
    optimizer: Callable[[nn.Module], Optimizer]
    epochs: int = 1
    batch_size: int = 32
    metrics: Mapping[str, Any] = field(default_factory=dict)
    loss_weights: Mapping[str, float] | Sequence[float] | None = None
    penalty: Callable[[nn.Module], Tensor] | None = None
    method: str = "forward"
    activation: Callable[[Any], Any] | None = None
    scheduler: Callable[[Optimizer], Scheduler] | None = None
    scheduler_per: Literal["batch", "epoch"] = "batch"
    clip_norm: float | None = None
    clip_value: float | None = None
    clip: Callable[[Sequence[nn.Parameter]], Any] | None = None
    accumulate: int = 1
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    average: WeightAverage | None = None
    frozen: Mapping[int, Sequence[str]] = field(default_factory=dict)
    callbacks: Sequence[Any] = ()
    buckets: LengthBuckets | None = None
    shuffle: bool = True
    seed: int = 0
    data_workers: int = 0
    deterministic: bool = True
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        for name, least in (("epochs", 0), ("batch_size", 1), ("accumulate", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise TrainingError("device='cuda', but PyTorch finds no GPU here; device='cpu' works")

    @property
    def objective(self) -> Objective:
        return Objective(self.loss, self.loss_weights)

    def predicted(self, outputs: Any) -> Any:
        """The predictions that the model's outputs stand for."""
        return outputs if self.activation is None else self.activation(outputs)
