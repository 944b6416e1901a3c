from dataclasses import dataclass, replace
from typing import Any

from keras2torch.errors import ConfigError, quoted
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import conv_lstm, recurrence, recurrence_modules, recurrence_run
from keras2torch.layers.recurrence import CONV_LAYERS, Recurrence
from keras2torch.registry import example, layer

MERGE = {
    "concat": "torch.cat([{0}, {1}], dim={dim})",
    "sum": "{0} + {1}",
    "ave": "({0} + {1}) / 2",
    "mul": "{0} * {1}",
}


def _inner(kind: str, place: str = "layer", **options: Any) -> dict[str, Any]:
    return {place: {"class_name": kind, "config": {"units": 3, **options}}}


@layer(
    "Bidirectional",
    any_order=True,
    masks="own",
    examples=[
        example(_inner("LSTM", return_sequences=True), (5, 4), masked=True),
        example(_inner("LSTM", return_state=True), (5, 4), masked=True),
        example(
            _inner("GRU", return_sequences=True, return_state=True) | {"merge_mode": "ave"},
            (None, 4),
        ),
        example(
            _inner("LSTM", use_bias=False, recurrent_initializer="glorot_uniform")
            | {"merge_mode": "mul"},
            (5, 4),
            call={"initial_state": [(3,), (3,), (3,), (3,)]},
        ),
        example(
            _inner("GRU", return_state=True, return_sequences=True) | {"merge_mode": None},
            (5, 4),
            call={"initial_state": [(3,), (3,)]},
        ),
        example(_inner("SimpleRNN", dropout=0.2) | {"merge_mode": "sum"}, (5, 4)),
        example(
            _inner("LSTM", return_sequences=True, recurrent_activation="hard_sigmoid"),
            (5, 4),
            masked=True,
        ),
        example(
            _inner("LSTM", return_sequences=True, go_backwards=True)
            | _inner("LSTM", "backward_layer", return_sequences=True),
            (5, 4),
            masked=True,
        ),
        example(
            _inner("LSTM") | _inner("GRU", "backward_layer", go_backwards=True, units=2),
            (5, 4),
        ),
    ],
)
def bidirectional(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """One recurrence forwards and one backwards: a bidirectional module of PyTorch where both have
    the same options, two modules otherwise."""
    mode = step.config.raw("merge_mode", "concat")
    if mode is not None and mode not in MERGE:
        raise ConfigError(f"{step.where}: option 'merge_mode' can't be {quoted(mode)}")
    ahead, back = _directions(step)
    layer = ahead.layer
    if layer.cells[0].kind not in CONV_LAYERS:
        x = step.keras_order(x)
    if mode not in ("concat", None) and layer.units != back.layer.units:
        raise step.unsupported(f"merge_mode={mode!r} of directions with different units")
    if initial_state is not None and layer.states != back.layer.states:
        raise step.unsupported("an initial state for directions of different kinds")
    initial = recurrence.initial_tensors(step, initial_state, 2 * layer.states)
    heard = recurrence.heard(step, x, initial)
    make = _as_one if _one_module(ahead, back) else _as_two
    merged, states = make(step, ahead, back, heard, initial, mode)
    for direction in (ahead, back):
        recurrence.finish(direction.layer)
        direction.step.finish()
    outputs = merged if isinstance(merged, list) else [merged]
    if layer.return_sequences:
        outputs = [replace(output, mask=x.mask) for output in outputs]
    if layer.return_state:
        outputs = [*outputs, *states]
    return outputs if len(outputs) > 1 else outputs[0]


@dataclass(frozen=True)
class Direction:
    """One of the two layers: ``step`` reads its options and weights."""

    step: Step
    layer: Recurrence


def _directions(step: Step) -> tuple[Direction, Direction]:
    """Both layers' options, as Keras adjusts them."""
    raw = step.config.raw("layer")
    other = step.config.raw("backward_layer", None)
    found = []
    for name, values in (("forward", raw), ("backward", raw if other is None else other)):
        kind = values.get("class_name") if isinstance(values, dict) else None
        if kind not in recurrence.LAYERS:
            raise step.unsupported(f"a wrapped layer of class {quoted(kind)}")
        part = step.part(f"{name} layer", f"{name}_layer", values)
        layer = recurrence.read(part, kind)
        if name == "backward" and other is None:
            layer = replace(layer, go_backwards=True)
        # Keras sets this whatever the layer said.
        layer = replace(layer, repeat_output=not layer.return_sequences)
        found.append(Direction(part, layer))
    ahead, back = found
    for option, equal in (
        ("go_backwards", False),
        ("return_sequences", True),
        ("return_state", True),
        ("stateful", True),
    ):
        values = [getattr(direction.layer, option) for direction in found]
        if (values[0] == values[1]) != equal:
            wanted = "the same" if equal else "different"
            raise ConfigError(f"{step.where}: its layers must have {wanted} values of {option}")
    return ahead, back


def _one_module(ahead: Direction, back: Direction) -> bool:
    """Whether one bidirectional module of PyTorch computes both directions."""
    (cell, *others), layer = ahead.layer.cells, ahead.layer
    return (
        replace(back.layer, go_backwards=layer.go_backwards) == layer
        and not others
        and cell.in_torch
        and not cell.dropout
        and cell.step.trainable == back.layer.cells[0].step.trainable
        and not (layer.zeros_in_input_order or back.layer.zeros_in_input_order)
    )


def _as_one(
    step: Step, ahead: Direction, back: Direction, x: Tensor, given: list[Tensor], mode: str | None
) -> tuple[Any, list[Tensor]]:
    """Both directions in one module: the merged output, and all states."""
    layer, units, (cell,) = ahead.layer, ahead.layer.units, ahead.layer.cells
    size = recurrence.features(step, x)
    rnn = recurrence_modules.module(cell, size, bidirectional=True)
    recurrence_modules.load(cell, rnn, size, "_l0")
    recurrence_modules.load(back.layer.cells[0], rnn, size, "_l0_reverse")
    like = replace(x, shape=(x.shape[0], units), dtype=step.dtype, mask=None)
    x = step.floating(x, rnn, "weight_ih_l0")
    if layer.go_backwards:
        x = recurrence_run.flipped(step, x)
    half, names = cell.states, ("h", "c")[: cell.states]
    initial = [
        step.compute("torch.stack([{0}, {1}])", f, b, like=f, hint=name)
        for f, b, name in zip(given[:half], given[half:], names, strict=False)
    ]
    kept = recurrence_run.keeper(step, layer)
    shape = (*x.shape[:2], 2 * units)
    output, last = recurrence_run.run(
        step, layer, cell, rnn, x, initial, (step.name, *names), shape, kept
    )
    states = [
        step.compute(f"{{0}}[{place}]", s, like=like, hint=f"{name}_{s.hint}")
        for place, name in enumerate(("forward", "backward"))
        for s in last
    ]
    whole = replace(like, value=output, shape=shape)
    if not layer.return_sequences:
        if x.mask is None or not (initial or kept is not None):
            return _merged(step, mode, states[0], states[half]), states
        # A sequence of masked steps only puts out zeros, whatever its state.
        ends = (f"{{0}}[:, -1, :{units}]", f"{{0}}[:, 0, {units}:]")
        f, b = (
            step.compute(end, whole, like=like, hint=name)
            for end, name in zip(ends, ("forward", "backward"), strict=True)
        )
        return _merged(step, mode, f, b), states
    if mode == "concat":  # as PyTorch has them
        return whole, states
    values = step.unpack("{0}, {1}", ("forward", "backward"), "{0}.chunk(2, dim=-1)", whole)
    one = replace(whole, shape=(*whole.shape[:2], units))
    f, b = (replace(one, value=value) for value in values)
    return _merged(step, mode, f, b), states


def _as_two(
    step: Step, ahead: Direction, back: Direction, x: Tensor, given: list[Tensor], mode: str | None
) -> tuple[Any, list[Tensor]]:
    """A module for each direction: the merged output, and all states."""
    half = ahead.layer.states
    ends = zip((ahead, back), (given[:half], given[half:]), ("forward", "backward"), strict=True)
    (f, f_states), (b, b_states) = (
        (conv_lstm if one.layer.cells[0].kind in CONV_LAYERS else recurrence_run).direction(
            one.step, one.layer, x, initial, name
        )
        for one, initial, name in ends
    )
    if back.layer.return_sequences:
        b = step.compute("{0}.flip(1)", b, like=b, hint="backward")
    return _merged(step, mode, f, b), [*f_states, *b_states]


def _merged(step: Step, mode: str | None, ahead: Tensor, back: Tensor) -> Any:
    if mode is None:
        return [ahead, back]
    sizes = [ahead.shape[-1] or 0, back.shape[-1] or 0]
    width = sum(sizes) if mode == "concat" else sizes[0]
    dim = -1 if ahead.order is None else ahead.dim(-1)
    expression = MERGE[mode].replace("{dim}", str(dim))
    return step.compute(expression, ahead, back, like=ahead, shape=(*ahead.shape[:-1], width))
