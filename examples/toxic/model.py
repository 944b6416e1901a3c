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


class Toxic(nn.Module):
    """Keras model 'toxic'.

    tokens: (batch, 200), int32
    features: (batch, 2), float32
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20000, 300)
        self.spatial_dropout1d = nn.Dropout1d(0.3)
        self.bidirectional = nn.LSTM(300, 128, batch_first=True, bidirectional=True)
        self.bidirectional_1 = nn.GRU(256, 64, batch_first=True, bidirectional=True)
        self.labels = nn.Linear(386, 6)
        self.embedding.requires_grad_(False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start afresh as Keras would; frozen weights stay."""
        reset_lstm(self.bidirectional)
        reset_gru(self.bidirectional_1)
        nn.init.xavier_uniform_(self.labels.weight)
        nn.init.zeros_(self.labels.bias)

    def logits(self, tokens: Tensor, features: Tensor) -> Tensor:
        """What the last activation is applied to: crossentropies are taken of this."""
        x: Tensor = self.embedding(tokens)  # (batch, 200, 300)
        x = self.spatial_dropout1d(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.bidirectional(x)  # (batch, 200, 256)
        x, h = self.bidirectional_1(x)  # (batch, 200, 128)
        forward_h = h[0]  # (batch, 64)
        backward_h = h[1]  # (batch, 64)
        global_average_pooling1d = x.mean(dim=1)  # (batch, 128)
        global_max_pooling1d = x.amax(dim=1)  # (batch, 128)
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
        x = self.labels(x)  # (batch, 6)
        return x

    def forward(self, tokens: Tensor, features: Tensor) -> Tensor:
        x = torch.sigmoid(self.logits(tokens, features))
        return x


def load(path: str | Path = WEIGHTS) -> Toxic:
    """The model with its trained weights, ready to predict."""
    model = Toxic()
    model.load_state_dict(load_file(path))
    return model.eval()
