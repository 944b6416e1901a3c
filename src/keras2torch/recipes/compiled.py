"""What ``compile()`` got, as one description of the training.

Source: keras/src/trainers/compile_utils.py, which deals losses and metrics out to the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from keras2torch.errors import ConfigError, ModelError, UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.ir.dtypes import HALVES
from keras2torch.recipes.call import Call
from keras2torch.recipes.losses.call import LossCall
from keras2torch.recipes.metrics.named import NamedMetric, Output, named_metrics
from keras2torch.recipes.optimizer import Optimizer, optimizer_of
from keras2torch.recipes.table import call_of

MOST_SAID = 20  # problems that one error names


@dataclass(frozen=True)
class ModelOutput:
    """An output of the model: its key or that of its layer, the layer, its shape with the batch.

    ``activation`` is the last "sigmoid" or "softmax", if its logits can be had, ``inside`` that it
    is where they can't; ``masked`` says that Keras hands a mask on with it.
    """

    name: str
    layer: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"
    activation: str | None = None
    masked: bool = False
    inside: bool = False


@dataclass(frozen=True)
class OutputLoss:
    """The loss of one output: the function of outputs and targets and what makes one number of it.

    ``of_logits``: the function takes logits. ``mask`` is what the loss masks itself, an expression
    of ``values`` and ``targets``. ``weight`` is the loss' in the sum of all, if there is one.
    ``cast``: the outputs are of half precision, and Keras computes losses in float32.
    """

    function: Call
    of_logits: bool
    reduction: str
    mask: str | None = None
    weight: float | None = None
    cast: bool = False


@dataclass(frozen=True)
class OutputMetric(NamedMetric):
    """A metric; ``of_logits``: it takes the output's logits."""

    of_logits: bool = False


@dataclass(frozen=True)
class Training:
    """All that ``compile()`` says, in terms of PyTorch.

    ``losses`` has one per output, None for those without.
    """

    optimizer: Optimizer
    outputs: tuple[ModelOutput, ...]
    losses: tuple[OutputLoss | None, ...]
    metrics: tuple[OutputMetric, ...]
    backend: str

    def logits(self) -> set[int]:
        """The outputs whose logits are wanted."""
        losses = {place for place, loss in enumerate(self.losses) if loss and loss.of_logits}
        return losses | {metric.output for metric in self.metrics if metric.of_logits}

    def masked(self) -> list[int]:
        """The outputs whose masks are wanted."""
        used = {place for place, loss in enumerate(self.losses) if loss is not None}
        used |= {metric.output for metric in self.metrics}
        return [place for place in sorted(used) if self.outputs[place].masked]


@dataclass
class _Problems:
    found: list[ModelError] = field(default_factory=list)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Go on after a problem, so that all are told at once."""
        try:
            yield
        except ModelError as error:
            self.found.append(error)

    def finish(self) -> None:
        if self.found:
            said = list(dict.fromkeys(map(str, self.found)))
            more = [f"and {len(said) - MOST_SAID} more"] if len(said) > MOST_SAID else []
            raise type(self.found[0])("; ".join(said[:MOST_SAID] + more))


def training_of(
    compiled: Mapping[str, Any],
    outputs: Sequence[ModelOutput],
    backend: str,
    keys: Sequence[str] | None = None,
) -> Training:
    """The training that a compile config describes, on a model with these outputs.

    ``keys`` are those of a model that returns a dict of its outputs.

    Raises:
        ModelError: it can't be followed; of the first problem's class, naming all problems.
    """
    config = Config(compiled, "compile()")
    problems = _Problems()
    # How fast it runs, and not what is computed.
    config.ignore("run_eagerly", "jit_compile", "steps_per_execution", "auto_scale_loss")
    optimizer: Optimizer | None = None
    losses: list[OutputLoss | None] = []
    metrics: list[OutputMetric] = []
    with problems.collected():
        optimizer = _optimizer(config.raw("optimizer"), backend)
    given = config.raw("loss", None)
    weights = config.raw("loss_weights", None)
    dealt: list[Any] = [None] * len(outputs)
    with problems.collected():
        dealt, shares = _dealt(given, weights, outputs, keys)
        for output, loss, weight in zip(outputs, dealt, shares, strict=True):
            with problems.collected():
                losses.append(None if loss is None else _loss(loss, weight, output, backend))
    plain, weighted = config.raw("metrics", None), config.raw("weighted_metrics", None)
    with problems.collected():
        said = [Output(o.layer, o.shape, loss) for o, loss in zip(outputs, dealt, strict=True)]
        found = named_metrics(plain, weighted, said, backend, keys)
        _require_names_of_their_own(found, outputs)
        metrics = [_metric(metric, outputs[metric.output], backend) for metric in found]
    with problems.collected():
        config.finish()
    problems.finish()
    assert optimizer is not None
    return Training(optimizer, tuple(outputs), tuple(losses), tuple(metrics), backend)


def _require_names_of_their_own(
    metrics: Sequence[NamedMetric], outputs: Sequence[ModelOutput]
) -> None:
    """In Keras' logs such a metric takes the place of the loss, which stays what is minimised."""
    several = outputs if len(outputs) > 1 else ()
    losses = {"loss", *(f"{output.name}_loss" for output in several)}
    for metric in metrics:
        if metric.name in losses:
            raise UnsupportedError(
                f"metrics: one is called {quoted(metric.name)}, as a loss is in the logs: "
                "give it another name"
            )


def _optimizer(value: Any, backend: str) -> Optimizer:
    found = optimizer_of(value, "compile(), optimizer", backend)
    rate = found.learning_rate
    if isinstance(rate, float) and float(np.float32(rate)) == rate:
        # Keras keeps it in float32: what was 0.001 stands as 0.0010000000474974513 in the file.
        rate = float(str(np.float32(rate)))
    return replace(found, learning_rate=rate)


def _loss(value: Any, weight: float | None, output: ModelOutput, backend: str) -> OutputLoss:
    where = f"compile(), loss of output {quoted(output.name)}"
    if isinstance(value, str) and value.lower() in ("crossentropy", "ce"):
        if output.shape[-1] != 1:
            raise UnsupportedError(
                f"{where}: {quoted(value)} is sparse or not as the targets are, "
                "compile it with the loss' full name"
            )
        value = "binary_crossentropy"
    call = call_of("loss", value, where, backend)
    assert isinstance(call, LossCall)
    behind = None
    if output.inside and call.with_logits is not None:
        raise _unreachable(where)
    if output.activation is not None:
        behind = call.behind(output.activation, output.shape)
    function = Call(call.function, call.args, call.options) if behind is None else behind
    cast = output.dtype in HALVES
    return OutputLoss(function, behind is not None, call.reduction, call.mask, weight, cast)


def _unreachable(where: str) -> UnsupportedError:
    return UnsupportedError(
        f"{where}: Keras on TensorFlow takes it of logits, and the last activation is inside a "
        "nested model or has an activity_regularizer; give it a layer of its own, or take the "
        "backend jax, whose arithmetic is another"
    )


def _metric(found: NamedMetric, output: ModelOutput, backend: str) -> OutputMetric:
    """The metric, of the logits if Keras looks for them behind the output."""
    if output.inside and found.call.with_logits is not None:
        raise _unreachable(f"compile(), metric {quoted(found.name)}")
    if output.masked and backend == "jax" and found.call.takes_mask:
        raise UnsupportedError(
            f"compile(), metric {quoted(found.name)}: Keras on JAX counts what the output's mask "
            "hides while it trains, and not while it evaluates; take the backend tensorflow, or "
            "compile without this metric"
        )
    logits = None if output.activation is None else found.call.with_logits
    call = logits or found.call
    if output.masked and call.takes_mask:
        call = call.with_weights()
    return OutputMetric(
        found.name, found.output, found.weighted, call, found.keras, logits is not None
    )


def _dealt(
    losses: Any, weights: Any, outputs: Sequence[ModelOutput], keys: Sequence[str] | None
) -> tuple[list[Any], list[float | None]]:
    """The loss of each output as the file has it, and its weight."""
    names = [output.name for output in outputs]
    if len(set(names)) < len(names):
        raise UnsupportedError(
            f"compile(): two outputs are called {quoted(max(names, key=names.count))}, "
            "rename one of the layers"
        )
    if losses is None:
        raise UnsupportedError("compile(): no loss, there is nothing to train")
    if _is_object(losses):
        dealt = [losses] * len(names)
    else:
        dealt = _by_output(losses, names, keys is not None, "loss", _is_object)
    _refuse_alphabet(losses, weights, names, keys is not None)
    if not any(loss is not None for loss in dealt):
        raise UnsupportedError("compile(): no loss, there is nothing to train")
    if weights is None:
        return dealt, [None] * len(names)
    if len(names) == 1 and isinstance(weights, int | float):
        weights = [weights]
    shares = _by_output(weights, names, keys is not None, "loss_weights", _is_number)
    return dealt, [None if share is None else float(share) for share in shares]


def _refuse_alphabet(losses: Any, weights: Any, names: Sequence[str], keyed: bool) -> None:
    """Keras sorts names where a list meets them, and gives an output what is another's."""
    listed = isinstance(losses, list)
    sorts = (
        listed or isinstance(weights, list) if keyed else listed and isinstance(weights, Mapping)
    )
    if sorts and list(names) != sorted(names):
        raise UnsupportedError(
            "compile(): a list of losses or weights for outputs with names: Keras deals it out by "
            f"the alphabet, so that {quoted(names[0])} gets what is meant for "
            f"{quoted(min(names))}; compile it with names, or with lists, for all"
        )


def _by_output(
    value: Any, names: Sequence[str], keyed: bool, what: str, fits: Callable[[Any], bool]
) -> list[Any]:
    """A list or an object by output, in the order of the outputs."""
    wanted = f"a list or an object with one per output ({', '.join(map(quoted, names))})"
    if isinstance(value, list) and len(value) == len(names):
        found = value
    elif isinstance(value, Mapping) and (
        set(value) == set(names) or (keyed and set(value) <= set(names))
    ):
        found = [value.get(name) for name in names]
    else:
        raise ConfigError(f"compile(): {what} must be {wanted}, found {quoted(value)}")
    for part in found:
        if part is not None and not fits(part):
            raise ConfigError(f"compile(): {what} must be {wanted}, found {quoted(part)} in it")
    return found


def _is_object(value: Any) -> bool:
    """Whether this is one loss, rather than several."""
    return isinstance(value, str) or (isinstance(value, Mapping) and "class_name" in value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
