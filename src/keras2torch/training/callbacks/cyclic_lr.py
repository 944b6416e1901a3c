"""A learning rate that goes up and down."""

import math
from collections.abc import Callable

from keras2torch.training.callbacks.callback import Callback


def cyclic_rate(
    base_lr: float,
    max_lr: float,
    step_size: float,
    mode: str = "triangular",
    gamma: float = 1.0,
) -> Callable[[int], float]:
    """From ``base_lr`` up to ``max_lr`` in ``step_size`` updates, down again in as many, and so on.

    "triangular2" halves the height with each cycle, "exp_range" multiplies it by ``gamma`` with
    each update. Source: Leslie N. Smith, Cyclical Learning Rates for Training Neural Networks,
    https://arxiv.org/abs/1506.01186.
    """

    def schedule(step: int) -> float:
        cycle = math.floor(1 + step / (2 * step_size))
        height = max(0.0, 1 - abs(step / step_size - 2 * cycle + 1))
        scales = {"triangular": 1.0, "triangular2": 0.5 ** (cycle - 1), "exp_range": gamma**step}
        return float(base_lr + (max_lr - base_lr) * height * scales[mode])

    return schedule


class CyclicLR(Callback):
    """Sets the learning rate of ``cyclic_rate`` before every update."""

    def __init__(
        self,
        base_lr: float = 0.001,
        max_lr: float = 0.006,
        step_size: float = 2000.0,
        mode: str = "triangular",
        gamma: float = 1.0,
    ) -> None:
        self.schedule = cyclic_rate(base_lr, max_lr, step_size, mode, gamma)

    def set_rate(self) -> None:
        for group in self.state.optimizer.param_groups:
            group["lr"] = self.schedule(self.state.step)

    def on_train_begin(self) -> None:
        self.set_rate()

    def on_batch_end(self, batch: int, logs: Callable[[], dict[str, float]]) -> None:
        self.set_rate()
