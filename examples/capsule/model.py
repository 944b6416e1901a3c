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


class Capsule(nn.Module):
    """Keras model 'capsule'.

    tokens: (batch, 200), int32
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20000, 300)
        self.spatial_dropout1d = nn.Dropout1d(0.3)
        self.encoder = nn.GRU(300, 64, batch_first=True, bidirectional=True)
        self.votes = nn.Linear(128, 160, bias=False)
        self.dropout = nn.Dropout(0.25)
        self.answer = nn.Linear(160, 1)
        self.embedding.requires_grad_(False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start afresh as Keras would; frozen weights stay."""
        reset_gru(self.encoder)
        nn.init.xavier_uniform_(self.votes.weight)
        nn.init.xavier_uniform_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def logits(self, tokens: Tensor) -> Tensor:
        """What the last activation is applied to: crossentropies are taken of this."""
        x: Tensor = self.embedding(tokens)  # (batch, 200, 300)
        x = self.spatial_dropout1d(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.encoder(x)  # (batch, 200, 128)
        x = self.votes(x)  # (batch, 200, 160)
        x = x.reshape(-1, 200, 10, 16)  # (batch, 200, 10, 16)
        get_item = x[:, :, :, 0]  # (batch, 200, 10)
        zeros_like = torch.zeros_like(get_item)
        softmax = torch.softmax(zeros_like, dim=-1)
        einsum = torch.einsum("btn,btns->bns", softmax, x)  # (batch, 10, 16)
        square = einsum.square()
        sum_2 = square.sum(dim=-1, keepdim=True)  # (batch, 10, 1)
        add = sum_2 + 1e-07
        sqrt = torch.sqrt(add)
        true_divide = einsum / sqrt
        einsum_1 = torch.einsum("bns,btns->btn", true_divide, x)  # (batch, 200, 10)
        add_1 = zeros_like + einsum_1
        softmax_1 = torch.softmax(add_1, dim=-1)
        einsum_2 = torch.einsum("btn,btns->bns", softmax_1, x)  # (batch, 10, 16)
        square_1 = einsum_2.square()
        sum_1 = square_1.sum(dim=-1, keepdim=True)  # (batch, 10, 1)
        add_2 = sum_1 + 1e-07
        sqrt_1 = torch.sqrt(add_2)
        true_divide_1 = einsum_2 / sqrt_1
        einsum_3 = torch.einsum("bns,btns->btn", true_divide_1, x)  # (batch, 200, 10)
        add_3 = add_1 + einsum_3
        softmax_2 = torch.softmax(add_3, dim=-1)
        einsum_4 = torch.einsum("btn,btns->bns", softmax_2, x)  # (batch, 10, 16)
        square_2 = einsum_4.square()
        sum_2 = square_2.sum(dim=-1, keepdim=True)  # (batch, 10, 1)
        add_4 = sum_2 + 1e-07
        sqrt_2 = torch.sqrt(add_4)
        true_divide_2 = einsum_4 / sqrt_2
        einsum_5 = torch.einsum("bns,btns->btn", true_divide_2, x)  # (batch, 200, 10)
        add_5 = add_3 + einsum_5
        softmax_3 = torch.softmax(add_5, dim=-1)
        x = torch.einsum("btn,btns->bns", softmax_3, x)  # (batch, 10, 16)
        square_3 = x.square()
        sum_3 = square_3.sum(dim=-1, keepdim=True)  # (batch, 10, 1)
        add_6 = sum_3 + 1e-07
        sqrt_3 = torch.sqrt(add_6)
        x = x / sqrt_3
        x = x.flatten(1)  # (batch, 160)
        x = self.dropout(x)
        x = self.answer(x)  # (batch, 1)
        return x

    def forward(self, tokens: Tensor) -> Tensor:
        x = torch.sigmoid(self.logits(tokens))
        return x


def load(path: str | Path = WEIGHTS) -> Capsule:
    """The model with its trained weights, ready to predict."""
    model = Capsule()
    model.load_state_dict(load_file(path))
    return model.eval()
