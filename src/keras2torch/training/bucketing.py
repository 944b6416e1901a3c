"""Batches of sequences of similar length, padded no further than they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from keras2torch.errors import TrainingError


@dataclass(frozen=True)
class LengthBuckets:
    """Sequences of similar length are put into one batch, and its common padding is cut off.

    A model that masks its padding computes the same of what is left: exact. One without masks
    sees the padding and changes.

    Attributes:
        inputs: The names of the arrays that are sequences of ids.
        pad: The id that fills up.
        side: Where it fills up; Keras' ``pad_sequences`` pads on the left.
        window: How many batches are sorted together: larger ones have less padding, smaller ones
            are more at random.
    """

    inputs: tuple[str, ...]
    pad: int = 0
    side: Literal["left", "right"] = "right"
    window: int = 50

    def lengths(self, sequences: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """How long each row is without its padding; (rows, time) -> (rows,)."""
        real = sequences != self.pad
        if self.side == "left":
            real = real[:, ::-1]
        last = real.shape[1] - np.argmax(real[:, ::-1], axis=1)
        return np.where(real.any(axis=1), last, 0).astype(np.int64)

    def trimmed(
        self, sequences: npt.NDArray[Any], lengths: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """Rows without the padding that a batch of these lengths shares; one step stays."""
        steps = max(1, int(lengths.max(initial=0)))
        return sequences[:, -steps:] if self.side == "left" else sequences[:, :steps]


def bucketed_order(
    lengths: npt.NDArray[np.int64], batch_size: int, window: int, generator: torch.Generator | None
) -> list[npt.NDArray[np.int64]]:
    """Batches of rows: drawn at random, sorted by length within ``window`` batches, shuffled.

    Without a generator all rows are sorted, for predictions. A short batch, if any, is the last.
    """
    if len(lengths) == 0:
        raise TrainingError("no row to make batches of")
    if generator is None:
        order = np.argsort(lengths, kind="stable")
        return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    drawn = torch.randperm(len(lengths), generator=generator).numpy()
    made: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(drawn), batch_size * window):
        part = drawn[start : start + batch_size * window]
        part = part[np.argsort(lengths[part], kind="stable")]
        made += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    whole = [rows for rows in made if len(rows) == batch_size]
    shuffled = [whole[i] for i in torch.randperm(len(whole), generator=generator).tolist()]
    return shuffled + [rows for rows in made if len(rows) < batch_size]
