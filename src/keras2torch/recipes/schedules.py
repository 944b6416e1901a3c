"""Keras' learning-rate schedules.

Source: keras/src/optimizers/schedules/learning_rate_schedule.py.
"""

from __future__ import annotations

from itertools import pairwise

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.defaults import without_defaults
from keras2torch.recipes.table import recipe

MOST_PIECES = 10_000
MOST_STEPS = 2**63


def _start(config: Config) -> float:
    """The first learning rate. It decides what Keras computes in: of a whole number in whole
    numbers, in which all rates of decay become 0."""
    value = config.raw("initial_learning_rate")
    if type(value) is int:
        raise UnsupportedError(
            f"{config.where}: initial_learning_rate={value}, a whole number, makes Keras compute "
            f"the schedule in whole numbers; write {float(value)}"
        )
    return config.float("initial_learning_rate")


def _steps(config: Config, key: str) -> float:
    """A number of steps, which need not be whole."""
    value = config.raw(key)
    if type(value) not in (int, float) or not 0 < value < MOST_STEPS:
        raise config.wrong(key, "a number above 0", value)
    return value  # type: ignore[no-any-return]


def _rate_of_decay(config: Config, staircase: bool) -> float:
    rate = config.float("decay_rate")
    if rate < 0 and not staircase:
        raise UnsupportedError(f"{config.where}: powers of decay_rate={rate} are no numbers")
    return rate


@recipe(
    "schedule",
    "ExponentialDecay",
    examples=[
        {"initial_learning_rate": 0.1, "decay_steps": 70, "decay_rate": 0.9},
        {"initial_learning_rate": 0.01, "decay_steps": 33.5, "decay_rate": 0.5, "staircase": True},
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": -0.9, "staircase": True},
        {"initial_learning_rate": 0.1, "decay_steps": 98, "decay_rate": 0.5, "staircase": True},
        {"initial_learning_rate": 0.1, "decay_steps": 41, "decay_rate": 0.7, "staircase": True},
        {"initial_learning_rate": 1e-3, "decay_steps": 1000, "decay_rate": 96, "name": "e"},
    ],
)
def exponential(config: Config, backend: str) -> Call:
    config.ignore("name")
    staircase = config.bool("staircase", False)
    options = {
        "lr": _start(config),
        "decay_steps": _steps(config, "decay_steps"),
        "decay_rate": _rate_of_decay(config, staircase),
        "staircase": staircase,
    }
    return Call("exponential_decay", options=without_defaults(options, staircase=False))


@recipe(
    "schedule",
    "InverseTimeDecay",
    examples=[
        {"initial_learning_rate": 0.1, "decay_steps": 70, "decay_rate": 0.9},
        {"initial_learning_rate": 0.1, "decay_steps": 33, "decay_rate": 5, "staircase": True},
        {"initial_learning_rate": 0.1, "decay_steps": 49, "decay_rate": 0.5, "staircase": True},
    ],
)
def inverse_time(config: Config, backend: str) -> Call:
    config.ignore("name")
    options = {
        "lr": _start(config),
        "decay_steps": _steps(config, "decay_steps"),
        "decay_rate": config.float("decay_rate"),
        "staircase": config.bool("staircase", False),
    }
    if options["decay_rate"] < 0:
        raise UnsupportedError(f"{config.where}: decay_rate below 0, which divides by 0 in time")
    return Call("inverse_time_decay", options=without_defaults(options, staircase=False))


@recipe(
    "schedule",
    "PiecewiseConstantDecay",
    examples=[
        {"boundaries": [100, 110, 500], "values": [0.1, 0.05, 0.01, 0.001]},
        {"boundaries": [300.7, 800.2], "values": [0.1, 1.0, 0.5], "name": "pieces"},
        {"boundaries": [0], "values": [0.5, 0.25]},
        {"boundaries": [7, 7, 20], "values": [1.0, 2.0, 3.0, 4.0]},
        {"boundaries": [7], "values": [1, 2]},
    ],
)
def piecewise_constant(config: Config, backend: str) -> Call:
    config.ignore("name")
    values = _numbers(config, "values")
    # Keras cuts boundaries off where they are no whole numbers: steps are.
    boundaries = [int(boundary) for boundary in _numbers(config, "boundaries")]
    if not boundaries or len(values) != len(boundaries) + 1:
        raise ConfigError(f"{config.where}: there must be boundaries, and one value more")
    if any(later < earlier for earlier, later in pairwise(boundaries)):
        raise UnsupportedError(f"{config.where}: boundaries that don't rise")
    return Call("piecewise_constant_decay", (boundaries, [float(value) for value in values]))


def _numbers(config: Config, key: str) -> list[float]:
    value = config.raw(key)
    known = isinstance(value, list) and all(type(part) in (int, float) for part in value)
    if not known or len(value) > MOST_PIECES:
        raise config.wrong(key, f"a list of numbers, {MOST_PIECES} at most", quoted(value))
    return list(value)


@recipe(
    "schedule",
    "PolynomialDecay",
    examples=[
        {"initial_learning_rate": 0.1, "decay_steps": 700},
        {"initial_learning_rate": 0.1, "decay_steps": 300.5, "end_learning_rate": 0.01, "power": 2},
        {"initial_learning_rate": 0.1, "decay_steps": 300, "power": 0.5, "cycle": True},
        {"initial_learning_rate": 0.1, "decay_steps": 33.3, "cycle": True},
        {"initial_learning_rate": 0.1, "decay_steps": 41, "cycle": True},
        {"initial_learning_rate": 0.1, "decay_steps": 90, "end_learning_rate": 0, "power": 0},
    ],
)
def polynomial(config: Config, backend: str) -> Call:
    config.ignore("name")
    options = {
        "lr": _start(config),
        "decay_steps": _steps(config, "decay_steps"),
        "end_lr": config.float("end_learning_rate", 0.0001),
        "power": config.float("power", 1.0),
        "cycle": config.bool("cycle", False),
    }
    if options["power"] < 0:
        raise UnsupportedError(f"{config.where}: power below 0, which ends in an infinite rate")
    return Call("polynomial_decay", options=without_defaults(options, power=1.0, cycle=False))


@recipe(
    "schedule",
    "CosineDecay",
    examples=[
        {"initial_learning_rate": 0.1, "decay_steps": 700},
        {"initial_learning_rate": 0.1, "decay_steps": 350.5, "alpha": 0.1},
        {
            "initial_learning_rate": 0.0,
            "decay_steps": 500,
            "warmup_target": 0.1,
            "warmup_steps": 100,
        },
        {"initial_learning_rate": 0.01, "decay_steps": 500, "alpha": 1, "warmup_target": 0.1},
        {"initial_learning_rate": 0.01, "decay_steps": 500, "warmup_steps": 50},
    ],
)
def cosine(config: Config, backend: str) -> Call:
    config.ignore("name")
    options = {
        "lr": _start(config),
        "decay_steps": _steps(config, "decay_steps"),
        "alpha": config.float("alpha", 0.0),
        "warmup_target": config.float_or_none("warmup_target"),
        "warmup_steps": config.int("warmup_steps", 0, low=0),
    }
    if options["warmup_target"] is None:
        options["warmup_steps"] = 0  # Keras looks at it with a target only
    defaults = {"alpha": 0.0, "warmup_target": None, "warmup_steps": 0}
    return Call("cosine_decay", options=without_defaults(options, **defaults))


@recipe(
    "schedule",
    "CosineDecayRestarts",
    examples=[
        {"initial_learning_rate": 0.1, "first_decay_steps": 70},
        {"initial_learning_rate": 0.1, "first_decay_steps": 33, "t_mul": 1, "m_mul": 0.9},
        {"initial_learning_rate": 0.1, "first_decay_steps": 100, "t_mul": 1.5, "alpha": 0.1},
        {"initial_learning_rate": 0.1, "first_decay_steps": 7, "t_mul": 3.0, "m_mul": 1.1},
        {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.25},
        {"initial_learning_rate": 0.1, "first_decay_steps": 7, "t_mul": 10},
        {"initial_learning_rate": 0.1, "first_decay_steps": 41, "t_mul": 1},
    ],
)
def cosine_restarts(config: Config, backend: str) -> Call:
    config.ignore("name")
    options = {
        "lr": _start(config),
        "first_decay_steps": _steps(config, "first_decay_steps"),
        "t_mul": config.float("t_mul", 2.0),
        "m_mul": config.float("m_mul", 1.0),
        "alpha": config.float("alpha", 0.0),
    }
    if options["t_mul"] < 1:
        raise UnsupportedError(f"{config.where}: t_mul below 1, which ends in no number in time")
    defaults = {"t_mul": 2.0, "m_mul": 1.0, "alpha": 0.0}
    return Call("cosine_decay_restarts", options=without_defaults(options, **defaults))
