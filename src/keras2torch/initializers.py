"""Keras' initializers as statements of ``reset_parameters``.

Sources: keras/src/initializers/random_initializers.py and constant_initializers.py. Keras draws
its normal variance-scaling initializers from a normal distribution cut at two standard
deviations and widens it by 1/0.87962566103423978, so that the cut one has the wanted variance.
"""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.ir.literals import literal
from keras2torch.ir.weights import Weight
from keras2torch.readers.saved import Shape

# Of runtime/initialization.py.
SCALED_NORMAL, ORTHOGONAL = HELPERS = ("scaled_normal_", "keras_orthogonal_")
MOST_AXES = 5  # whose orders are tried
CUT_NORMAL_STD = 0.87962566103423978
# class name: (scale, mode, distribution)
VARIANCE_SCALING = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
}


def reset(
    config: Config,
    option: str,
    weight: Weight,
    target: str,
    fans: tuple[float, float] | None = None,
) -> str:
    """The statement that starts ``target`` as Keras' initializer in ``option`` would.

    ``weight`` tells the shape that Keras initializes; ``fans`` are the numbers of inputs and
    outputs where Keras does not take them from it.

    Raises:
        UnsupportedError: an initializer that is not Keras' own, or has no exact port here.
    """
    raw = config.raw(option)
    where = f"{config.where}, {option}"
    if raw is None:
        return f"nn.init.zeros_({target})"
    if not isinstance(raw, dict) or not isinstance(raw.get("config"), dict):
        raise UnsupportedError(f"{where}: an initializer in another notation: {quoted(raw)}")
    name = raw.get("class_name")
    options = Config(raw["config"], where)
    options.ignore("seed")
    axes = [options.raw(key, None) for key in ("input_axes", "output_axes")]
    if None not in axes:
        fans = _product(options, "input_axes", weight), _product(options, "output_axes", weight)
    statement = _statement(str(name), options, weight, target, fans or fans_of(weight.origin))
    options.finish()
    return statement


def _product(options: Config, key: str, weight: Weight) -> float:
    """The size of these axes of Keras' variable."""
    axes, shape = options.raw(key), weight.origin
    if not isinstance(axes, list) or any(
        type(axis) is not int or not -len(shape) <= axis < len(shape) for axis in axes
    ):
        raise options.wrong(key, f"axes of a variable of shape {shape}", axes)
    return float(math.prod(shape[axis] for axis in axes))


def _statement(
    name: str, options: Config, weight: Weight, target: str, fans: tuple[float, float]
) -> str:
    match name:
        case "Zeros":
            return f"nn.init.zeros_({target})"
        case "Ones":
            return f"nn.init.ones_({target})"
        case "Constant":
            return f"nn.init.constant_({target}, {_number(options, 'value', 0.0)})"
        case "RandomUniform":
            low, high = _number(options, "minval", -0.05), _number(options, "maxval", 0.05)
            return f"nn.init.uniform_({target}, {low}, {high})"
        case "RandomNormal":
            mean, std = _number(options, "mean", 0.0), _number(options, "stddev", 0.05)
            return f"nn.init.normal_({target}, {mean}, {std})"
        case "TruncatedNormal":
            return _truncated(target, options.float("mean", 0.0), options.float("stddev", 0.05))
        case "Orthogonal" | "OrthogonalInitializer":
            return _orthogonal(options, weight, target)
        case "Identity" | "IdentityInitializer":
            gain = options.float("gain", 1.0)
            if len(weight.origin) != 2 or not _is_eye(weight):
                raise UnsupportedError(f"{options.where}: an identity that is none in PyTorch")
            scaled = "" if gain == 1.0 else f".data.mul_({literal(gain)})"
            return f"nn.init.eye_({target}){scaled}"
        case "VarianceScaling":
            modes = ("fan_in", "fan_out", "fan_avg")
            kinds = ("uniform", "truncated_normal", "normal", "untruncated_normal")
            scale = options.float("scale", 1.0)
            mode = options.choice("mode", modes, "fan_in")
            kind = options.choice("distribution", kinds, "truncated_normal")
            kind = "truncated_normal" if kind == "normal" else kind
            return _variance_scaling(scale, mode, kind, weight, target, fans)
        case _ if name in VARIANCE_SCALING:
            return _variance_scaling(*VARIANCE_SCALING[name], weight, target, fans)
    raise UnsupportedError(f"{options.where}: initializer {quoted(name)} has no port yet")


def _number(options: Config, key: str, default: float) -> str:
    return literal(options.float(key, default))


def _orthogonal(options: Config, weight: Weight, target: str) -> str:
    """Keras makes a matrix of all axes but the last, and the last; PyTorch of the first, and all
    others. Where these are not the same, Keras' matrix is put where it belongs."""
    gain = options.float("gain", 1.0)
    rank = len(weight.origin)
    if rank < 2:
        raise ConfigError(f"{options.where}: an orthogonal variable of shape {weight.origin}")
    scaled = "" if gain == 1.0 else f", {literal(gain)}"
    whole = weight.moved and weight.size == math.prod(weight.origin)
    if whole and (rank == 2 or _last_axis_is_first(weight)):
        return f"nn.init.orthogonal_({target}{scaled})"
    numbers = np.arange(math.prod(weight.origin)).reshape(weight.origin)
    placed = weight.with_values(lambda: numbers, numbers.dtype).array()
    for axes in permutations(range(rank)) if rank <= MOST_AXES else ():
        if np.array_equal(numbers.transpose(axes).reshape(-1), placed.reshape(-1)):
            said = f"{literal(weight.origin)}, {literal(axes)}"
            return f"{ORTHOGONAL}({target}, {said}{scaled})"
    raise UnsupportedError(f"{options.where}: an orthogonal start of what was {weight.how}")


def _last_axis_is_first(weight: Weight) -> bool:
    """Whether the last axis of Keras' variable is the first in PyTorch."""
    last = np.broadcast_to(np.arange(weight.origin[-1]), weight.origin)
    placed = weight.with_values(lambda: last, last.dtype).array()
    rows = placed.reshape(len(placed), -1)
    return len(rows) == weight.origin[-1] and bool((rows == rows[:, :1]).all())


def _is_eye(weight: Weight) -> bool:
    """Whether Keras' identity is one in PyTorch too."""
    eye = np.eye(*weight.origin, dtype=np.int8)
    made = weight.with_values(lambda: eye, eye.dtype).array()
    return made.ndim == 2 and np.array_equal(made, np.eye(*made.shape))


def _variance_scaling(
    scale: float, mode: str, kind: str, weight: Weight, target: str, fans: tuple[float, float]
) -> str:
    if scale <= 0:
        raise UnsupportedError(f"a variance scale of {scale} has no meaning")
    fan = _fan(mode, *fans)
    same = _mode_in_torch(mode, fan, weight)
    if kind == "uniform" and same is not None:
        if (scale, same) == (1.0, "fan_avg"):
            return f"nn.init.xavier_uniform_({target})"
        if (scale, same) == (2.0, "fan_in"):
            return f'nn.init.kaiming_uniform_({target}, nonlinearity="relu")'
        if (scale, same) == (1.0, "fan_in"):
            return f'nn.init.kaiming_uniform_({target}, nonlinearity="linear")'
    if kind == "truncated_normal" and same is not None:
        return f'{SCALED_NORMAL}({target}, scale={literal(scale)}, mode="{same}")'
    variance = scale / max(1.0, fan)
    if kind == "uniform":
        limit = math.sqrt(3 * variance)
        return f"nn.init.uniform_({target}, {literal(-limit)}, {literal(limit)})"
    if kind == "untruncated_normal":
        return f"nn.init.normal_({target}, 0.0, {literal(math.sqrt(variance))})"
    return _truncated(target, 0.0, math.sqrt(variance) / CUT_NORMAL_STD)


def _fan(mode: str, fan_in: float, fan_out: float) -> float:
    return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]


def _mode_in_torch(mode: str, fan: float, weight: Weight) -> str | None:
    """The mode by which ``nn.init`` comes to the same fan, if there is one: of a depthwise kernel
    in and out are swapped."""
    in_torch = fans_in_torch(weight.shape)
    if in_torch is None:
        return None
    other = {"fan_in": "fan_out", "fan_out": "fan_in", "fan_avg": "fan_avg"}[mode]
    return next((name for name in (mode, other) if _fan(name, *in_torch) == fan), None)


def _truncated(target: str, mean: float, std: float) -> str:
    """PyTorch's limits are absolute, Keras cuts at two standard deviations."""
    if std == 0:
        return f"nn.init.constant_({target}, {literal(mean)})"
    low, high = mean - 2 * std, mean + 2 * std
    numbers = ", ".join(literal(number) for number in (mean, std, low, high))
    return f"nn.init.trunc_normal_({target}, {numbers})"


def fans_of(shape: Shape) -> tuple[float, float]:
    """Keras' fans of a kernel: its last two axes are in and out, the others the window."""
    if len(shape) < 2:
        size = float(math.prod(shape))
        return size, size
    window = math.prod(shape[:-2])
    return float(shape[-2] * window), float(shape[-1] * window)


def fans_in_torch(shape: Shape) -> tuple[float, float] | None:
    """The fans that ``nn.init`` takes from a weight: (out, in, window...)."""
    if len(shape) < 2:
        return None
    window = math.prod(shape[2:])
    return float(shape[1] * window), float(shape[0] * window)
