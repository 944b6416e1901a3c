"""A Keras model in PyTorch, written by keras2torch."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_name("weights.safetensors")


def reset_gru(gru: nn.GRU | nn.GRUCell) -> None:
    """Start as Keras' GRU, which has PyTorch's two biases."""
    for name, parameter in gru.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        else:
            nn.init.zeros_(parameter)


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


class Quora(nn.Module):
    """Keras model 'quora'.

    tokens: (batch, 70), int32
    features: (batch, 2), float32
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20000, 300)
        self.spatial_dropout1d = nn.Dropout1d(0.1)
        self.bidirectional = nn.LSTM(300, 40, batch_first=True, bidirectional=True)
        self.bidirectional_1 = nn.GRU(80, 40, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(242, 16)
        self.dropout = nn.Dropout(0.1)
        self.dense_1 = nn.Linear(16, 1)
        self.embedding.requires_grad_(False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start afresh as Keras would; frozen weights stay."""
        reset_lstm(self.bidirectional)
        reset_gru(self.bidirectional_1)
        nn.init.xavier_uniform_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)
        nn.init.xavier_uniform_(self.dense_1.weight)
        nn.init.zeros_(self.dense_1.bias)

    def logits(self, tokens: Tensor, features: Tensor) -> Tensor:
        """What the last activation is applied to: crossentropies are taken of this."""
        x: Tensor = self.embedding(tokens)  # (batch, 70, 300)
        x = self.spatial_dropout1d(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.bidirectional(x)  # (batch, 70, 80)
        x, h = self.bidirectional_1(x)
        forward_h = h[0]  # (batch, 40)
        backward_h = h[1]  # (batch, 40)
        global_average_pooling1d = x.mean(dim=1)  # (batch, 80)
        global_max_pooling1d = x.amax(dim=1)  # (batch, 80)
        x = torch.cat(
            [
                global_average_pooling1d,
                forward_h,
                backward_h,
                global_max_pooling1d,
                features,
            ],
            dim=-1,
        )
        x = torch.relu(self.dense(x))  # (batch, 16)
        x = self.dropout(x)
        x = self.dense_1(x)  # (batch, 1)
        return x

    def forward(self, tokens: Tensor, features: Tensor) -> Tensor:
        x = torch.sigmoid(self.logits(tokens, features))
        return x


def load(path: str | Path = WEIGHTS) -> Quora:
    """The model with its trained weights, ready to predict."""
    model = Quora()
    model.load_state_dict(load_file(path))
    return model.eval()
