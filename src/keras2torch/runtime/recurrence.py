"""What Keras' recurrent layers do and ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN`` alone don't."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def reset_lstm(lstm: nn.LSTM) -> None:
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


def reset_gru(gru: nn.GRU) -> None:
    """Start as Keras' GRU, which has PyTorch's two biases."""
    for name, parameter in gru.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        else:
            nn.init.zeros_(parameter)


def reset_rnn(rnn: nn.RNN) -> None:
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
    rnn: nn.RNNBase, x: Tensor, mask: Tensor, state: Any = None, *, repeat_output: bool = True
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
    sources = [before, after][: 2 if rnn.bidirectional else 1]
    parts = []
    for part, source in zip(output.chunk(len(sources), dim=-1), sources, strict=True):
        index = source.clamp(min=0).unsqueeze(-1).expand_as(part)
        parts.append(part.gather(1, index) * (source >= 0).unsqueeze(-1))

    empty = (lengths == 0).reshape(1, batch, 1)
    finals = last if isinstance(last, tuple) else (last,)
    if state is None:
        state = tuple(torch.zeros_like(final) for final in finals)
    starts = state if isinstance(state, tuple) else (state,)
    kept = tuple(torch.where(empty, s, f) for f, s in zip(finals, starts, strict=True))
    return torch.cat(parts, dim=-1), kept if isinstance(last, tuple) else kept[0]
