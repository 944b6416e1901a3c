"""The benchmarks' models as a PyTorch author writes them: what emitted code must keep up with.

Same sizes and the same arithmetic as ``keras_models.py``; the weights are PyTorch's own, for only
speed is compared. Inputs are Keras' (images NHWC, as a port takes them).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class ArticleA(nn.Module):
    """Quora insincere questions."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50000, 300).requires_grad_(False)
        self.dropout1d = nn.Dropout1d(0.1)
        self.lstm = nn.LSTM(300, 40, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(80, 40, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(242, 16)
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(16, 1)

    def forward(self, tokens: Tensor, features: Tensor) -> Tensor:
        x = self.embedding(tokens)
        x = self.dropout1d(x.transpose(1, 2)).transpose(1, 2)
        x, _ = self.lstm(x)
        x, h = self.gru(x)
        x = torch.cat([x.mean(dim=1), h[0], h[1], x.amax(dim=1), features], dim=-1)
        x = self.dropout(torch.relu(self.hidden(x)))
        return torch.sigmoid(self.out(x))


class ArticleB(nn.Module):
    """IMDB sentiment."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20000, 128)
        self.lstm1 = nn.LSTM(128, 64, batch_first=True, bidirectional=True)
        self.lstm2 = nn.LSTM(128, 64, batch_first=True, bidirectional=True)
        self.out = nn.Linear(128, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        x, _ = self.lstm1(self.embedding(tokens))
        _, (h, _) = self.lstm2(x)
        return torch.sigmoid(self.out(torch.cat([h[0], h[1]], dim=-1)))


class CNN(nn.Module):
    """Two convolutions with batch normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32, eps=1e-3, momentum=0.01)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64, eps=1e-3, momentum=0.01)
        self.fc = nn.Linear(4096, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = F.max_pool2d(torch.relu(self.bn1(self.conv1(image.permute(0, 3, 1, 2)))), 2)
        x = F.max_pool2d(torch.relu(self.bn2(self.conv2(x))), 2)
        return torch.softmax(self.fc(x.flatten(1)), dim=-1)


class Bottleneck(nn.Module):
    """A residual block of ResNet50 as Keras has it: the stride in the first convolution."""

    def __init__(self, inputs: int, width: int, stride: int = 1, project: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, stride=stride)
        self.bn1 = nn.BatchNorm2d(width, eps=1.001e-5)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width, eps=1.001e-5)
        self.conv3 = nn.Conv2d(width, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width, eps=1.001e-5)
        self.shortcut: nn.Module = nn.Identity()
        if project:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride=stride),
                nn.BatchNorm2d(4 * width, eps=1.001e-5),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


class ResNet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(64, eps=1.001e-5)
        blocks: list[nn.Module] = []
        inputs = 64
        for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            blocks.append(Bottleneck(inputs, width, stride, project=True))
            inputs = 4 * width
            blocks += [Bottleneck(inputs, width) for _ in range(count - 1)]
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(2048, 1000)

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(image.permute(0, 3, 1, 2))))
        x = self.blocks(F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, stride=2))
        return torch.softmax(self.fc(x.mean(dim=(2, 3))), dim=-1)


class MBConv(nn.Module):
    """An inverted residual block with squeeze and excitation."""

    def __init__(
        self, inputs: int, outputs: int, kernel_size: int, stride: int, expand: int
    ) -> None:
        super().__init__()
        width = inputs * expand
        squeezed = max(1, inputs // 4)
        self.residual = stride == 1 and inputs == outputs
        self.expand: nn.Module = nn.Identity()
        if expand != 1:
            self.expand = nn.Sequential(
                nn.Conv2d(inputs, width, 1, bias=False),
                nn.BatchNorm2d(width, eps=1e-3),
                nn.SiLU(),
            )
        self.stride = stride
        self.edge = kernel_size // 2
        self.depthwise = nn.Conv2d(
            width,
            width,
            kernel_size,
            stride=stride,
            padding=self.edge if stride == 1 else 0,
            groups=width,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(width, eps=1e-3)
        self.squeeze = nn.Conv2d(width, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, width, 1)
        self.project = nn.Conv2d(width, outputs, 1, bias=False)
        self.project_bn = nn.BatchNorm2d(outputs, eps=1e-3)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand(x)
        if self.stride == 2:
            before = self.edge - 1 + y.shape[-1] % 2
            y = F.pad(y, (before, self.edge, before, self.edge))
        y = F.silu(self.bn(self.depthwise(y)))
        scale = y.mean(dim=(2, 3), keepdim=True)
        scale = torch.sigmoid(self.excite(F.silu(self.squeeze(scale))))
        y = self.project_bn(self.project(y * scale))
        return self.dropout(y) + x if self.residual else y


class EfficientNetB0(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2, bias=False)
        self.stem_bn = nn.BatchNorm2d(32, eps=1e-3)
        blocks: list[nn.Module] = []
        inputs = 32
        for expand, outputs, count, stride, kernel_size in (
            (1, 16, 1, 1, 3),
            (6, 24, 2, 2, 3),
            (6, 40, 2, 2, 5),
            (6, 80, 3, 2, 3),
            (6, 112, 3, 1, 5),
            (6, 192, 4, 2, 5),
            (6, 320, 1, 1, 3),
        ):
            for number in range(count):
                blocks.append(
                    MBConv(inputs, outputs, kernel_size, stride if number == 0 else 1, expand)
                )
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.top = nn.Conv2d(320, 1280, 1, bias=False)
        self.top_bn = nn.BatchNorm2d(1280, eps=1e-3)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1280, 1000)
        self.register_buffer("mean", torch.zeros(3, 1, 1))
        self.register_buffer("std", torch.ones(3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        x = image.permute(0, 3, 1, 2) / 255
        x = (x - self.mean) / self.std
        x = F.silu(self.stem_bn(self.stem(F.pad(x, (0, 1, 0, 1)))))
        x = F.silu(self.top_bn(self.top(self.blocks(x))))
        return torch.softmax(self.fc(self.dropout(x.mean(dim=(2, 3)))), dim=-1)


class Transformer(nn.Module):
    """An encoder block over token embeddings, post-norm."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20000, 256)
        self.query = nn.Linear(256, 256)
        self.key = nn.Linear(256, 256)
        self.value = nn.Linear(256, 256)
        self.output = nn.Linear(256, 256)
        self.norm1 = nn.LayerNorm(256, eps=1e-3)
        self.hidden = nn.Linear(256, 1024)
        self.out = nn.Linear(1024, 256)
        self.norm2 = nn.LayerNorm(256, eps=1e-3)
        self.head = nn.Linear(256, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        q, k, v = (
            part(x).unflatten(-1, (8, 32)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        y = F.scaled_dot_product_attention(q, k, v, scale=1 / math.sqrt(32))
        x = self.norm1(x + self.output(y.transpose(1, 2).flatten(2)))
        x = self.norm2(x + self.out(F.gelu(self.hidden(x))))
        return torch.softmax(self.head(x.mean(dim=1)), dim=-1)


MODELS = {
    "article A": ArticleA,
    "article B": ArticleB,
    "CNN": CNN,
    "ResNet50": ResNet50,
    "EfficientNetB0": EfficientNetB0,
    "Transformer": Transformer,
}
