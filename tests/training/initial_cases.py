"""Layers with initializers, large enough for distributions to be told apart."""

from __future__ import annotations

from typing import Any

IMAGE, SERIES = (9, 9, 16), (5, 60)
# Class, config, input's shape, and the options that say how matrices start.
LAYERS: dict[str, tuple[str, dict[str, Any], tuple[int, ...], tuple[str, ...]]] = {
    "Dense": ("Dense", {"units": 150}, (160,), ("kernel",)),
    "Conv1D": ("Conv1D", {"filters": 60, "kernel_size": 5}, (9, 50), ("kernel",)),
    "Conv2D": ("Conv2D", {"filters": 24, "kernel_size": 5}, IMAGE, ("kernel",)),
    "grouped": ("Conv2D", {"filters": 24, "kernel_size": 5, "groups": 2}, IMAGE, ("kernel",)),
    "transposed": ("Conv2DTranspose", {"filters": 24, "kernel_size": 5}, IMAGE, ("kernel",)),
    "DepthwiseConv2D": (
        "DepthwiseConv2D",
        {"kernel_size": 7, "depth_multiplier": 5},
        (9, 9, 30),
        ("depthwise",),
    ),
    "SeparableConv2D": (
        "SeparableConv2D",
        {"filters": 90, "kernel_size": 7},
        (9, 9, 80),
        ("depthwise", "pointwise"),
    ),
    "LSTM": ("LSTM", {"units": 50}, SERIES, ("kernel", "recurrent")),
    "GRU": ("GRU", {"units": 60}, SERIES, ("kernel", "recurrent")),
    "GRU by hand": ("GRU", {"units": 60, "reset_after": False}, SERIES, ("kernel", "recurrent")),
    "SimpleRNN": ("SimpleRNN", {"units": 90}, SERIES, ("kernel", "recurrent")),
    "ConvLSTM1D": (
        "ConvLSTM1D",
        {"filters": 20, "kernel_size": 3},
        (4, 9, 20),
        ("kernel", "recurrent"),
    ),
    "Embedding": ("Embedding", {"input_dim": 400, "output_dim": 25}, (5,), ("embeddings",)),
    "MultiHeadAttention": (
        "MultiHeadAttention",
        {"num_heads": 4, "key_dim": 25},
        (5, 80),
        ("kernel",),
    ),
    "EinsumDense": (
        "EinsumDense",
        {"equation": "abc,cde->abde", "output_shape": [None, 8, 25], "bias_axes": "de"},
        (5, 50),
        ("kernel",),
    ),
    "other EinsumDense": (
        "EinsumDense",
        {"equation": "abc,bcd->abd", "output_shape": [12, 40]},
        (12, 30),
        ("kernel",),
    ),
}
STARTS: dict[str, dict[str, Any] | None] = {
    "default": None,
    "GlorotUniform": {},
    "GlorotNormal": {},
    "HeUniform": {},
    "HeNormal": {},
    "LecunUniform": {},
    "LecunNormal": {},
    "RandomNormal": {"mean": 0.5, "stddev": 2.0},
    "RandomUniform": {"minval": -1.0, "maxval": 3.0},
    "TruncatedNormal": {"mean": 1.0, "stddev": 0.5},
    "VarianceScaling": {"scale": 3.0, "mode": "fan_out", "distribution": "untruncated_normal"},
    "VarianceScaling by axes": {
        "scale": 0.7,
        "mode": "fan_avg",
        "distribution": "uniform",
        "input_axes": [1],
        "output_axes": [0],
    },
    "Orthogonal": {"gain": 2.0},
    "Constant": {"value": 0.3},
    "Ones": {},
    "Zeros": {},
    "Identity": {},  # Keras does not save its gain
}
FAST_STARTS = [
    ("Dense", "HeNormal"),
    ("DepthwiseConv2D", "default"),
    ("DepthwiseConv2D", "Orthogonal"),
    ("LSTM", "default"),
    ("MultiHeadAttention", "Orthogonal"),
    ("Embedding", "default"),
]


def slow_starts() -> list[tuple[str, str]]:
    """All other pairs; only matrices start as an identity."""
    pairs = [(layer, start) for layer in LAYERS for start in STARTS]
    matrices = ("Dense", "LSTM", "SimpleRNN", "Embedding")
    return [
        (layer, start)
        for layer, start in pairs
        if (layer, start) not in FAST_STARTS and (start != "Identity" or layer in matrices)
    ]


def initial_case(layer: str, start: str) -> dict[str, Any]:
    kind, config, shape, options = LAYERS[layer]
    config = {**config, "name": "layer"}
    if STARTS[start] is not None:
        made = {"class_name": start.split()[0], "config": STARTS[start]}
        config |= {f"{option}_initializer": made for option in options}
        if start in ("Constant", "Ones") and kind not in ("Embedding", "LSTM", "ConvLSTM1D"):
            config["bias_initializer"] = made  # others are too short to be told apart
    return {
        "id": f"{layer}, {start}",
        "layer": kind,
        "config": config,
        "shape": shape,
        "dtype": "int32" if kind == "Embedding" else "float32",
    }
