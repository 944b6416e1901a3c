from dataclasses import dataclass, replace
from typing import Any

from keras2torch.errors import ConfigError, quoted
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import recurrence
from keras2torch.registry import example, layer

MERGE = {
    "concat": "torch.cat([{0}, {1}], dim=-1)",
    "sum": "{0} + {1}",
    "ave": "({0} + {1}) / 2",
    "mul": "{0} * {1}",
}


def _inner(kind: str, place: str = "layer", **options: Any) -> dict[str, Any]:
    return {place: {"class_name": kind, "config": {"units": 3, **options}}}


@layer(
    "Bidirectional",
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
    if ahead.step.trainable != back.step.trainable:
        raise step.unsupported("one direction that is frozen and one that trains")
    step.trainable = ahead.step.trainable  # of a wrapper's own flag Keras keeps nothing
    options = ahead.options
    if mode not in ("concat", None) and options.units != back.options.units:
        raise step.unsupported(f"merge_mode={mode!r} of directions with different units")
    if initial_state is not None and options.states != back.options.states:
        raise step.unsupported("an initial state for directions of different kinds")
    initial = recurrence.initial_tensors(step, initial_state, 2 * options.states)
    heard = recurrence.heard(step, x, initial)
    same = replace(back.options, go_backwards=options.go_backwards) == options
    make = _as_one if same and options.in_torch and not options.dropout else _as_two
    merged, states = make(step, ahead, back, heard, initial, mode)
    ahead.step.finish()
    back.step.finish()
    outputs = merged if isinstance(merged, list) else [merged]
    if options.return_sequences:
        outputs = [replace(output, mask=x.mask) for output in outputs]
    if options.return_state:
        outputs = [*outputs, *states]
    return outputs if len(outputs) > 1 else outputs[0]


@dataclass(frozen=True)
class Direction:
    """One of the two layers: ``step`` reads its options and weights."""

    step: Step
    options: recurrence.Recurrence


def _directions(step: Step) -> tuple[Direction, Direction]:
    """Both layers' options, as Keras adjusts them."""
    raw = step.config.raw("layer")
    other = step.config.raw("backward_layer", None)
    found = []
    for name, values in (("forward", raw), ("backward", raw if other is None else other)):
        kind = values.get("class_name") if isinstance(values, dict) else None
        if kind not in recurrence.GATES:
            raise step.unsupported(f"a wrapped layer of class {quoted(kind)}")
        part = step.part(f"{name} layer", f"{name}_layer", values)
        options = recurrence.read(part, kind)
        if name == "backward" and other is None:
            options = replace(options, go_backwards=True)
        # Keras sets this whatever the layer said.
        options = replace(options, repeat_output=not options.return_sequences)
        found.append(Direction(part, options))
    ahead, back = found
    for option, equal in (
        ("go_backwards", False),
        ("return_sequences", True),
        ("return_state", True),
    ):
        values = [getattr(direction.options, option) for direction in found]
        if (values[0] == values[1]) != equal:
            wanted = "the same" if equal else "different"
            raise ConfigError(f"{step.where}: its layers must have {wanted} values of {option}")
    return ahead, back


def _as_one(
    step: Step, ahead: Direction, back: Direction, x: Tensor, given: list[Tensor], mode: str | None
) -> tuple[Any, list[Tensor]]:
    """Both directions in one module: the merged output, and all states."""
    options, units = ahead.options, ahead.options.units
    size = recurrence.features(step, x)
    for direction in (ahead, back):
        recurrence.refuse_wrong_zeros(step, direction.options, x)
    rnn = recurrence.module(ahead.step, options, size, bidirectional=True)
    recurrence.load(ahead.step, options, rnn, size, "_l0")
    recurrence.load(back.step, back.options, rnn, size, "_l0_reverse")
    like = replace(x, shape=(x.shape[0], units), dtype=step.dtype, mask=None)
    x = step.floating(x, rnn, "weight_ih_l0")
    if options.go_backwards:
        x = recurrence.flipped(step, x)
    half, names = options.states, ("h", "c")[: options.states]
    initial = [
        step.compute("torch.stack([{0}, {1}])", f, b, like=f, hint=name)
        for f, b, name in zip(given[:half], given[half:], names, strict=False)
    ]
    output, last = recurrence.run(step, options, rnn, x, initial, (step.name, *names), 2 * units)
    states = [
        step.compute(f"{{0}}[{place}]", s, like=like, hint=f"{name}_{s.hint}")
        for place, name in enumerate(("forward", "backward"))
        for s in last
    ]
    whole = replace(like, value=output, shape=(*x.shape[:2], 2 * units))
    if not options.return_sequences:
        if x.mask is None or not initial:
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
    half = ahead.options.states
    f, f_states = recurrence.direction(ahead.step, ahead.options, x, given[:half], "forward")
    b, b_states = recurrence.direction(back.step, back.options, x, given[half:], "backward")
    if back.options.return_sequences:
        b = step.compute("{0}.flip(1)", b, like=b, hint="backward")
    return _merged(step, mode, f, b), [*f_states, *b_states]


def _merged(step: Step, mode: str | None, ahead: Tensor, back: Tensor) -> Any:
    if mode is None:
        return [ahead, back]
    sizes = [ahead.shape[-1] or 0, back.shape[-1] or 0]
    width = sum(sizes) if mode == "concat" else sizes[0]
    return step.compute(MERGE[mode], ahead, back, like=ahead, shape=(*ahead.shape[:-1], width))
