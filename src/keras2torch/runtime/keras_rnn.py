"""Recurrences for the options of Keras that PyTorch's own recurrences lack."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def hard_sigmoid(x: Tensor) -> Tensor:
    """``F.hardsigmoid`` with a gradient that is exact in float64 too."""
    return F.relu6(x + 3) / 6


def sparse_sigmoid(x: Tensor) -> Tensor:
    """Half of ``x + 1``, between 0 and 1."""
    return (F.hardtanh(x) + 1) / 2


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)) for every x; ``F.softplus`` is x itself above 20."""
    return -F.logsigmoid(-x)


def gate_sums(x: Tensor, weight: Tensor, bias: Tensor | None, drop: Tensor | None) -> Tensor:
    """``x @ weight.T + bias`` for all gates, ``x`` with a dropout mask for each.

    x: (batch, ..., size), weight: (gates * units, size), drop: (gates, *x.shape), where
    a size of 1 stands for all; returns (batch, ..., gates * units).
    """
    if drop is None:
        return F.linear(x, weight, bias)
    parts = weight.chunk(len(drop))
    sums = [F.linear(x * mask, part) for mask, part in zip(drop, parts, strict=True)]
    total = torch.cat(sums, dim=-1)
    return total if bias is None else total + bias


class KerasRNN(nn.Module):
    """Keras' SimpleRNN, and the loop over time that KerasLSTM and KerasGRU share.

    h' = activation(W_ih x + b_ih + W_hh h)

    While training, dropout masks are drawn once per call, one for each gate: all steps
    of a sequence share them. ``kernel_size`` is for ConvLSTM.
    Source: keras/src/layers/rnn/simple_rnn.py and dropout_rnn_cell.py.
    """

    gates = 1
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        kernel_size: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.activation = activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        size = self.gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(size, input_size, *kernel_size))
        self.weight_hh = nn.Parameter(torch.empty(size, hidden_size, *kernel_size))
        self.bias_ih = nn.Parameter(torch.empty(size)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as Keras does by default."""
        nn.init.xavier_uniform_(self.weight_ih)
        nn.init.orthogonal_(self.weight_hh)
        for name, parameter in self.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(parameter)

    def input_sums(self, x: Tensor, drop: Tensor | None) -> Tensor:
        """The inputs' part of the gates, (batch, time, gates * units)."""
        return gate_sums(x, self.weight_ih, self.bias_ih, drop)

    def state_sums(self, h: Tensor, drop: Tensor | None) -> Tensor:
        """The state's part of the gates, (batch, gates * units)."""
        return gate_sums(h, self.weight_hh, None, drop)

    def step(self, x: Tensor, state: tuple[Tensor, ...], drop: Tensor | None) -> tuple[Tensor, ...]:
        """The states after one step.

        x: the input's part of the gates, (batch, gates * units), state: (batch, units)
        each, drop: masks for the state, (gates, batch, units).
        """
        (h,) = state
        return (self.activation(x + self.state_sums(h, drop)),)

    def forward(
        self,
        x: Tensor,
        state: tuple[Tensor, ...] | None = None,
        mask: Tensor | None = None,
        *,
        repeat_output: bool = True,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run all steps; returns the outputs (batch, time, units) and the last states.

        x: (batch, time, input_size), state: (batch, units) each, mask: (batch, time).
        A masked step keeps the states; its output is the one before it (zeros before
        the first), or zeros without ``repeat_output``.
        Source: keras/src/backend/tensorflow/rnn.py.
        """
        sums = self.input_sums(x, self._drop(x[:, :1], self.dropout))
        if state is None:
            zeros = sums.new_zeros(len(x), self.hidden_size, *sums.shape[3:])
            state = (zeros,) * self.states
        recurrent_drop = self._drop(state[0], self.recurrent_dropout)
        output = torch.zeros_like(state[0])
        if mask is not None:  # an axis for the units, and those that it lacks
            lacking = [1] * (x.dim() - mask.dim() - 1)
            mask = mask.bool().reshape(*mask.shape[:2], 1, *mask.shape[2:], *lacking)
        outputs = []
        for time, x_now in enumerate(sums.unbind(1)):
            after = self.step(x_now, state, recurrent_drop)
            if mask is None:
                state, output = after, after[0]
            else:
                counts = mask[:, time]
                otherwise = output if repeat_output else torch.zeros_like(output)
                output = torch.where(counts, after[0], otherwise)
                state = tuple(
                    torch.where(counts, new, old) for new, old in zip(after, state, strict=True)
                )
            outputs.append(output)
        return torch.stack(outputs, dim=1), state

    def _drop(self, x: Tensor, rate: float) -> Tensor | None:
        """Dropout masks for ``x``, (gates, *x.shape); None if nothing is dropped."""
        if not self.training or rate == 0.0:
            return None
        return F.dropout(x.new_ones(self.gates, *x.shape), rate)


class KerasLSTM(KerasRNN):
    """Keras' LSTM; gates in the order i, f, g, o, as in ``nn.LSTM``.

    c' = f * c + i * activation(g),  h' = o * activation(c')

    The recurrent activation acts on i, f and o. Source: keras/src/layers/rnn/lstm.py.
    """

    gates = 4
    states = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        self.recurrent_activation = recurrent_activation

    def reset_parameters(self) -> None:
        """Start as Keras does by default: the forget gate's bias is 1."""
        super().reset_parameters()
        if self.bias_ih is not None:
            nn.init.ones_(self.bias_ih.data[self.hidden_size : 2 * self.hidden_size])

    def step(self, x: Tensor, state: tuple[Tensor, ...], drop: Tensor | None) -> tuple[Tensor, ...]:
        """The states h and c after one step."""
        h, c = state
        i, f, g, o = (x + self.state_sums(h, drop)).chunk(4, dim=1)
        kept = self.recurrent_activation(f) * c
        c = kept + self.recurrent_activation(i) * self.activation(g)
        return self.recurrent_activation(o) * self.activation(c), c


class KerasGRU(KerasRNN):
    """Keras' GRU; gates in the order r, z, n, as in ``nn.GRU``.

    h' = z * h + (1 - z) * n,  n = activation(W_in x + b_in + r * (W_hn h + b_hn))
    or, without ``reset_after``,  n = activation(W_in x + b_in + W_hn (r * h))

    The recurrent activation acts on r and z; only ``reset_after`` has a ``bias_hh``.
    Source: keras/src/layers/rnn/gru.py.
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        reset_after: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, bias=bias, **options)
        self.recurrent_activation = recurrent_activation
        self.reset_after = reset_after
        second = bias and reset_after
        self.bias_hh = nn.Parameter(torch.zeros(3 * hidden_size)) if second else None

    def step(self, x: Tensor, state: tuple[Tensor, ...], drop: Tensor | None) -> tuple[Tensor, ...]:
        """The state h after one step."""
        (h,) = state
        x_r, x_z, x_n = x.chunk(3, dim=-1)
        if self.reset_after:
            sums = gate_sums(h, self.weight_hh, self.bias_hh, drop)
            h_r, h_z, h_n = sums.chunk(3, dim=-1)
            n = x_n + self.recurrent_activation(x_r + h_r) * h_n
        else:
            units = self.hidden_size
            first, last = self.weight_hh[: 2 * units], self.weight_hh[2 * units :]
            drop_rz, drop_n = (None, None) if drop is None else (drop[:2], drop[2:])
            h_r, h_z = gate_sums(h, first, None, drop_rz).chunk(2, dim=-1)
            r = self.recurrent_activation(x_r + h_r)
            n = x_n + gate_sums(r * h, last, None, drop_n)
        z = self.recurrent_activation(x_z + h_z)
        return (z * h + (1 - z) * self.activation(n),)
