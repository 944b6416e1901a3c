"""Learning rates by the number of updates done, as Keras' schedules compute them.

Each function returns the schedule itself: called with the updates done so far, from 0, it gives
the learning rate of the next one. Source: keras/src/optimizers/schedules/learning_rate_schedule.py.
Keras computes them in float32, these are in double precision; but where a quotient is rounded to a
whole number, it is Keras' own, for a hair below a whole number is another one.
"""

import bisect
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch


def rounded(value: float) -> float:
    """The nearest number of float32, Keras' default; of torch's default dtype if that is double."""
    return value if torch.get_default_dtype() == torch.float64 else float(np.float32(value))


def compiled_quotient(dividend: float, divisor: float) -> float:
    """``dividend / divisor`` as it is in a compiled training step of Keras'.

    XLA and TensorFlow's graphs multiply by a constant's reciprocal: ``98 / 98`` is less than 1.
    """
    return rounded(rounded(dividend) * rounded(1 / rounded(divisor)))


def exponential_decay(
    lr: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Callable[[int], float]:
    """``lr * decay_rate ** (step / decay_steps)``.

    ``staircase`` rounds the exponent down.
    """

    def schedule(step: int) -> float:
        passed = step / decay_steps
        if staircase:
            passed = math.floor(compiled_quotient(step, decay_steps))
        return float(lr * decay_rate**passed)

    return schedule


def piecewise_constant_decay(
    boundaries: Sequence[int], values: Sequence[float]
) -> Callable[[int], float]:
    """``values[0]`` up to and including step ``boundaries[0]``, then ``values[1]``, and so on.

    ``torch.optim.lr_scheduler.MultiStepLR`` changes one step earlier: at its milestones, not
    behind them.
    """
    return lambda step: values[bisect.bisect_left(boundaries, step)]


def polynomial_decay(
    lr: float,
    decay_steps: float,
    end_lr: float = 0.0001,
    power: float = 1.0,
    cycle: bool = False,
) -> Callable[[int], float]:
    """``(lr - end_lr) * (1 - step / decay_steps) ** power + end_lr``, then ``end_lr``.

    ``cycle``: the decay goes on. Where it would end, ``decay_steps`` is taken twice, then three
    times, and so on.
    """

    def schedule(step: int) -> float:
        if cycle:
            whole = decay_steps * max(1, math.ceil(compiled_quotient(step, decay_steps)))
            passed = step / whole
        else:
            passed = min(step, decay_steps) / decay_steps
        return float((lr - end_lr) * (1 - passed) ** power + end_lr)

    return schedule


def inverse_time_decay(
    lr: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Callable[[int], float]:
    """``lr / (1 + decay_rate * step / decay_steps)``.

    ``staircase`` rounds the quotient down.
    """

    def schedule(step: int) -> float:
        passed = step / decay_steps
        if staircase:
            passed = math.floor(compiled_quotient(step, decay_steps))
        return lr / (1 + decay_rate * passed)

    return schedule


def cosine_decay(
    lr: float,
    decay_steps: float,
    alpha: float = 0.0,
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> Callable[[int], float]:
    """Half a cosine from ``lr`` down to ``alpha * lr`` in ``decay_steps``, where it stays.

    ``torch.optim.lr_scheduler.CosineAnnealingLR`` rises again behind its end.

    ``warmup_target``: what the rate rises to first, from ``lr`` and on a line of ``warmup_steps``.
    The cosine starts there.
    """

    def schedule(step: int) -> float:
        start = lr
        if warmup_target is not None:
            if step < warmup_steps:
                return (warmup_target - lr) * (step / warmup_steps) + lr
            start, step = warmup_target, step - warmup_steps
        passed = min(step, decay_steps) / decay_steps
        return start * ((1 - alpha) * 0.5 * (1 + math.cos(math.pi * passed)) + alpha)

    return schedule


def cosine_decay_restarts(
    lr: float,
    first_decay_steps: float,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
) -> Callable[[int], float]:
    """Cosines from ``lr`` down to ``alpha * lr``, one after the other (SGDR).

    The first takes ``first_decay_steps``, each later one ``t_mul`` times as many as the one before
    it, and starts at ``m_mul`` times its height. Which one a step belongs to is a quotient of
    logarithms rounded down. At the very step of a restart it is exact for some ``t_mul`` and a hair
    less for others, which then restart one step late.
    """

    def schedule(step: int) -> float:
        passed, shares = step / first_decay_steps, compiled_quotient(step, first_decay_steps)
        if t_mul == 1:
            restarts = math.floor(shares)
            passed -= restarts
        else:
            grown = rounded(1 - rounded(shares * rounded(1 - rounded(t_mul))))
            restarts = math.floor(compiled_quotient(math.log(grown), math.log(rounded(t_mul))))
            before = (1 - t_mul**restarts) / (1 - t_mul)
            passed = (passed - before) / t_mul**restarts
        height = 0.5 * m_mul**restarts * (1 + math.cos(math.pi * passed))
        return float(lr * ((1 - alpha) * height + alpha))

    return schedule
