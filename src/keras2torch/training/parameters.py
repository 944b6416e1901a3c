"""Which parameters learn, and how fast: freezing, learning rates by layer, starts by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from keras2torch.errors import TrainingError, quoted


def named_like(model: nn.Module, patterns: Sequence[str]) -> dict[str, nn.Parameter]:
    """The parameters whose names fit a pattern, ``embedding.*`` say.

    Raises:
        TrainingError: a pattern fits no parameter.
    """
    named = dict(model.named_parameters())
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in named):
            known = ", ".join(list(named)[:6])
            raise TrainingError(f"no parameter is called {quoted(pattern)}; there are {known}, ...")
    return {n: p for n, p in named.items() if any(fnmatchcase(n, part) for part in patterns)}


def freeze(model: nn.Module, *patterns: str) -> None:
    """Have these parameters stay as they are."""
    for parameter in named_like(model, patterns).values():
        parameter.requires_grad_(False)


def unfreeze(model: nn.Module, *patterns: str) -> None:
    """Have these parameters learn."""
    for parameter in named_like(model, patterns).values():
        parameter.requires_grad_(True)


def layer_wise_rates(
    model: nn.Module, rates: Mapping[str, float], weight_decay: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Parameter groups with a learning rate by pattern: the first pattern that fits counts.

    ``rates`` are factors of the optimizer's rate; it stands in the group as ``scale``, which
    ``fit`` multiplies its rate with, at the start and whenever a schedule sets it. Parameters
    that no pattern fits have 1. ``weight_decay`` sets that option of the optimizer in the same way.
    """
    for pattern in (*rates, *(weight_decay or {})):
        named_like(model, [pattern])
    groups: dict[tuple[float, float | None], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        scale = next((r for pattern, r in rates.items() if fnmatchcase(name, pattern)), 1.0)
        decays = (weight_decay or {}).items()
        decay = next((d for pattern, d in decays if fnmatchcase(name, pattern)), None)
        groups.setdefault((scale, decay), []).append(parameter)
    return [
        {"params": parameters, "scale": scale} | ({} if decay is None else {"weight_decay": decay})
        for (scale, decay), parameters in groups.items()
    ]


def scale_rates(optimizer: Optimizer) -> None:
    """Multiply each group's learning rate with its ``scale``, once, before the first update."""
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * group.get("scale", 1.0)


class RateBySchedule(LRScheduler):
    """Sets the learning rate that a function of the number of updates (or epochs) done gives."""

    def __init__(self, optimizer: Optimizer, schedule: Callable[[int], float]) -> None:
        self.schedule = schedule
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        rate = self.schedule(self.last_epoch)
        return [rate * group.get("scale", 1.0) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        own = {k: v for k, v in super().state_dict().items() if k != "schedule"}
        return {k: v for k, v in own.items() if not callable(v)}


def start_recurrences(
    model: nn.Module,
    *,
    input_kernel: Callable[[Tensor], Any] = nn.init.xavier_uniform_,
    recurrent_kernel: Callable[[Tensor], Any] = nn.init.orthogonal_,
    bias: Callable[[Tensor], Any] = nn.init.zeros_,
) -> None:
    """Initialise every recurrence by kind of parameter: input and recurrent kernels, biases."""
    for module in model.modules():
        if isinstance(module, nn.RNNBase | nn.RNNCellBase):
            for name, parameter in module.named_parameters(recurse=False):
                kinds = {"weight_ih": input_kernel, "weight_hh": recurrent_kernel}
                kinds["bias"] = bias
                next(start for kind, start in kinds.items() if name.startswith(kind))(parameter)
