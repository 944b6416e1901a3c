"""Keras' initializers as statements of ``reset_parameters``.

Sources: keras/src/initializers/random_initializers.py and constant_initializers.py. Keras draws
its normal variance-scaling initializers from a normal distribution cut at two standard
deviations and widens it by 1/0.87962566103423978, so that the cut one has the wanted variance.
"""

from __future__ import annotations

import math

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.ir.literals import literal
from keras2torch.ir.weights import Weight
from keras2torch.readers.saved import Shape

HELPER = "scaled_normal_"  # of runtime/initialization.py
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


def reset(config: Config, option: str, weight: Weight, target: str) -> str:
    """The statement that starts ``target`` as Keras' initializer in ``option`` would.

    ``weight`` tells the shape that Keras initializes, from which it takes the fans.

    Raises:
        UnsupportedError: an initializer that is not Keras' own.
    """
    raw = config.raw(option)
    where = f"{config.where}, {option}"
    if raw is None:
        return f"nn.init.zeros_({target})"
    if not isinstance(raw, dict) or not isinstance(raw.get("config"), dict):
        raise UnsupportedError(f"{where}: an initializer in another notation: {quoted(raw)}")
    name = raw.get("class_name")
    options = Config(raw["config"], where)
    options.ignore("seed", "input_axes", "output_axes")
    statement = _statement(str(name), options, weight, target)
    options.finish()
    return statement


def _statement(name: str, options: Config, weight: Weight, target: str) -> str:
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
            gain = options.float("gain", 1.0)
            return f"nn.init.orthogonal_({target}{'' if gain == 1.0 else f', {literal(gain)}'})"
        case "Identity" | "IdentityInitializer" if weight.origin[:1] == weight.origin[1:]:
            options.require("gain", 1.0, 1.0)
            return f"nn.init.eye_({target})"
        case "VarianceScaling":
            modes = ("fan_in", "fan_out", "fan_avg")
            kinds = ("uniform", "truncated_normal", "untruncated_normal")
            scale = options.float("scale", 1.0)
            mode = options.choice("mode", modes, "fan_in")
            kind = options.choice("distribution", kinds, "truncated_normal")
            return _variance_scaling(scale, mode, kind, weight, target)
        case _ if name in VARIANCE_SCALING:
            return _variance_scaling(*VARIANCE_SCALING[name], weight, target)
    raise UnsupportedError(f"{options.where}: initializer {quoted(name)} has no port yet")


def _number(options: Config, key: str, default: float) -> str:
    return literal(options.float(key, default))


def _variance_scaling(scale: float, mode: str, kind: str, weight: Weight, target: str) -> str:
    if scale <= 0:
        raise UnsupportedError(f"a variance scale of {scale} has no meaning")
    fan = _fan(mode, *fans(weight.origin))
    same = _mode_in_torch(mode, fan, weight)
    if kind == "uniform" and same is not None:
        if (scale, same) == (1.0, "fan_avg"):
            return f"nn.init.xavier_uniform_({target})"
        if (scale, same) == (2.0, "fan_in"):
            return f'nn.init.kaiming_uniform_({target}, nonlinearity="relu")'
        if (scale, same) == (1.0, "fan_in"):
            return f'nn.init.kaiming_uniform_({target}, nonlinearity="linear")'
    if kind == "truncated_normal" and same is not None:
        return f'{HELPER}({target}, scale={literal(scale)}, mode="{same}")'
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


def fans(shape: Shape) -> tuple[float, float]:
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
