"""The parameters of a model and of its port, one for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any


@dataclass(frozen=True)
class Account:
    """How many numbers both sides have; ``lines`` are the port's tensors as ``port.json`` lists
    them, ``torch_only`` are those that Keras has nowhere."""

    keras: int
    torch: int
    torch_only: int
    trainable_keras: int
    trainable_torch: int
    lines: list[dict[str, Any]]


def account(manifest: Mapping[str, Any]) -> Account:
    """Count the parameters of both sides from a port's manifest; buffers are counted as Keras'
    non-trainable variables are."""
    lines = manifest["parameters"]
    keras = {line["keras"]: line for line in lines if line["keras"]}
    whole = {path: prod(line["keras_shape"]) for path, line in keras.items()}
    return Account(
        keras=sum(whole.values()),
        torch=sum(line["count"] for line in lines),
        torch_only=sum(line["count"] for line in lines if not line["keras"]),
        trainable_keras=sum(whole[path] for path, line in keras.items() if line["trainable"]),
        trainable_torch=sum(line["count"] for line in lines if line["trainable"]),
        lines=list(lines),
    )
