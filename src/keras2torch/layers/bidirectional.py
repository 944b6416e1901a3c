from dataclasses import replace
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


def _inner(kind: str, **options: Any) -> dict[str, Any]:
    return {"layer": {"class_name": kind, "config": {"units": 3, **options}}}


@layer(
    "Bidirectional",
    examples=[
        example(_inner("LSTM", return_sequences=True), (5, 4)),
        example(_inner("LSTM"), (5, 4), masked=True),
        example(_inner("LSTM", return_sequences=True), (5, 4), masked=True),
        example(_inner("GRU", return_sequences=True, return_state=True), (None, 4)),
        example(_inner("LSTM", return_state=True), (5, 4), masked=True),
        example(_inner("SimpleRNN") | {"merge_mode": "sum"}, (5, 4)),
        example(_inner("GRU", return_sequences=True) | {"merge_mode": "ave"}, (5, 4)),
        example(_inner("LSTM") | {"merge_mode": "mul"}, (5, 4)),
        example(_inner("LSTM", return_sequences=True) | {"merge_mode": None}, (5, 4)),
        example(
            _inner("GRU", return_state=True) | {"merge_mode": None},
            (5, 4),
            call={"initial_state": [(3,), (3,)]},
        ),
        example(
            _inner("LSTM", use_bias=False, recurrent_initializer="glorot_uniform"),
            (5, 4),
            call={"initial_state": [(3,), (3,), (3,), (3,)]},
        ),
    ],
)
def bidirectional(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """One recurrence forwards and one backwards, as one bidirectional module of PyTorch."""
    raw = step.config.raw("layer")
    kind = raw.get("class_name") if isinstance(raw, dict) else None
    if kind not in recurrence.GATES:
        raise step.unsupported(f"a wrapped layer of class {quoted(kind)}")
    mode = step.config.raw("merge_mode", "concat")
    if mode is not None and mode not in MERGE:
        raise ConfigError(f"{step.where}: option 'merge_mode' can't be {quoted(mode)}")
    forward = step.part("forward layer", "forward_layer", raw)
    ahead = recurrence.read(forward, kind)
    back_raw = step.config.raw("backward_layer", None)
    backward = step.part("backward layer", "backward_layer", raw if back_raw is None else back_raw)
    back = recurrence.read(backward, kind)
    if back_raw is None:
        back = replace(back, go_backwards=not back.go_backwards)
    if ahead.go_backwards or back != replace(ahead, go_backwards=True):
        raise step.unsupported("a backward layer with other options than the forward layer")
    size = x.shape[-1]
    if size is None or x.rank != 3:
        raise step.unsupported(f"an input of shape {x.shape}")
    rnn = recurrence.module(step, ahead, size, bidirectional=True)
    recurrence.load(forward, ahead, rnn, size, "l0")
    recurrence.load(backward, back, rnn, size, "l0_reverse")
    forward.finish()
    backward.finish()

    x = step.floating(x, rnn, "weight_ih_l0")
    given = recurrence.initial_tensors(step, initial_state)
    half = len(given) // 2
    initial = [
        step.compute("torch.stack([{0}, {1}])", f, b, like=f, hint=name)
        for f, b, name in zip(given[:half], given[half:], ("h", "c"), strict=False)
    ]
    output, states = recurrence.run(step, ahead, rnn, x, initial, 2 * ahead.units)
    state = replace(x, shape=(x.shape[0], ahead.units), dtype="float32", mask=None)
    last = [
        step.compute(f"{{0}}[{direction}]", s, like=state, hint=f"{name}_{s.hint}")
        for direction, name in enumerate(("forward", "backward"))
        for s in states
    ]
    if ahead.return_sequences:
        whole = replace(x, value=output, shape=(*x.shape[:2], 2 * ahead.units))
        merged = _merged_sequence(step, whole, mode, ahead.units)
    else:
        merged = _merged(step, mode, last[0], last[len(states)])
    if not ahead.return_state:
        return merged
    return [*merged, *last] if isinstance(merged, list) else [merged, *last]


def _merged_sequence(step: Step, whole: Tensor, mode: str | None, units: int) -> Any:
    """PyTorch returns both directions side by side, which is Keras' ``concat``."""
    if mode == "concat":
        return whole
    ahead, back = step.unpack(
        "{0}, {1}", ("forward", "backward"), "{0}.chunk(2, dim=-1)", whole
    )
    one = replace(whole, shape=(*whole.shape[:2], units))
    return _merged(step, mode, replace(one, value=ahead), replace(one, value=back))


def _merged(step: Step, mode: str | None, ahead: Tensor, back: Tensor) -> Any:
    if mode is None:
        return [ahead, back]
    units = ahead.shape[-1]
    width = 2 * units if mode == "concat" and units is not None else units
    return step.compute(MERGE[mode], ahead, back, like=ahead, shape=(*ahead.shape[:-1], width))
