"""What Keras' recurrent layers do and ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN`` alone don't."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def reset_lstm(lstm: nn.LSTM | nn.LSTMCell) -> None:
    """Start as Keras' LSTM: one bias, with 1 for the forget gate.

    PyTorch's second bias stays 0 and does not train.
    """
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        elif name.startswith("bias_ih"):
            nn.init.zeros_(parameter)
            nn.init.ones_(parameter.data[lstm.hidden_size : 2 * lstm.hidden_size])
        else:
            nn.init.zeros_(parameter.requires_grad_(False))


def reset_gru(gru: nn.GRU | nn.GRUCell) -> None:
    """Start as Keras' GRU, which has PyTorch's two biases."""
    for name, parameter in gru.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        else:
            nn.init.zeros_(parameter)


def reset_rnn(rnn: nn.RNN | nn.RNNCell) -> None:
    """Start as Keras' SimpleRNN. PyTorch's second bias stays 0 and does not train."""
    for name, parameter in rnn.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        elif name.startswith("bias_ih"):
            nn.init.zeros_(parameter)
        else:
            nn.init.zeros_(parameter.requires_grad_(False))


def run_masked(
    rnn: Callable[..., Any],
    x: Tensor,
    mask: Tensor,
    state: Any = None,
    *,
    repeat_output: bool = True,
) -> tuple[Tensor, Any]:
    """Run a recurrence over the steps that the mask counts, as Keras does.

    A masked step leaves the state alone; its output is that of the step before it (in
    the direction of the run), or zeros without ``repeat_output``. The counted steps are
    moved to the front, run packed, and moved back, so any mask will do.

    x: (batch, time, features), mask: (batch, time); returns what ``rnn`` returns.
    """
    batch, time = mask.shape
    mask = mask.bool()
    lengths = mask.sum(1)
    order = mask.logical_not().int().argsort(dim=1, stable=True)  # counted steps first
    front = x.gather(1, order.unsqueeze(-1).expand_as(x))
    # Packing refuses empty sequences: they run one step, which is undone below.
    packed = pack_padded_sequence(
        front, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
    )
    output, last = rnn(packed, state)
    output, _ = pad_packed_sequence(output, batch_first=True, total_length=time)

    count = mask.cumsum(1)
    before = count - 1 if repeat_output else torch.where(mask, count - 1, -1)
    after = count - mask.int()
    after = torch.where(after < lengths.unsqueeze(1), after, -1)
    if not repeat_output:
        after = before
    finals = last if isinstance(last, tuple) else (last,)
    sources = [before, after][: len(finals[0])]  # there is a state for each direction
    parts = []
    for part, source in zip(output.chunk(len(sources), dim=-1), sources, strict=True):
        index = source.clamp(min=0).unsqueeze(-1).expand_as(part)
        parts.append(part.gather(1, index) * (source >= 0).unsqueeze(-1))

    empty = (lengths == 0).reshape(1, batch, 1)
    if state is None:
        state = tuple(torch.zeros_like(final) for final in finals)
    starts = state if isinstance(state, tuple) else (state,)
    kept = tuple(torch.where(empty, s, f) for f, s in zip(finals, starts, strict=True))
    return torch.cat(parts, dim=-1), kept if isinstance(last, tuple) else kept[0]


class LastState(nn.Module):
    """Keeps the state in which a recurrence ended: Keras' ``stateful=True``.

    Called, it gives the state to start from, None at first; ``keep`` notes the new one of what a
    recurrence returned, and returns that. Keras saves no states, so the weights hold none.
    """

    h: Tensor | None
    c: Tensor | None

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("h", None, persistent=False)
        self.register_buffer("c", None, persistent=False)
        self.bare = False

    def forward(self) -> Any:
        """The state as the recurrence returned it."""
        if self.h is None or self.bare:
            return self.h
        return (self.h,) if self.c is None else (self.h, self.c)

    def keep(self, result: tuple[Tensor, Any]) -> tuple[Tensor, Any]:
        """Note the state of ``result``, an output and a state; gradients end with the call."""
        last = result[1]
        self.bare = isinstance(last, Tensor)
        states = [last] if self.bare else list(last)
        self.h = states[0].detach()
        self.c = states[1].detach() if len(states) > 1 else None
        return result

    def reset_state(self) -> None:
        """Start from zeros again."""
        self.h = self.c = None


def reset_states(model: nn.Module) -> None:
    """Let every stateful recurrence of a model start from zeros again."""
    for module in model.modules():
        if isinstance(module, LastState):
            module.reset_state()
