"""A Keras model in PyTorch, written by keras2torch."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("weights.safetensors")


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


class Sentiment(nn.Module):
    """Keras model 'sentiment'.

    tokens: (batch, 200), int32
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20000, 128)
        self.bidirectional = nn.LSTM(128, 64, batch_first=True, bidirectional=True)
        self.bidirectional_1 = nn.LSTM(128, 64, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(128, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start afresh as Keras would; frozen weights stay."""
        nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
        reset_lstm(self.bidirectional)
        reset_lstm(self.bidirectional_1)
        nn.init.xavier_uniform_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def logits(self, tokens: Tensor) -> Tensor:
        """What the last activation is applied to: crossentropies are taken of this."""
        x: Tensor = self.embedding(tokens)  # (batch, 200, 128)
        x, _ = self.bidirectional(x)
        _, (h, _) = self.bidirectional_1(x)
        x = torch.cat([h[0], h[1]], dim=-1)  # (batch, 128)
        x = self.dense(x)  # (batch, 1)
        return x

    def forward(self, tokens: Tensor) -> Tensor:
        x = torch.sigmoid(self.logits(tokens))
        return x


def load(path: str | Path = WEIGHTS) -> Sentiment:
    """The model with its trained weights, ready to predict."""
    model = Sentiment()
    model.load_state_dict(load_file(path))
    return model.eval()
