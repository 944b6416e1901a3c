"""Keras' BatchNormalization."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from keras2torch import initializers
from keras2torch.ir.config import Config
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.weights import Weight
from keras2torch.registry import example, layer

USUAL_START = {
    "gamma_initializer": "Ones",
    "beta_initializer": "Zeros",
    "moving_mean_initializer": "Zeros",
    "moving_variance_initializer": "Ones",
}

# In the order in which Keras makes them; the last three are those of renorm.
STATISTICS = {
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "moving_stddev": "running_std",
    "renorm_mean": "renorm_mean",
    "renorm_stddev": "renorm_std",
}


@layer(
    "BatchNormalization",
    any_order=True,
    masks="keeps",
    wide=True,
    arguments=("training", "mask"),
    examples=[
        example({}, (4,)),
        example({"momentum": 0.9, "epsilon": 1e-5}, (4, 3)),
        example({"center": False}, (3, 4, 2)),
        example({"scale": False, "axis": 1}, (3, 4, 2)),
        example({"center": False, "scale": False, "axis": 2}, (None, 4)),
        example({"axis": -2}, (3, 2, 4, 2)),
        example({"trainable": False}, (5, 3)),
        example({"beta_initializer": "ones", "gamma_initializer": "he_normal"}, (3,)),
        example({"moving_mean_initializer": "ones", "moving_variance_initializer": "zeros"}, (3,)),
        example({}, (6, 3), masked=True),
        example({"axis": 1, "scale": False}, (6, 3), masked=True),
        example({"gamma_regularizer": "l2"}, (5,)),
        example({"renorm": True, "renorm_clipping": {"rmax": 2.0, "dmax": 3.0}}, (4, 3)),
        example({}, (4, 2, 3), call={"mask": (4, 2)}),
        example({"axis": 1}, (3,), call={"mask": ()}),
    ],
)
def batch_normalization(step: Step, x: Tensor) -> Tensor:
    """The emitted class ``BatchNorm``, on whichever dimension the axis lies; never a permute.
    Called more than once, it may update its statistics in another order in training (noted).

    After a Flatten of channels-first memory the weights are reordered, as Dense does.
    """
    config = step.config
    axis = config.int("axis", -1)
    if not -x.rank <= axis < x.rank or x.rank < 2 or axis % x.rank == 0:
        raise step.unsupported(f"axis {axis} of an input of shape {x.shape}")
    features = x.shape[axis]
    if features is None:
        raise step.unsupported(f"axis {axis} of unknown size")
    if config.bool("synchronized", False):
        step.note("its statistics are those of one process, not synchronized between several")
    if x.mask is not None and x.order not in (None, x.channels_first):
        x = step.keras_order(x)
    if (step.name, "") in step.modules and step.trainable:
        step.note("is called more than once: its statistics may be updated in another order")
    norm = _module(step, x, features)
    _load(step, norm, features, x)
    x = step.floating(x, norm, "running_mean")
    if x.mask is None:
        return step.compute("{0}({1})", norm, x, like=x)
    channels = 1 if x.dim(-1) == 1 else -1
    return step.compute(f"{{0}}({{1}}, {{2}}.unsqueeze({channels}))", norm, x, x.mask, like=x)


def _module(step: Step, x: Tensor, features: int) -> Module:
    config = step.config
    dim = x.dim(config.int("axis", -1))
    # In decimal, so that 0.99 becomes 0.01 and not 0.010000000000000009.
    momentum = float(1 - Decimal(repr(config.float("momentum", 0.99))))
    options: dict[str, Any] = {"eps": config.float("epsilon", 1e-3), "momentum": momentum}
    if dim != 1:
        options["dim"] = -1 if dim == x.rank - 1 else dim
    if not config.bool("scale", True):
        options["weight"] = False
    if not config.bool("center", True):
        options["bias"] = False
    if not step.trainable:
        options["frozen"] = True
    kind = "BatchNorm" if x.mask is None else "MaskedBatchNorm"
    if config.bool("renorm", False):
        kind, options = "RenormBatchNorm", options | _renorm(step)
    else:
        config.ignore("renorm_clipping", "renorm_momentum")  # they do nothing
    return step.module(step.helper(kind), features, **options)


def _renorm(step: Step) -> dict[str, Any]:
    """The options of batch renormalization."""
    momentum = float(1 - Decimal(repr(step.config.float("renorm_momentum", 0.99))))
    found = {"renorm_momentum": momentum}
    clipping = Config(step.config.raw("renorm_clipping", None) or {}, f"{step.where}, clipping")
    for key in ("rmin", "rmax", "dmax"):
        limit = clipping.float_or_none(key)
        if limit is not None:
            found[key] = limit
    clipping.finish()
    return found


def _load(step: Step, norm: Module, features: int, x: Tensor) -> None:
    """Take the weights, and say how they start where it is not as ``reset_parameters`` does."""
    config = step.config
    first = not norm.buffers
    if first and step.trainable:
        norm.reset.append("{0}.reset_parameters()")
    for option, name, key, start in (
        ("scale", "gamma", "weight", "gamma_initializer"),
        ("center", "beta", "bias", "beta_initializer"),
    ):
        if config.bool(option, True):
            usual = _is_usual(step, start)
            weight = _take(step, name, features, x)
            step.parameter(norm, key, weight, None if usual else start)
        else:
            config.ignore(start)
    renorm = config.bool("renorm", False)
    for name, key in STATISTICS.items():
        if key not in ("running_mean", "running_var") and not renorm:
            continue
        statistic = _take(step, name, features, x)
        start = f"{name}_initializer"
        if start in USUAL_START and not _is_usual(step, start) and first and step.trainable:
            if renorm:  # its deviations start as the root of the variance's start
                raise step.unsupported(f"renorm with {start}")
            norm.reset.append(initializers.reset(config, start, statistic, f"{{0}}.{key}"))
        known = norm.buffers.setdefault(key, statistic)
        if not first and (x.flat is not None or known.how != statistic.how):
            raise step.unsupported("being called on several inputs, one a flattened image,")


def _take(step: Step, name: str, features: int, x: Tensor) -> Weight:
    """The next weight, in the order in which the input lies in memory."""
    weight = step.weights.take(name, (features,))
    if x.flat is None:
        return weight
    return weight.reshape(1, features).reorder_columns(*x.flat).reshape(features)


def _is_usual(step: Step, option: str) -> bool:
    """Whether an initializer is Keras' default, which the emitted class has built in."""
    value = step.config.raw(option, None)
    return isinstance(value, dict) and value.get("class_name") == USUAL_START[option]
