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


class Attention(nn.Module):
    """Keras model 'attention'.

    tokens: (batch, 200), int32
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20000, 300)
        self.spatial_dropout1d = nn.Dropout1d(0.3)
        self.encoder = nn.GRU(300, 64, batch_first=True, bidirectional=True)
        self.scores = nn.Linear(128, 1, bias=False)
        self.dropout = nn.Dropout(0.2)
        self.answer = nn.Linear(128, 1)
        self.embedding.requires_grad_(False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start afresh as Keras would; frozen weights stay."""
        reset_gru(self.encoder)
        nn.init.xavier_uniform_(self.scores.weight)
        nn.init.xavier_uniform_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def logits(self, tokens: Tensor) -> Tensor:
        """What the last activation is applied to: crossentropies are taken of this."""
        x: Tensor = self.embedding(tokens)  # (batch, 200, 300)
        x = self.spatial_dropout1d(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.encoder(x)  # (batch, 200, 128)
        scores: Tensor = torch.tanh(self.scores(x))  # (batch, 200, 1)
        weights = torch.softmax(scores, dim=1)
        x = x * weights
        x = x.sum(dim=1)  # (batch, 128)
        x = self.dropout(x)
        x = self.answer(x)  # (batch, 1)
        return x

    def forward(self, tokens: Tensor) -> Tensor:
        x = torch.sigmoid(self.logits(tokens))
        return x


def load(path: str | Path = WEIGHTS) -> Attention:
    """The model with its trained weights, ready to predict."""
    model = Attention()
    model.load_state_dict(load_file(path))
    return model.eval()
